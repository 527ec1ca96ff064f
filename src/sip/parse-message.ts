import { isUtf8 } from 'node:buffer'
import { parseCSeq, parseDecimal } from './cseq.ts'
import { headerNameAt, isToken, mandatoryBits, type HeaderName } from './header-names.ts'
import { SipHeaders, type SipMessage, type SipRequest } from './message.ts'
import { isSoundNameAddr } from './name-addr.ts'
import { isBlank, splitList } from './params.ts'

/** What the parser refuses to read further than. */
export interface ParseLimits {
  /** Start line and header fields together, bytes. */
  maxHeaderBytes: number
}

export const defaultParseLimits: ParseLimits = { maxHeaderBytes: 65_536 }

/** A message that cannot be used: the status to answer a request with, and what can be answered. */
export class SipParseError extends Error {
  readonly status: number
  readonly reason: string
  /** The request as far as it was read, when Via, From, To, Call-ID and CSeq stand. */
  readonly partial?: SipRequest

  constructor(status: number, reason: string, partial?: SipRequest) {
    super(reason)
    this.name = 'SipParseError'
    this.status = status
    this.reason = reason
    if (partial) this.partial = partial
  }
}

interface Problem {
  status: number
  reason: string
}

/** What one pass over the header lines gathers. */
interface Gathered {
  headers: SipHeaders
  /** Bits of the once-only fields seen. */
  seen: number
  contentLength: number | undefined
  cseqMethod: string | undefined
  /** The first thing found wrong; reading goes on, so that a 400 can still be answered. */
  problem: Problem | undefined
}

const emptyBody = Buffer.alloc(0)
const headEndMark = Buffer.from('\r\n\r\n', 'latin1')
const maxContentLength = 2 ** 31 - 1

function decodeHead(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end)
  if (!text.includes('\ufffd') || isUtf8(bytes.subarray(start, end))) return text
  // Old phones write display names in ISO 8859-1. Read that way the name is right, and nothing is lost.
  return bytes.toString('latin1', start, end)
}

/**
 * Reads one whole message. Bytes past Content-Length are cut off, missing ones are an error (RFC 3261 18.3).
 * Throws SipParseError and nothing else.
 */
export function parseMessage(bytes: Buffer, limits: ParseLimits = defaultParseLimits): SipMessage {
  let start = 0
  // RFC 3261 7.5: empty lines before the start line are ignored.
  while (start < bytes.length && (bytes[start] === 0x0d || bytes[start] === 0x0a)) start++
  let headEnd = bytes.indexOf(headEndMark, start)
  let bodyStart = headEnd + 4
  let problem: Problem | undefined
  if (headEnd < 0) {
    headEnd = bytes.length
    bodyStart = bytes.length
    problem = { status: 400, reason: 'Header Section Has No End' }
  }
  if (headEnd - start > limits.maxHeaderBytes) {
    problem = { status: 513, reason: 'Header Section Too Large' }
    headEnd = start + limits.maxHeaderBytes
  }
  const text = decodeHead(bytes, start, headEnd)
  let lineEnd = text.indexOf('\r\n')
  if (lineEnd < 0) lineEnd = text.length
  const gathered: Gathered = {
    headers: new SipHeaders(),
    seen: 0,
    contentLength: undefined,
    cseqMethod: undefined,
    problem,
  }
  // RFC 3261 25.1: NUL may stand in a quoted-pair and nowhere else.
  if (text.includes('\0') && /(?:^|[^\\])\0/.test(text)) note(gathered, 400, 'Header Section Has a NUL')
  const startLine = text.slice(0, lineEnd)
  const message = startLine.startsWith('SIP/')
    ? readStatusLine(startLine, gathered)
    : readRequestLine(startLine, gathered)
  readFields(text, lineEnd + 2, gathered)
  checkWhole(message, gathered)
  const length = gathered.contentLength
  const available = bytes.length - bodyStart
  if (length !== undefined && length > available) note(gathered, 400, 'Body Shorter Than Content-Length')
  if (gathered.problem) throw failure(message, gathered, gathered.problem)
  const bodyEnd = length === undefined ? bytes.length : bodyStart + length
  message.body = bodyEnd === bodyStart ? emptyBody : bytes.subarray(bodyStart, bodyEnd)
  return message
}

