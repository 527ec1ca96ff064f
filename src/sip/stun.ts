import { crc32 } from 'node:zlib'
import { ipFamily } from '#src/base/net.ts'

/** RFC 8489 5: tells STUN from everything else that shares the port. */
const magicCookie = 0x2112_a442
const headerBytes = 20
const bindingRequest = 0x0001
const bindingSuccess = 0x0101
const bindingError = 0x0111
const xorMappedAddress = 0x0020
const errorCode = 0x0009
const unknownAttributes = 0x000a
const fingerprint = 0x8028
const fingerprintMask = 0x5354_554e
/** RFC 8489 14: attributes below this must be understood, or the request is refused. */
const firstOptional = 0x8000
/** What a client may send and a server without credentials may pass over (RFC 8489 9: USERNAME, integrity, realm, …). */
const passedOver: ReadonlySet<number> = new Set([
  0x0001, 0x0006, 0x0008, 0x001c, 0x001d, 0x001e, 0x0014, 0x0015, 0x0020,
])
/** A Binding request with credentials has about 100 bytes; nothing larger is looked at. */
const largestRequest = 548
const mostUnknown = 4

/** True when a datagram on the SIP port is STUN: two zero bits, the cookie, and a length that fits (RFC 8489 5). */
export function isStun(bytes: Buffer): boolean {
  return (
    bytes.length >= headerBytes &&
    (bytes[0] as number) < 0x40 &&
    bytes.readUInt32BE(4) === magicCookie &&
    bytes.readUInt16BE(2) === bytes.length - headerBytes &&
    bytes.length % 4 === 0
  )
}

/**
 * Answers a Binding request (RFC 8489 7.3, asked by phones as keep-alive: RFC 5626 4.4.2) with the address it came
 * from. Undefined for what must not be answered: other methods and classes, a wrong FINGERPRINT, broken attributes.
 * With its headers the answer is at most 1.4 times as large as the question, so it amplifies nothing worth forging.
 */
export function answerStun(request: Buffer, host: string, port: number): Buffer | undefined {
  if (!isStun(request) || request.length > largestRequest || request.readUInt16BE(0) !== bindingRequest) {
    return undefined
  }
  const asked = readAttributes(request)
  if (!asked) return undefined
  const attribute =
    asked.unknown.length > 0 ? refusalOf(asked.unknown) : mappedAddress(host, port, request.subarray(8, 20))
  if (!attribute) return undefined
  const answer = Buffer.alloc(headerBytes + attribute.length + (asked.fingerprint ? 8 : 0))
  answer.writeUInt16BE(asked.unknown.length > 0 ? bindingError : bindingSuccess, 0)
  answer.writeUInt16BE(answer.length - headerBytes, 2)
  request.copy(answer, 4, 4, headerBytes)
  attribute.copy(answer, headerBytes)
  if (asked.fingerprint) {
    const at = answer.length - 8
    answer.writeUInt16BE(fingerprint, at)
    answer.writeUInt16BE(4, at + 2)
    answer.writeUInt32BE(fingerprintOf(answer, at), at + 4)
  }
  return answer
}

function readAttributes(request: Buffer): { unknown: number[]; fingerprint: boolean } | undefined {
  const unknown: number[] = []
  let at = headerBytes
  while (at < request.length) {
    const type = request.readUInt16BE(at)
    const length = request.readUInt16BE(at + 2)
    const next = at + 4 + ((length + 3) & ~3)
    if (next > request.length) return undefined
    if (type === fingerprint) {
      // RFC 8489 14.7: it is the last one; a wrong one means that this is not STUN at all.
      const fits = length === 4 && next === request.length
      return fits && request.readUInt32BE(at + 4) === fingerprintOf(request, at)
        ? { unknown, fingerprint: true }
        : undefined
    }
    if (type < firstOptional && !passedOver.has(type) && unknown.length < mostUnknown) unknown.push(type)
    at = next
  }
  return { unknown, fingerprint: false }
}

function fingerprintOf(message: Buffer, end: number): number {
  return (crc32(message.subarray(0, end)) ^ fingerprintMask) >>> 0
}

// RFC 8489 14.2: XOR with the cookie, and for IPv6 with the transaction id behind it, keeps NATs from rewriting it.
function mappedAddress(host: string, port: number, transaction: Buffer): Buffer | undefined {
  const address = addressBytes(host)
  if (!address) return undefined
  const attribute = Buffer.alloc(8 + address.length)
  attribute.writeUInt16BE(xorMappedAddress, 0)
  attribute.writeUInt16BE(4 + address.length, 2)
  attribute[5] = address.length === 4 ? 1 : 2
  attribute.writeUInt16BE(port ^ (magicCookie >>> 16), 6)
  const mask = Buffer.alloc(16)
  mask.writeUInt32BE(magicCookie, 0)
  transaction.copy(mask, 4)
  for (const [index, byte] of address.entries()) attribute[8 + index] = byte ^ (mask[index] as number)
  return attribute
}

// RFC 8489 6.3.1: 420 and the types that were not understood.
function refusalOf(types: readonly number[]): Buffer {
  const listed = Buffer.alloc(4 + ((types.length * 2 + 3) & ~3))
  listed.writeUInt16BE(unknownAttributes, 0)
  listed.writeUInt16BE(types.length * 2, 2)
  for (const [index, type] of types.entries()) listed.writeUInt16BE(type, 4 + index * 2)
  const refused = Buffer.alloc(8)
  refused.writeUInt16BE(errorCode, 0)
  refused.writeUInt16BE(4, 2)
  refused[6] = 4
  refused[7] = 20
  return Buffer.concat([refused, listed])
}

/** The bytes of a literal address in network order; a zone id does not belong to it. */
function addressBytes(host: string): Buffer | undefined {
  if (ipFamily(host) === 4) return Buffer.from(host.split('.').map(Number))
  const plain = host.replace(/%.*$/, '')
  if (ipFamily(plain) !== 6) return undefined
  const [front = '', back] = withHexTail(plain).split('::')
  const left = front === '' ? [] : front.split(':')
  const right = back === undefined || back === '' ? [] : back.split(':')
  const groups = [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right]
  const bytes = Buffer.alloc(16)
  for (const [index, group] of groups.entries()) bytes.writeUInt16BE(Number.parseInt(group, 16), index * 2)
  return bytes
}

// `::ffff:192.0.2.1` ends in a dotted quad, which is two groups.
function withHexTail(address: string): string {
  const quad = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address)
  if (!quad) return address
  const [a, b, c, d] = quad.slice(1).map(Number) as [number, number, number, number]
  return `${address.slice(0, quad.index)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
}
