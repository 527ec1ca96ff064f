import { isIPv6 } from 'node:net'
import type { TracedMessage } from './traced-message.ts'

const ipv4HeadBytes = 20
const ipv6HeadBytes = 40
const udpHeadBytes = 8
const tcpHeadBytes = 20
/** Longest piece of a message in one TCP segment: an IP packet holds 65,535 bytes with its own head (RFC 791 3.1). */
const segmentBytes = 32_768
const udpNumber = 17
const tcpNumber = 6
/** A message of UDP that filled more than one packet never was on the wire; it is cut to what fits. */
const maxUdpPayload = 65_535 - ipv6HeadBytes - udpHeadBytes

/** The packets that carry one message. */
export interface WrappedMessage {
  /** Raw IP packets, first to last. */
  packets: Buffer[]
  /** Bytes of the payload that the message had and the packets have not. */
  missing: number
}

/**
 * Wraps messages into IP packets as if each had travelled alone: UDP datagrams as they were, everything on a
 * connection as plain TCP with sequence numbers that run on per direction, so that any reader can put them together.
 */
export class PacketMaker {
  /** Next sequence number, by direction of a connection. */
  readonly #sequences = new Map<string, number>()

  wrap(message: TracedMessage): WrappedMessage {
    const { flow, sent, bytes } = message
    const near = { host: flow.localHost, port: flow.localPort }
    const far = { host: flow.remoteHost, port: flow.remotePort }
    const [from, to] = sent ? [near, far] : [far, near]
    const missing = message.size - bytes.length
    if (flow.protocol === 'udp') {
      const payload = bytes.subarray(0, maxUdpPayload)
      return { packets: [udpPacket(from, to, payload)], missing: message.size - payload.length }
    }
    const forth = `${from.host} ${from.port} ${to.host} ${to.port}`
    const back = `${to.host} ${to.port} ${from.host} ${from.port}`
    const packets: Buffer[] = []
    for (let at = 0; at === 0 || at < bytes.length; at += segmentBytes) {
      const payload = bytes.subarray(at, at + segmentBytes)
      const sequence = this.#sequences.get(forth) ?? 1
      const acknowledged = this.#sequences.get(back) ?? 1
      const last = at + segmentBytes >= bytes.length
      packets.push(tcpPacket(from, to, { sequence, acknowledged, last, payload }))
      this.#sequences.set(forth, (sequence + payload.length) >>> 0)
    }
    // What was not kept still took its place in the stream.
    if (missing > 0) this.#sequences.set(forth, ((this.#sequences.get(forth) ?? 1) + missing) >>> 0)
    return { packets, missing }
  }
}

interface End {
  host: string
  port: number
}

function udpPacket(from: End, to: End, payload: Buffer): Buffer {
  const head = Buffer.alloc(udpHeadBytes)
  head.writeUInt16BE(from.port, 0)
  head.writeUInt16BE(to.port, 2)
  head.writeUInt16BE(udpHeadBytes + payload.length, 4)
  return ipPacket(from, to, udpNumber, Buffer.concat([head, payload]), 6)
}

function tcpPacket(
  from: End,
  to: End,
  {
    sequence,
    acknowledged,
    last,
    payload,
  }: { sequence: number; acknowledged: number; last: boolean; payload: Buffer },
): Buffer {
  const head = Buffer.alloc(tcpHeadBytes)
  head.writeUInt16BE(from.port, 0)
  head.writeUInt16BE(to.port, 2)
  head.writeUInt32BE(sequence, 4)
  head.writeUInt32BE(acknowledged, 8)
  head[12] = (tcpHeadBytes / 4) << 4
  // ACK, and PSH where the message ends (RFC 9293 3.1).
  head[13] = last ? 0x18 : 0x10
  head.writeUInt16BE(65_535, 14)
  return ipPacket(from, to, tcpNumber, Buffer.concat([head, payload]), 16)
}

/** Puts the IP head before `segment` and its checksum into it, which also covers the addresses (RFC 768, RFC 8200 8.1). */
function ipPacket(from: End, to: End, protocol: number, segment: Buffer, checksumAt: number): Buffer {
  const six = isIPv6(from.host) || isIPv6(to.host)
  const source = addressBytes(from.host, six)
  const target = addressBytes(to.host, six)
  const pseudo = Buffer.alloc(4)
  pseudo[1] = protocol
  pseudo.writeUInt16BE(segment.length, 2)
  const sum = checksum([source, target, pseudo, segment])
  // RFC 768: a sum of 0 means "none" in UDP and is sent as its equal.
  segment.writeUInt16BE(sum === 0 && protocol === udpNumber ? 0xffff : sum, checksumAt)
  if (six) {
    const head = Buffer.alloc(8)
    head[0] = 0x60
    head.writeUInt16BE(segment.length, 4)
    head[6] = protocol
    head[7] = 64
    return Buffer.concat([head, source, target, segment])
  }
  const head = Buffer.alloc(ipv4HeadBytes)
  head[0] = 0x45
  head.writeUInt16BE(ipv4HeadBytes + segment.length, 2)
  head[8] = 64
  head[9] = protocol
  source.copy(head, 12)
  target.copy(head, 16)
  head.writeUInt16BE(checksum([head]), 10)
  return Buffer.concat([head, segment])
}

/** The address in network order; what is no address (a listener of all addresses that never was asked) is all zeros. */
export function addressBytes(host: string, six: boolean): Buffer {
  const bytes = Buffer.alloc(six ? 16 : 4)
  const plain = host.replace(/%.*$/, '')
  const dotted = /(?:^|:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(plain)
  if (dotted)
    for (let index = 0; index < 4; index++) bytes[bytes.length - 4 + index] = Number(dotted[index + 1])
  if (!six) return bytes
  if (!plain.includes(':')) {
    // RFC 4291 2.5.5.2: an IPv4 address among IPv6 ones.
    bytes.writeUInt16BE(0xffff, 10)
    return bytes
  }
  const words = dotted ? plain.slice(0, plain.lastIndexOf(':') + 1) + '0:0' : plain
  const [front = '', back] = words.split('::')
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((word) => parseInt(word, 16) || 0)
  const first = groups(front)
  const last = back === undefined ? [] : groups(back)
  first.slice(0, 8).forEach((word, index) => bytes.writeUInt16BE(word & 0xffff, index * 2))
  const end = dotted ? 12 : 16
  last.slice(-8).forEach((word, index) => {
    const at = 16 - 2 * (last.length - index)
    if (at >= 0 && at < end) bytes.writeUInt16BE(word & 0xffff, at)
  })
  return bytes
}

/** The Internet checksum (RFC 1071) over the parts as one; only the last may have an odd length. */
function checksum(parts: Buffer[]): number {
  let sum = 0
  for (const part of parts) {
    let at = 0
    for (; at + 1 < part.length; at += 2) sum += part.readUInt16BE(at)
    if (at < part.length) sum += (part[at] as number) << 8
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
  return ~sum & 0xffff
}
