import { isIPv6 } from 'node:net'
import { addressBytes } from './sip-packets.ts'
import type { TracedMessage } from './traced-message.ts'

// HEP/EEP revision 3 (sipcapture/HEP, "HEP3 Network Protocol Specification"): chunks of the generic vendor 0.
const chunkHeadBytes = 6
const packetHeadBytes = 6
/** What fits into one datagram over IPv4; the same over TCP, so that a collector sees the same messages. */
const maxDatagramBytes = 65_507
const chunk = {
  ipFamily: 1,
  ipProtocol: 2,
  ipv4Source: 3,
  ipv4Target: 4,
  ipv6Source: 5,
  ipv6Target: 6,
  sourcePort: 7,
  targetPort: 8,
  seconds: 9,
  microseconds: 10,
  protocolType: 11,
  captureId: 12,
  payload: 15,
} as const
const familyIpv4 = 2
const familyIpv6 = 10
const protocolSip = 1

/** One HEP 3 packet around a message; the payload is cut to what a packet holds. Send `bytes` masked. */
export function hepPacket(message: TracedMessage, captureId: number): Buffer {
  const { flow, sent } = message
  const six = isIPv6(flow.localHost) || isIPv6(flow.remoteHost)
  const local = { address: addressBytes(flow.localHost, six), port: flow.localPort }
  const remote = { address: addressBytes(flow.remoteHost, six), port: flow.remotePort }
  const [source, target] = sent ? [local, remote] : [remote, local]
  const atUs = Math.round(message.atMs * 1000)
  const chunks = [
    numberChunk(chunk.ipFamily, six ? familyIpv6 : familyIpv4, 1),
    numberChunk(chunk.ipProtocol, flow.protocol === 'udp' ? 17 : 6, 1),
    dataChunk(six ? chunk.ipv6Source : chunk.ipv4Source, source.address),
    dataChunk(six ? chunk.ipv6Target : chunk.ipv4Target, target.address),
    numberChunk(chunk.sourcePort, source.port, 2),
    numberChunk(chunk.targetPort, target.port, 2),
    numberChunk(chunk.seconds, Math.floor(atUs / 1_000_000), 4),
    numberChunk(chunk.microseconds, atUs % 1_000_000, 4),
    numberChunk(chunk.protocolType, protocolSip, 1),
    numberChunk(chunk.captureId, captureId, 4),
  ]
  const before = chunks.reduce((sum, one) => sum + one.length, packetHeadBytes + chunkHeadBytes)
  const room = maxDatagramBytes - before
  chunks.push(dataChunk(chunk.payload, message.bytes.subarray(0, room)))
  const head = Buffer.from('HEP3\0\0', 'latin1')
  const packet = Buffer.concat([head, ...chunks])
  packet.writeUInt16BE(packet.length, 4)
  return packet
}

function dataChunk(type: number, data: Buffer): Buffer {
  const whole = Buffer.alloc(chunkHeadBytes + data.length)
  whole.writeUInt16BE(type, 2)
  whole.writeUInt16BE(whole.length, 4)
  data.copy(whole, chunkHeadBytes)
  return whole
}

function numberChunk(type: number, value: number, bytes: 1 | 2 | 4): Buffer {
  const data = Buffer.alloc(bytes)
  data.writeUIntBE(value, 0, bytes)
  return dataChunk(type, data)
}
