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
const secretHeader = /^(?:y|identity|.*(?:token|secret|passw|api-?key|cookie|credential|authoriz).*)$/
/** Bodies of INFO that hold no key presses. */
const harmlessInfo = /^application\/(?:media_control\+xml|sdp)\b/
const headEnd = /\r?\n\r?\n/
// A lone CR ends a line for some readers, so it does here too.
const anyHeader = /^([^\s:]+)[ \t]*:[ \t]*([^\r\n]*(?:\r?\n[ \t]+[^\r\n]*)*)/gm

/**
 * A message with every secret overwritten by asterisks, byte for byte, so that Content-Length stays true and nothing
 * moves. Works on any bytes, also on what no parser takes: it errs on the side of masking. `secretCodes` are dialled
 * prefixes behind which a code stands (`*55*`).
 */
export function maskMessage(bytes: Buffer, secretCodes: readonly string[] = [], reveal: Reveal = {}): Buffer {
  // One character per byte, whatever the charset.
  const text = bytes.toString('latin1')
  const end = headEnd.exec(text)
  const bodyAt = end ? end.index + end[0].length : text.length
  const head = text.slice(0, bodyAt)
  const masked = maskEverywhere(maskHead(head) + maskBody(head, text.slice(bodyAt), reveal), secretCodes)
  return Buffer.from(masked, 'latin1')
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

function maskParams(params: string): string {
  return params.replace(
    /([^\s=,]{1,64})(\s*=\s*)("(?:[^"\\]|\\[^])*"?|[^\s,]*)/g,
    (all: string, name: string, equals: string, value: string) =>
      plainCredentialParams.has(name.toLowerCase()) ? all : name + equals + maskQuoted(value),
  )
}

function maskQuoted(value: string): string {
  if (!value.startsWith('"')) return stars(value)
  const closed = value.length > 1 && value.endsWith('"')
  return `"${stars(value.slice(1, closed ? -1 : undefined))}${closed ? '"' : ''}`
}

function maskBody(head: string, body: string, reveal: Reveal): string {
  if (body === '') return body
  const sequence = /^cseq[ \t]*:\s*\d+\s+([a-z]{1,32})/im.exec(head)?.[1]
  const requested = /^\s*([a-z]{1,32}) /i.exec(head)?.[1]
  const type = /^(?:content-type|c)[ \t]*:[ \t]*([^\r\n]*)/im.exec(head)?.[1]?.toLowerCase() ?? ''
  const is = (name: string): boolean => sequence?.toUpperCase() === name || requested?.toUpperCase() === name
  // RFC 3428: what people write to each other.
  if (is('MESSAGE')) return stars(body)
  if (is('INFO') && !harmlessInfo.test(type)) return maskKeyPress(body)
  // A body may be a message itself, or hold one (message/sipfrag, multipart).
  return maskDescription(maskHead(body), reveal)
}

/** `Signal=5` of application/dtmf-relay keeps its form, anything else goes whole: in doubt it is a key. */
function maskKeyPress(body: string): string {
  if (!/^\s*signal\s*=/i.test(body)) return stars(body)
  return body.replace(/^(\s*[\w-]+\s*=[ \t]*)([^\r\n]*)/gm, (all: string, name: string, value: string) =>
    /^\s*duration/i.test(name) ? all : name + stars(value),
  )
}

function maskDescription(body: string, { sdpKeys }: Reveal): string {
  let masked = body.replace(
    /^(a=ice-pwd:|a=key-mgmt:\s*\S+\s|k=)([^\r\n]+)/gim,
    (_all, name: string, value: string) => name + stars(value),
  )
  if (!sdpKeys) {
    masked = masked
      // RFC 4568 9.1: lifetime and MKI behind the bar are no secret. Letters, because asterisks are no base64 and
      // Wireshark would not read on.
      .replace(
        /(inline:)([^|\s;]+)/gi,
        (_all, name: string, value: string) => name + 'x'.repeat(value.length),
      )
      .replace(
        /^(a=crypto:(?![^\r\n]*inline:))([^\r\n]+)/gim,
        (_all, name: string, value: string) => name + stars(value),
      )
  }
  return maskNamed(masked)
}

// Bounded, like every repetition here: a hostile message must not cost more than its length.
const secretName =
  '[\\w:.-]{0,40}(?:passw|pwd|secret|token|credential|digits|privatekey|apikey)[\\w:.-]{0,40}'
const element = new RegExp(`(<(${secretName})(?:\\s[^>]{0,500})?>)([^<]+)`, 'gi')
const attribute = new RegExp(`(\\b${secretName}["']?\\s*[=:]\\s*)("[^"]*"?|'[^']*'?|[^\\s<>&,;]+)`, 'gi')

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

/** What is secret wherever it stands, also in a header line that is none and in bodies of any kind. */
function maskEverywhere(text: string, secretCodes: readonly string[]): string {
  let masked = text
    .replace(
      /\b(response|cnonce|rspauth|nextnonce)(\s*=\s*)("[^"\r\n]*"?|[^\s,;"]+)/gi,
      (_all, name: string, equals: string, value: string) => name + equals + maskQuoted(value),
    )
    .replace(
      /\b(basic|bearer|digest)([ \t]+)([\w+/=.~-]{12,})(?=\s|$)/gim,
      (_all, scheme: string, gap: string, value: string) => scheme + gap + stars(value),
    )
    // RFC 3261 19.1.1: a password in a URI.
    .replace(
      /\b((?:sips?|https?|ftp):(?:\/\/)?[^\s@:;<>"/]{0,200}:)([^\s@<>"/]{1,200})(?=@)/gi,
      (_all, start: string, value: string) => start + stars(value),
    )
    // Addresses of configuration files name a phone's token.
    .replace(/\bhttps?:\/\/[^\s<>"]+/gi, (url: string) => {
      const pathAt = url.indexOf('/', url.indexOf('://') + 3)
      if (pathAt < 0) return url
      return url.slice(0, pathAt) + url.slice(pathAt).replace(/[\w-]{16,}/g, stars)
    })
  for (const code of secretCodes) {
    const dialled = [...code].map((char) => (char === '*' ? '(?:\\*|%2a)' : char)).join('')
    masked = masked.replace(
      new RegExp(`(${dialled})([0-9#*]|%2[3a]|%3[0-9])+`, 'gi'),
      (all: string, start: string) => start + stars(all.slice(start.length)),
    )
  }
  return masked
}
