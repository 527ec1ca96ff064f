/**
 * The RTP header on a caller's Buffer, read and written without allocation (RFC 3550 5.1).
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 *   |                           timestamp                           |
 *   |                             SSRC                              |
 *   |             CSRC (0..15)  ...  extension if X                 |
 */

/** Bytes of a header without CSRC list and extension. */
export const rtpFixedHeaderBytes = 12

/**
 * Checks that the first `length` bytes are an RTP packet and returns where its payload starts,
 * or -1. Padding is not looked at: in SRTP it is encrypted.
 */
export function rtpPayloadOffset(packet: Buffer, length: number): number {
  if (length < rtpFixedHeaderBytes || length > packet.length) return -1
  const first = packet[0]!
  if (first >> 6 !== 2) return -1
  let offset = rtpFixedHeaderBytes + (first & 0x0f) * 4
  if (first & 0x10) {
    // RFC 3550 5.3.1: 16 bits for the profile, 16 bits length in words, the length word not counted.
    if (offset + 4 > length) return -1
    offset += 4 + ((packet[offset + 2]! << 8) | packet[offset + 3]!) * 4
  }
  return offset > length ? -1 : offset
}

/**
 * Returns where the payload ends once padding is taken off (RFC 3550 5.1, P bit), or -1 when the padding
 * count is impossible. Only for packets in the clear.
 */
export function rtpPayloadEnd(packet: Buffer, length: number, payloadOffset: number): number {
  if ((packet[0]! & 0x20) === 0) return length
  if (length <= payloadOffset) return -1
  const padding = packet[length - 1]!
  return padding === 0 || length - padding < payloadOffset ? -1 : length - padding
}

/** Reads the marker bit. */
export function rtpMarker(packet: Buffer): boolean {
  return (packet[1]! & 0x80) !== 0
}

/** Reads the payload type, 0 to 127. */
export function rtpPayloadType(packet: Buffer): number {
  return packet[1]! & 0x7f
}

/** Reads the sequence number, 0 to 65,535. */
export function rtpSequence(packet: Buffer): number {
  return (packet[2]! << 8) | packet[3]!
}

/** Reads the timestamp as an unsigned 32-bit number, in units of the codec's clock. */
export function rtpTimestamp(packet: Buffer): number {
  return packet[4]! * 0x1000000 + ((packet[5]! << 16) | (packet[6]! << 8) | packet[7]!)
}

/** Reads the SSRC as a signed 32-bit number: it is only compared, and signed stays a small integer in V8. */
export function rtpSsrc(packet: Buffer): number {
  return (packet[8]! << 24) | (packet[9]! << 16) | (packet[10]! << 8) | packet[11]!
}

/** The fields of a header that we write ourselves. */
export interface RtpHeader {
  marker: boolean
  payloadType: number
  sequence: number
  timestamp: number
  ssrc: number
}

/** Writes a 12-byte header at the start of `packet` and returns its length; values are cut to their width. */
export function writeRtpHeader(packet: Buffer, header: RtpHeader): number {
  packet[0] = 0x80
  packet[1] = (header.marker ? 0x80 : 0) | (header.payloadType & 0x7f)
  packet[2] = header.sequence >>> 8
  packet[3] = header.sequence
  const timestamp = header.timestamp % 0x100000000
  packet[4] = timestamp >>> 24
  packet[5] = timestamp >>> 16
  packet[6] = timestamp >>> 8
  packet[7] = timestamp
  packet[8] = header.ssrc >>> 24
  packet[9] = header.ssrc >>> 16
  packet[10] = header.ssrc >>> 8
  packet[11] = header.ssrc
  return rtpFixedHeaderBytes
}
