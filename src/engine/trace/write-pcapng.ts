import { exportedPdu } from './exported-pdu.ts'
import { PacketMaker } from './sip-packets.ts'
import type { TracedMessage } from './traced-message.ts'

// draft-ietf-opsawg-pcapng: block types, option codes, and the link types of bare IP packets and of
// what has none.
const sectionHeader = 0x0a0d0d0a
const interfaceDescription = 1
const enhancedPacket = 6
const byteOrderMagic = 0x1a2b3c4d
const linkTypeRaw = 101
const linkTypeExportedPdu = 252
/** Numbers of the interfaces, in the order in which they are written. */
const packetInterface = 0
const websocketInterface = 1
const optComment = 1
const optUserApplication = 4
const optInterfaceName = 2
const optTimestampResolution = 9
/** Written as 10^-6 s: what a message's time is good to. */
const microseconds = 6
const endOfOptions = Buffer.alloc(4)

/**
 * Writes messages as a pcapng file, which Wireshark and its kin read. Every message stands in IP packets made for it;
 * TLS is written as plain SIP over TCP, WebSocket as the bare message, and the comment says so. The bytes are written as they are:
 * the caller masks them first.
 */
export function writePcapng(
  messages: Iterable<TracedMessage>,
  about: { application: string; comment: string },
): Buffer {
  const maker = new PacketMaker()
  const blocks = [
    block(sectionHeader, [
      sectionFixed(),
      option(optComment, about.comment),
      option(optUserApplication, about.application),
      endOfOptions,
    ]),
    interfaceBlock('sip', linkTypeRaw),
    interfaceBlock('sip over websocket', linkTypeExportedPdu),
  ]
  for (const message of messages) {
    const { protocol } = message.flow
    if (protocol === 'ws' || protocol === 'wss') {
      const missing = message.size - message.bytes.length
      blocks.push(packetBlock(websocketInterface, exportedPdu(message), message, missing))
      continue
    }
    const { packets, missing } = maker.wrap(message)
    for (const [index, packet] of packets.entries()) {
      const isLast = index === packets.length - 1
      blocks.push(packetBlock(packetInterface, packet, message, isLast ? missing : 0))
    }
  }
  return Buffer.concat(blocks)
}

/** Direction, protocol, and what is not as it was on the wire. */
function commentOf({ sent, flow, size, bytes }: TracedMessage): string {
  const parts = [`${sent ? 'sent' : 'received'} over ${flow.protocol}`]
  if (flow.protocol === 'tls') parts.push('written as plain SIP over TCP')
  if (flow.protocol.startsWith('ws')) parts.push('written without its frame')
  if (size > bytes.length) parts.push(`only the first ${bytes.length} of ${size} bytes were kept`)
  return parts.join('; ')
}

function packetBlock(onInterface: number, packet: Buffer, message: TracedMessage, missing: number): Buffer {
  const atUs = BigInt(Math.round(message.atMs * 1000))
  const fixed = Buffer.alloc(20)
  fixed.writeUInt32LE(onInterface, 0)
  fixed.writeUInt32LE(Number(atUs >> 32n), 4)
  fixed.writeUInt32LE(Number(atUs & 0xffffffffn), 8)
  fixed.writeUInt32LE(packet.length, 12)
  fixed.writeUInt32LE(packet.length + missing, 16)
  return block(enhancedPacket, [fixed, padded(packet), option(optComment, commentOf(message)), endOfOptions])
}

function sectionFixed(): Buffer {
  const fixed = Buffer.alloc(16)
  fixed.writeUInt32LE(byteOrderMagic, 0)
  fixed.writeUInt16LE(1, 4)
  // Section length unknown.
  fixed.fill(0xff, 8)
  return fixed
}

function interfaceBlock(name: string, linkType: number): Buffer {
  const fixed = Buffer.alloc(8)
  fixed.writeUInt16LE(linkType, 0)
  return block(interfaceDescription, [
    fixed,
    option(optInterfaceName, name),
    option(optTimestampResolution, Buffer.from([microseconds])),
    endOfOptions,
  ])
}

/** A block: type, length, body, length again. */
function block(type: number, parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const whole = Buffer.alloc(body.length + 12)
  whole.writeUInt32LE(type, 0)
  whole.writeUInt32LE(whole.length, 4)
  body.copy(whole, 8)
  whole.writeUInt32LE(whole.length, whole.length - 4)
  return whole
}

function option(code: number, value: Buffer | string): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value
  const head = Buffer.alloc(4)
  head.writeUInt16LE(code, 0)
  head.writeUInt16LE(bytes.length, 2)
  return Buffer.concat([head, padded(bytes)])
}

/** Everything ends on a 32-bit boundary. */
function padded(bytes: Buffer): Buffer {
  const over = bytes.length % 4
  return over === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(4 - over)])
}
