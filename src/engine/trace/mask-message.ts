/** What may be shown although it is private; nothing by default. */
export interface Reveal {
  /** SRTP keys in session descriptions: a capture without them cannot be listened to. */
  sdpKeys?: boolean
}

/** Digest parameters that are no secret; every other one, known or not, is masked (RFC 7616 3.3, 3.4, 3.5). */
const plainCredentialParams = new Set(
  `username realm uri algorithm qop nc stale domain nonce opaque userhash charset`.split(' '),
)
const credentialHeader = /^(?:proxy-)?(?:authorization|authenticate|authentication-info)$|^www-authenticate$/
/** Signed or secret as a whole; also what nobody has registered and calls itself so. */
const secretHeader = /^(?:y|identity|.*(?:token|secret|passw|pwd|api-?key|cookie|credential|auth).*)$/
const param = /([^\s=,]{1,64})(\s*=\s*)("(?:[^"\\]|\\[^])*"?|[^\s,]*)/g
const closedQuotes = /^"(?:[^"\\]|\\[^])*"$/
/** Bodies of INFO that hold no key presses. */
const harmlessInfo = /^application\/(?:media_control\+xml|sdp)\b/
const headEnd = /\r?\n\r?\n/
/** A body that is packed may hold anything. */
const packed = /^(?:content-encoding|e)[ \t]*:[ \t]*(?!identity\b)\S/im
// A lone CR ends a line for some readers, so it does here too.
const anyHeader = /^([^\s:]+)[ \t]*:[ \t]*([^\r\n]*(?:(?:\r\n?|\n)[ \t]+[^\r\n]*)*)/gm

/**
 * A message with every secret overwritten by asterisks, byte for byte, so that Content-Length stays true and nothing
 * moves. Works on any bytes, also on what no parser takes: it errs on the side of masking. `secretCodes` are dialled
 * prefixes behind which a code stands (`*55*`).
 */
export function maskMessage(bytes: Buffer, secretCodes: readonly string[] = [], reveal: Reveal = {}): Buffer {
  // One character per byte, whatever the charset. What is secret anywhere goes first, while its name still stands.
  const text = maskEverywhere(bytes.toString('latin1'), secretCodes, reveal)
  // RFC 3261 7.5: empty lines may stand before a message; they do not end its head.
  const startAt = Math.max(0, text.search(/[^\r\n]/))
  const end = headEnd.exec(text.slice(startAt))
  const bodyAt = end ? startAt + end.index + end[0].length : text.length
  const head = text.slice(0, bodyAt)
  return Buffer.from(maskParameters(maskHead(head)) + maskBody(head, text.slice(bodyAt)), 'latin1')
}

/** The same length in asterisks; line ends stay, so that a message keeps its lines. */
function stars(text: string): string {
  return text.replace(/[^\r\n]/g, '*')
}

function maskHead(head: string): string {
  return head.replace(anyHeader, (field: string, name: string, value: string) => {
    const lower = name.toLowerCase()
    const start = field.slice(0, field.length - value.length)
    if (credentialHeader.test(lower)) return start + maskCredentials(value)
    return secretHeader.test(lower) ? start + stars(value) : field
  })
}

/** Scheme and harmless parameters stay readable: which realm, which user, which algorithm. */
function maskCredentials(value: string): string {
  const scheme = /^\s*digest(?=\s)/i.exec(value)?.[0]
  if (scheme === undefined) {
    const other = /^\s*[\w-]+(?=\s+[^=\s])/.exec(value)?.[0] ?? ''
    // Authentication-Info has no scheme (RFC 7616 3.5).
    if (other === '' && /^[\w-]+\s*=/.test(value)) return maskParams(value)
    return other + stars(value.slice(other.length))
  }
  return scheme + maskParams(value.slice(scheme.length))
}

/** What is neither a parameter nor a comma between two is masked too: nobody can say what it is. */
function maskParams(params: string): string {
  let masked = ''
  let at = 0
  for (const { 0: all, 1: name = '', 2: equals = '', 3: value = '', index } of params.matchAll(param)) {
    masked += starsBetween(params.slice(at, index))
    masked += isPlain(name, value) ? all : name + equals + maskQuoted(value)
    at = index + all.length
  }
  return masked + starsBetween(params.slice(at))
}

function starsBetween(text: string): string {
  return text.replace(/[^\s,]/g, '*')
}

/** A value whose quotes are never closed goes on into what follows it. */
function isPlain(name: string, value: string): boolean {
  return plainCredentialParams.has(name.toLowerCase()) && (!value.startsWith('"') || closedQuotes.test(value))
}

function maskQuoted(value: string): string {
  if (!value.startsWith('"')) return stars(value)
  const closed = value.length > 1 && value.endsWith('"')
  return `"${stars(value.slice(1, closed ? -1 : undefined))}${closed ? '"' : ''}`
}

function maskBody(head: string, body: string): string {
  if (body === '') return body
  const sequence = /^cseq[ \t]*:\s*\d+\s+([a-z]{1,32})/im.exec(head)?.[1]
  const requested = /^\s*([a-z]{1,32}) /i.exec(head)?.[1]
  const type = /^(?:content-type|c)[ \t]*:[ \t]*([^\r\n]*)/im.exec(head)?.[1]?.toLowerCase() ?? ''
  const is = (name: string): boolean => sequence?.toUpperCase() === name || requested?.toUpperCase() === name
  // RFC 3428: what people write to each other.
  if (is('MESSAGE') || packed.test(head)) return stars(body)
  if (is('INFO') && !harmlessInfo.test(type)) return maskKeyPress(body)
  // A body may be a message itself, or hold one (message/sipfrag, multipart).
  return maskNamed(maskHead(body))
}

