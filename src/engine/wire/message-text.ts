import { isUtf8 } from 'node:buffer'
import { canonicalName, isToken } from '#src/sip/header-names.ts'
import { SipHeaders, type SipMessage } from '#src/sip/message.ts'
import { splitList } from '#src/sip/params.ts'

// The library looks for a boundary in a time that grows with the square of the length: 30 kB took 0.6 s.
const maxTypeLength = 256

// To the library's patterns these are line ends; a response with one would be lost in it, and its call hang.
function readable(reason: string): string {
  return reason.replace(/[\u2028\u2029]/g, ' ')
}

/**
 * Writes a message as text for a frame. The protocol has no other bodies than UTF-8 text; a request with another one
 * is refused before it comes here (`Deliveries.refusesBody`), unless it is ACK or BYE. See `harmlessText`.
 */
export function messageText(message: SipMessage): string {
  let text =
    message.kind === 'request'
      ? `${message.method} ${message.uri} SIP/2.0\r\n`
      : `SIP/2.0 ${message.status} ${readable(message.reason)}\r\n`
  const { flat } = message.headers
  let typed = false
  for (let index = 0; index < flat.length; index += 2) {
    const name = flat[index] as string
    // The library undoes percent-encoding in names: `%58-Peer…` would become a field that only we may write.
    if (name.includes('%')) continue
    let value = flat[index + 1] as string
    if (name === 'Content-Type') {
      // The library joins all of one name into one value.
      if (typed) continue
      typed = true
      value = value.slice(0, maxTypeLength)
    }
    text += `${name}: ${value}\r\n`
  }
  const { body } = message
  if (body.length === 0) return `${text}Content-Length: 0\r\n\r\n`
  if (isUtf8(body)) return `${text}Content-Length: ${body.length}\r\n\r\n${body.toString('utf8')}`
  const harmless = harmlessText(message)
  text += `Warning: 399 engine "a body of ${body.length} bytes is no UTF-8 text: ${harmless === '' ? 'withheld' : 'changed'}"\r\n`
  return `${text}Content-Length: ${Buffer.byteLength(harmless)}\r\n\r\n${harmless}`
}

const mayChange = /^\s*(?:application\/sdp|multipart\/)/i

// Nobody can be told to send it otherwise. In a session description only free text can be such: it costs some letters,
// where its loss would cost the call. Anything else would go on to the other leg as rubble: better none.
function harmlessText({ headers, body }: SipMessage): string {
  return mayChange.test(headers.get('Content-Type') ?? '') ? body.toString('utf8') : ''
}

const requestLine = /^([A-Za-z0-9\-.!%*_+`'~]+) (\S+) SIP\/2\.0$/
const statusLine = /^SIP\/2\.0 ([1-6]\d\d)(?: (.*))?$/
const splitNames = new Set(['Route', 'Record-Route', 'Contact'])

/**
 * Reads a message that an application wrote: any case of names, anything left out that the engine fills in, a
 * Content-Length that counts characters (it is ignored). Fields with an impossible name are dropped.
 */
export function parseApplicationMessage(text: string): SipMessage | undefined {
  const split = text.indexOf('\r\n\r\n')
  const head = split === -1 ? text : text.slice(0, split)
  const bodyText = split === -1 ? '' : text.slice(split + 4)
  let lineEnd = head.indexOf('\r\n')
  if (lineEnd === -1) lineEnd = head.length
  const startLine = head.slice(0, lineEnd).trimEnd()
  const headers = new SipHeaders()
  let at = lineEnd + 2
  while (at < head.length) {
    let end = head.indexOf('\r\n', at)
    if (end === -1) end = head.length
    // A folded value stays one value.
    while (head[end + 2] === ' ' || head[end + 2] === '\t') {
      const next = head.indexOf('\r\n', end + 2)
      end = next === -1 ? head.length : next
    }
    addField(headers, head, at, end)
    at = end + 2
  }
  const body = bodyText === '' ? noBody : Buffer.from(bodyText, 'utf8')
  const request = requestLine.exec(startLine)
  if (request) {
    return {
      kind: 'request',
      method: (request[1] as string).toUpperCase(),
      uri: request[2] as string,
      headers,
      body,
    }
  }
  const status = statusLine.exec(startLine)
  if (!status) return undefined
  return { kind: 'response', status: Number(status[1]), reason: status[2] ?? '', headers, body }
}

const noBody = Buffer.alloc(0)

function addField(headers: SipHeaders, head: string, at: number, end: number): void {
  const colon = head.indexOf(':', at)
  if (colon <= at || colon >= end) return
  const written = head.slice(at, colon).trim()
  if (!isToken(written)) return
  const name = written.startsWith('X-') ? written : canonicalName(written)
  let value = head.slice(colon + 1, end).trim()
  // A bare line break would let a value write header fields of its own.
  if (value.includes('\n') || value.includes('\r')) value = value.replace(/[\r\n]+[ \t]*/g, ' ')
  if (name === 'Content-Length') return
  if (splitNames.has(name) && value.includes(',')) {
    for (const part of splitList(value) ?? [value]) headers.append(name, part)
  } else headers.append(name, value)
}
