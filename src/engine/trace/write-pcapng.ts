import { PacketMaker } from './sip-packets.ts'
import type { TracedMessage } from './traced-message.ts'

// draft-ietf-opsawg-pcapng: block types, option codes, and the link type of bare IP packets.
const sectionHeader = 0x0a0d0d0a
const interfaceDescription = 1
const enhancedPacket = 6
const byteOrderMagic = 0x1a2b3c4d
const linkTypeRaw = 101
const optComment = 1
const optUserApplication = 4
const optInterfaceName = 2
const optTimestampResolution = 9
/** Written as 10^-6 s: what a message's time is good to. */
const microseconds = 6
const endOfOptions = Buffer.alloc(4)

/**
 * Writes messages as a pcapng file, which Wireshark and its kin read. Every message stands in IP packets made for it;
 * what came encrypted is written as plain SIP over TCP, and its comment says so. The bytes are written as they are:
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
    block(interfaceDescription, [
      interfaceFixed(),
      option(optInterfaceName, 'sip'),
      option(optTimestampResolution, Buffer.from([microseconds])),
      endOfOptions,
    ]),
  ]
  for (const message of messages) {
    const { packets, missing } = maker.wrap(message)
    for (const [index, packet] of packets.entries()) {
      const isLast = index === packets.length - 1
      blocks.push(packetBlock(packet, message, isLast ? missing : 0))
    }
  }
  return Buffer.concat(blocks)
}

/** Direction, protocol, and what is not as it was on the wire. */
function commentOf({ sent, flow, size, bytes }: TracedMessage): string {
  const parts = [`${sent ? 'sent' : 'received'} over ${flow.protocol}`]
  if (flow.protocol !== 'udp' && flow.protocol !== 'tcp') parts.push('written as plain SIP over TCP')
  if (size > bytes.length) parts.push(`only the first ${bytes.length} of ${size} bytes were kept`)
  return parts.join('; ')
}

function packetBlock(packet: Buffer, message: TracedMessage, missing: number): Buffer {
  const atUs = BigInt(Math.round(message.atMs * 1000))
  const fixed = Buffer.alloc(20)
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

function interfaceFixed(): Buffer {
  const fixed = Buffer.alloc(8)
  fixed.writeUInt16LE(linkTypeRaw, 0)
  return fixed
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
