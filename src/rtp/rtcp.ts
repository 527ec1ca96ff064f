/** RTCP packets on a caller's Buffer (RFC 3550 6.4, reduced size RFC 5506), without allocation. */

/** Payload types of the RTCP packets that are named in code. */
export const rtcpType = { senderReport: 200, receiverReport: 201, sourceDescription: 202, bye: 203 } as const

/** Bytes of the smallest packet: header and the SSRC of its sender. */
export const rtcpMinBytes = 8

/**
 * True when the first `length` bytes are a chain of well-formed RTCP packets that fills them exactly
 * (RFC 3550 A.2). The first may be of any type, since reduced-size RTCP has no report in front (RFC 5506).
 */
export function isRtcpCompound(packet: Buffer, length: number): boolean {
  if (length < rtcpMinBytes || length > packet.length || length % 4 !== 0) return false
  let offset = 0
  while (offset < length) {
    if (offset + 4 > length) return false
    const first = packet[offset]!
    const type = packet[offset + 1]!
    if (first >> 6 !== 2 || type < 192 || type > 223) return false
    // Only the last packet of a compound may be padded.
    const next = offset + 4 + ((packet[offset + 2]! << 8) | packet[offset + 3]!) * 4
    if (next > length || (first & 0x20 && next !== length)) return false
    offset = next
  }
  return true
}

/** True when the bytes start like RTCP; all that can be said of SRTCP before its tag is verified. */
export function looksLikeRtcp(packet: Buffer, length: number): boolean {
  return length >= rtcpMinBytes && packet[0]! >> 6 === 2 && packet[1]! >= 192 && packet[1]! <= 223
}

/** Reads the SSRC of the sender of the first packet, signed like `rtpSsrc`. */
export function rtcpSsrc(packet: Buffer): number {
  return packet.readInt32BE(4)
}

/** Puts `to` in place of the SSRC `from` wherever a packet of a well-formed compound names its sender by it. */
export function renameRtcpSender(packet: Buffer, length: number, from: number, to: number): void {
  for (let offset = 0; offset + rtcpMinBytes <= length;) {
    if (packet.readInt32BE(offset + 4) === from) packet.writeInt32BE(to, offset + 4)
    offset += 4 + packet.readUInt16BE(offset + 2) * 4
  }
}

/** What a sender tells about its stream (RFC 3550 6.4.1). */
export interface SenderReport {
  ssrc: number
  /** Wall clock, milliseconds since the Unix epoch; becomes an NTP timestamp. */
  nowMs: number
  rtpTimestamp: number
  packets: number
  octets: number
}

/**
 * Writes a compound of a sender report without report blocks and a source description with `cname`,
 * and returns its length. The buffer must have 44 + cname bytes of room.
 */
export function writeSenderReport(packet: Buffer, report: SenderReport, cname: string): number {
  packet[0] = 0x80
  packet[1] = rtcpType.senderReport
  packet.writeUInt16BE(6, 2)
  packet.writeInt32BE(report.ssrc | 0, 4)
  const seconds = Math.floor(report.nowMs / 1000)
  // NTP counts from 1900 (RFC 3550 4).
  packet.writeUInt32BE((seconds + 2_208_988_800) % 0x100000000, 8)
  packet.writeUInt32BE(Math.floor(((report.nowMs % 1000) / 1000) * 0x100000000), 12)
  packet.writeUInt32BE(report.rtpTimestamp % 0x100000000, 16)
  packet.writeUInt32BE(report.packets % 0x100000000, 20)
  packet.writeUInt32BE(report.octets % 0x100000000, 24)
  return 28 + writeSourceDescription(packet, 28, report.ssrc, cname)
}

/** Writes an empty receiver report with a source description; the way to keep RTCP alive without sending audio. */
export function writeEmptyReceiverReport(packet: Buffer, ssrc: number, cname: string): number {
  packet[0] = 0x80
  packet[1] = rtcpType.receiverReport
  packet.writeUInt16BE(1, 2)
  packet.writeInt32BE(ssrc | 0, 4)
  return 8 + writeSourceDescription(packet, 8, ssrc, cname)
}

function writeSourceDescription(packet: Buffer, offset: number, ssrc: number, cname: string): number {
  const nameBytes = Math.min(Buffer.byteLength(cname), 255)
  // RFC 3550 6.5: the item list ends with at least one null and is padded to a word.
  const itemBytes = Math.ceil((2 + nameBytes + 1) / 4) * 4
  packet[offset] = 0x81
  packet[offset + 1] = rtcpType.sourceDescription
  packet.writeUInt16BE(1 + itemBytes / 4, offset + 2)
  packet.writeInt32BE(ssrc | 0, offset + 4)
  packet.fill(0, offset + 8, offset + 8 + itemBytes)
  packet[offset + 8] = 1
  packet[offset + 9] = nameBytes
  packet.write(cname, offset + 10, nameBytes)
  return 8 + itemBytes
}