function note(gathered: Gathered, status: number, reason: string): void {
  gathered.problem ??= { status, reason }
}

function failure(message: SipMessage, gathered: Gathered, problem: Problem): SipParseError {
  const answerable =
    message.kind === 'request' &&
    message.method !== '' &&
    (gathered.seen & mandatoryBits) === mandatoryBits &&
    gathered.headers.has('Via')
  return answerable
    ? new SipParseError(problem.status, problem.reason, message)
    : new SipParseError(problem.status, problem.reason)
}

// RFC 3261 7.1: exactly one space on each side of the Request-URI, which holds none itself.
function readRequestLine(line: string, gathered: Gathered): SipMessage {
  const first = line.indexOf(' ')
  const last = line.lastIndexOf(' ')
  const message: SipRequest = {
    kind: 'request',
    method: '',
    uri: '',
    headers: gathered.headers,
    body: emptyBody,
  }
  if (first <= 0 || !isToken(line.slice(0, first))) {
    note(gathered, 400, 'Bad Request-Line')
    return message
  }
  message.method = line.slice(0, first)
  if (last === first) {
    note(gathered, 400, 'Bad Request-Line')
    return message
  }
  message.uri = line.slice(first + 1, last)
  const version = line.slice(last + 1)
  if (version !== 'SIP/2.0' && version.toUpperCase() !== 'SIP/2.0') {
    if (/^SIP\/\d+\.\d+$/i.test(version)) note(gathered, 505, 'Version Not Supported')
    else note(gathered, 400, 'Bad Request-Line')
  } else if (!isUriText(message.uri)) note(gathered, 400, 'Bad Request-URI')
  return message
}

function isUriText(uri: string): boolean {
  const colon = uri.indexOf(':')
  if (colon <= 0 || colon === uri.length - 1) return false
  // Colons since the scheme or the user part, outside brackets; more than one can only be IPv6 without them.
  let colons = 0
  let inHost = true
  for (let index = 0; index < uri.length; index++) {
    const code = uri.charCodeAt(index)
    if (code <= 0x20 || code === 0x22 || code === 0x3c || code === 0x3e || code === 0x7f) return false
    // Unicode has blanks too; a reader that parts the line at any of them would not understand it.
    if (code > 0x7f && /\s/.test(uri[index] as string)) return false
    if (index <= colon) continue
    if (code === 0x40) {
      colons = 0
      inHost = true
    } else if (code === 0x3b || code === 0x3f || code === 0x5b) inHost = false
    else if (code === 0x3a && inHost) colons++
  }
  return colons < 2 || !/^sips?:/i.test(uri)
}

function readStatusLine(line: string, gathered: Gathered): SipMessage {
  const match = /^SIP\/2\.0 ([1-6]\d\d)(?: ([^\r\n]*))?$/i.exec(line)
  if (!match) note(gathered, 400, 'Bad Status-Line')
  return {
    kind: 'response',
    status: match ? Number(match[1]) : 0,
    reason: match?.[2] ?? '',
    headers: gathered.headers,
    body: emptyBody,
  }
}

function readFields(text: string, from: number, gathered: Gathered): void {
  let at = from
  while (at < text.length) {
    let feed = text.indexOf('\n', at)
    if (feed < 0) feed = text.length + 1
    let end = feed - 1
    const carriage = text.indexOf('\r', at)
    // A CR or LF of its own is no line end; left in a value it would become one for a lenient next hop.
    let sound = carriage < 0 ? feed > text.length : carriage === end
    let next = feed + 1
    let unsoundAt = at
    let folded = false
    while (next < text.length && isBlank(text.charCodeAt(next))) {
      folded = true
      const more = text.indexOf('\n', next)
      end = more < 0 ? text.length : more - 1
      const stray = text.indexOf('\r', next)
      if (stray < 0 ? more >= 0 : stray !== end) {
        // Reading on would search ahead for the CR once for every fold that lacks one.
        sound = false
        unsoundAt = next
        break
      }
      next = more < 0 ? text.length : more + 1
    }
    if (sound) readField(text, at, end, folded, gathered)
    else {
      note(gathered, 400, 'Bad Line End in Header Section')
      const lineEnd = text.indexOf('\r\n', unsoundAt)
      next = lineEnd < 0 ? text.length : lineEnd + 2
    }
    at = next
  }
}