/** `Signal=5` of application/dtmf-relay keeps its form, anything else goes whole: in doubt it is a key. */
function maskKeyPress(body: string): string {
  if (!/^\s*signal\s*=/i.test(body)) return stars(body)
  return body.replace(/^(\s*[\w-]+\s*=[ \t]*)([^\r\n]*)/gm, (all: string, name: string, value: string) =>
    /^\s*duration/i.test(name) ? all : name + stars(value),
  )
}

// Bounded, like every repetition here: a hostile message must not cost more than its length.
const secretName =
  '[\\w:.-]{0,40}(?:passw|pwd|secret|token|credential|authoriz|digits|privatekey|apikey)[\\w:.-]{0,40}'
const element = new RegExp(
  `(<(${secretName})(?:\\s[^>]{0,500})?>)(<!\\[CDATA\\[(?:[^\\]]|\\](?!\\]>))*|[^<]+)`,
  'gi',
)
const attribute = new RegExp(`(\\b${secretName}["']?\\s*[=:]\\s*)("[^"]*"?|'[^']*'?|[^\\s<>&,;]+)`, 'gi')

const parameter = new RegExp(`(\\b${secretName}=)("[^"\r\n]*"?|[^\\s<>&,;"]+)`, 'gi')

/** The same in header fields: parameters of fields and addresses. */
function maskParameters(head: string): string {
  return head.replace(parameter, (_all, name: string, value: string) => name + maskQuoted(value))
}

/** XML elements and attributes, JSON and settings files: whatever calls itself a password. */
function maskNamed(body: string): string {
  return body
    .replace(element, (_all, tag: string, _name: string, value: string) => tag + stars(value))
    .replace(attribute, (_all, name: string, value: string) => {
      const quote = /^["']/.exec(value)?.[0]
      if (quote === undefined) return name + stars(value)
      const closed = value.length > 1 && value.endsWith(quote)
      return name + quote + stars(value.slice(1, closed ? -1 : undefined)) + (closed ? quote : '')
    })
}

/**
 * What is secret wherever it stands, also in a header line that is none, in bodies of any kind, and in the rest of a
 * message whose Content-Length was wrong: that comes along as a message of its own, and begins anywhere.
 */
function maskEverywhere(text: string, secretCodes: readonly string[], reveal: Reveal): string {
  const masked = maskDescription(text, reveal)
    .replace(
      /^([ \t]*signal[ \t]*=[ \t]*)([^\r\n]+)/gim,
      (_all, name: string, value: string) => name + stars(value),
    )
    .replace(
      /\b(response|cnonce|rspauth|nextnonce)(\s*=\s*)("[^"\r\n]*"?|[^\s,;"]+)/gi,
      (_all, name: string, equals: string, value: string) => name + equals + maskQuoted(value),
    )
    .replace(
      /\b(basic|bearer|digest)([ \t]+)([\w+/=.~-]{12,})(?=\s|$)/gim,
      (_all, scheme: string, gap: string, value: string) => scheme + gap + stars(value),
    )
    // RFC 3261 19.1.1: a password in a URI.
    .replace(/\b(sips?:)([^\s@<>"]+)(@?)/gi, maskPassword)
    .replace(/\b((?:https?|ftp):\/\/)([^\s@<>"/]+)(@?)/gi, maskPassword)
    // Addresses of configuration files name a phone's token.
    .replace(/\bhttps?:\/\/[^\s<>"]+/gi, (url: string) => {
      const pathAt = url.indexOf('/', url.indexOf('://') + 3)
      if (pathAt < 0) return url
      return url.slice(0, pathAt) + url.slice(pathAt).replace(/[\w-]{16,}/g, stars)
    })
  return secretCodes.reduce(maskDialled, masked)
}

function maskPassword(
  all: string,
  scheme: string,
  user: string,
  at: string,
  offset: number,
  text: string,
): string {
  const passwordAt = user.indexOf(':') + 1
  // Of a long message the beginning is kept, which may end within a password.
  const isCut = offset + all.length === text.length
  if ((at === '' && !isCut) || passwordAt === 0) return all
  return scheme + user.slice(0, passwordAt) + stars(user.slice(passwordAt)) + at
}

/** Everything behind a code up to the end of the number; each of its characters may be escaped (RFC 3261 19.1.4). */
function maskDialled(text: string, code: string): string {
  const dialled = [...code]
    .map((char) => `(?:${char === '*' ? '\\*' : char}|%${char.charCodeAt(0).toString(16)})`)
    .join('')
  return text.replace(
    new RegExp(`(${dialled})([^\\s@:;,?<>"]+)`, 'gi'),
    (_all, start: string, secret: string) => start + stars(secret),
  )
}

/** Keys of media: RFC 4568, RFC 4567, RFC 8839, and `k=` of RFC 4566. */
function maskDescription(text: string, { sdpKeys }: Reveal): string {
  let masked = text.replace(
    /^(a=ice-pwd:|a=key-mgmt:\s*\S+\s|k=)([^\r\n]+)/gim,
    (_all, name: string, value: string) => name + stars(value),
  )
  if (!sdpKeys) {
    masked = masked
      // RFC 4568 9.1: lifetime and MKI behind the bar are no secret. Letters, because asterisks are no base64 and
      // Wireshark would not read on.
      .replace(
        /(inline:[ \t]*)([^|\s;]+)/gi,
        (_all, name: string, value: string) => name + 'x'.repeat(value.length),
      )
      .replace(
        /^(a=crypto:(?![^\r\n]*inline:[ \t]*[^|\s;]))([^\r\n]+)/gim,
        (_all, name: string, value: string) => name + stars(value),
      )
  }
  return masked
}
