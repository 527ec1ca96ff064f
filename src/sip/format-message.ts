import type { SipMessage } from './message.ts'

/** A line break in a value would let it write header fields of its own. */
function oneLine(value: string): string {
  return value.includes('\n') || value.includes('\r') ? value.replace(/[\r\n]+[ \t]*/g, ' ') : value
}

/** Writes a message. Content-Length is always counted here, in bytes (RFC 3261 20.14). */
export function formatMessage(message: SipMessage): Buffer {
  if (message.kind === 'response' && message.wire !== undefined) return message.wire
  let text =
    message.kind === 'request'
      ? `${oneLine(message.method)} ${oneLine(message.uri)} SIP/2.0\r\n`
      : `SIP/2.0 ${message.status} ${oneLine(message.reason)}\r\n`
  const flat = message.headers.flat
  for (let index = 0; index < flat.length; index += 2) {
    const name = flat[index] as string
    if (name === 'Content-Length') continue
    text += name + ': ' + oneLine(flat[index + 1] as string) + '\r\n'
  }
  const body = message.body
  text += 'Content-Length: ' + body.length + '\r\n\r\n'
  if (body.length === 0) return Buffer.from(text, 'utf8')
  const headBytes = Buffer.byteLength(text, 'utf8')
  const bytes = Buffer.allocUnsafe(headBytes + body.length)
  bytes.write(text, 0, headBytes, 'utf8')
  body.copy(bytes, headBytes)
  return bytes
}