function readField(text: string, at: number, end: number, folded: boolean, gathered: Gathered): void {
  // Not by indexOf: a line without a colon would have the rest of the message searched, and so would each of thousands.
  let colon = at
  while (colon < end && text.charCodeAt(colon) !== 0x3a) colon++
  if (colon >= end) {
    note(gathered, 400, 'Header Field Without Colon')
    return
  }
  let nameEnd = colon
  while (nameEnd > at && isBlank(text.charCodeAt(nameEnd - 1))) nameEnd--
  const known = headerNameAt(text, at, nameEnd)
  if (!known) {
    note(gathered, 400, 'Bad Header Field Name')
    return
  }
  let valueStart = colon + 1
  let valueEnd = end
  while (valueStart < valueEnd && isBlank(text.charCodeAt(valueStart))) valueStart++
  while (valueEnd > valueStart && isBlank(text.charCodeAt(valueEnd - 1))) valueEnd--
  let value = text.slice(valueStart, valueEnd)
  if (folded) value = unfold(value)
  keepField(known, value, gathered)
}

// RFC 3261 7.3.1: a fold stands for one blank. No pattern does this: one that begins with blanks tries each of them.
function unfold(value: string): string {
  return value.split('\r\n').map(withoutBlanks).join(' ').trim()
}

function withoutBlanks(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function keepField(known: HeaderName, value: string, gathered: Gathered): void {
  if (known.onceBit !== 0) {
    if ((gathered.seen & known.onceBit) !== 0) {
      note(gathered, 400, `More Than One ${known.name}`)
      return
    }
    gathered.seen |= known.onceBit
  }
  switch (known.kind) {
    case 'list':
      keepList(known.name, value, gathered)
      return
    case 'contentLength': {
      const length = parseDecimal(value, maxContentLength)
      if (length === undefined) note(gathered, 400, 'Bad Content-Length')
      else if (gathered.contentLength !== undefined && gathered.contentLength !== length) {
        note(gathered, 400, 'More Than One Content-Length')
      } else gathered.contentLength = length
      return
    }
    case 'nameAddr':
      if (!isSoundNameAddr(value)) note(gathered, 400, `Bad ${known.name}`)
      break
    case 'cseq': {
      const cseq = parseCSeq(value)
      if (cseq) gathered.cseqMethod = cseq.method
      else note(gathered, 400, 'Bad CSeq')
      break
    }
    case 'maxForwards':
      if (parseDecimal(value, 255) === undefined) note(gathered, 400, 'Bad Max-Forwards')
      break
    case 'single':
      if (value === '') note(gathered, 400, `Bad ${known.name}`)
      break
    case 'plain':
      break
  }
  gathered.headers.append(known.name, value)
}

function keepList(name: string, value: string, gathered: Gathered): void {
  if (!value.includes(',') && value !== '' && !value.includes('"')) {
    keepListed(name, value, gathered)
    return
  }
  const parts = splitList(value)
  if (!parts) note(gathered, 400, `Bad ${name}`)
  else for (const part of parts) keepListed(name, part, gathered)
}

function keepListed(name: string, part: string, gathered: Gathered): void {
  // A Via is judged by its first letter only: whoever has to answer to it parses it.
  if (name === 'Via' && (part.charCodeAt(0) | 0x20) !== 0x73) note(gathered, 400, 'Bad Via')
  else gathered.headers.append(name, part)
}

// RFC 3261 8.1.1: the fields that every message has; 8.2.1, 17.1.3: CSeq repeats the method of the request.
function checkWhole(message: SipMessage, gathered: Gathered): void {
  if (!gathered.headers.has('Via')) note(gathered, 400, 'Missing Via')
  if ((gathered.seen & mandatoryBits) !== mandatoryBits) {
    note(gathered, 400, 'Missing From, To, Call-ID or CSeq')
  } else if (
    message.kind === 'request' &&
    gathered.cseqMethod !== undefined &&
    gathered.cseqMethod !== message.method
  ) {
    note(gathered, 400, 'CSeq Method Does Not Match')
  }
}
