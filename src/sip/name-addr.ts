import {
  formatParams,
  isBlank,
  nextSemicolon,
  paramOf,
  parseParams,
  skipQuoted,
  type SipParams,
} from './params.ts'

/** The value of From, To, Contact, Route …: `"Name" <uri>;params` or `uri;params` (RFC 3261 20.10). */
export interface NameAddr {
  /** Without quotes and escapes. */
  displayName?: string
  /** URI as text, without angle brackets. */
  uri: string
  /** The parameters of the field, not of the URI. */
  params: SipParams
}

// Index of the `<` outside quotes, -1 when there is none, -2 when a quote never ends.
function openAngle(value: string): number {
  let angle = value.indexOf('<')
  let quoteAt = value.indexOf('"')
  while (quoteAt >= 0 && (angle < 0 || quoteAt < angle)) {
    const end = skipQuoted(value, quoteAt)
    if (end < 0) return -2
    // Only what the quotes held is searched again: many of them must not cost the whole value each.
    if (angle >= 0 && angle < end) angle = value.indexOf('<', end)
    quoteAt = value.indexOf('"', end)
  }
  return angle
}

// Where the parameters of the field begin: after `>`, or at the first semicolon of the short form.
function paramsStart(value: string): number {
  const open = openAngle(value)
  if (open === -2) return -1
  if (open >= 0) {
    const close = value.indexOf('>', open)
    return close < 0 ? -1 : close + 1
  }
  return nextSemicolon(value, 0)
}

function displayNameOf(text: string): string | undefined {
  const trimmed = text.trim()
  if (trimmed === '') return ''
  if (!trimmed.startsWith('"')) return trimmed.includes('"') ? undefined : trimmed.replace(/[ \t]+/g, ' ')
  if (skipQuoted(trimmed, 0) !== trimmed.length) return undefined
  return trimmed.slice(1, -1).replace(/\\([\s\S])/g, '$1')
}

/** Parses a name-addr or addr-spec with its parameters; undefined when it is neither. `*` is not one. */
export function parseNameAddr(value: string): NameAddr | undefined {
  const open = openAngle(value)
  if (open === -2) return undefined
  let uri: string
  let displayName: string | undefined
  let after: number
  if (open >= 0) {
    displayName = displayNameOf(value.slice(0, open))
    const close = value.indexOf('>', open)
    if (displayName === undefined || close < 0) return undefined
    uri = value.slice(open + 1, close).trim()
    after = close + 1
  } else {
    // RFC 3261 20: without brackets, everything from the first semicolon belongs to the field; a URI with a
    // question mark or a comma must have been bracketed.
    after = nextSemicolon(value, 0)
    if (after < 0) return undefined
    uri = value.slice(0, after).trim()
    if (uri.includes('?') || uri.includes(',') || uri.includes('"')) return undefined
  }
  if (uri === '' || !/^[A-Za-z][A-Za-z0-9+.-]*:[^\s<>]+$/.test(uri)) return undefined
  const params = parseParams(value, after)
  if (!params) return undefined
  return displayName ? { displayName, uri, params } : { uri, params }
}

/** Writes a name-addr: always with brackets, the display name always quoted. */
export function formatNameAddr(nameAddr: {
  displayName?: string | undefined
  uri: string
  params?: ReadonlyMap<string, string | undefined>
}): string {
  const params = nameAddr.params ? formatParams(nameAddr.params) : ''
  const name = nameAddr.displayName
  if (!name) return `<${nameAddr.uri}>${params}`
  const escaped = name.replace(/[\r\n]+/g, ' ').replace(/[\\"]/g, '\\$&')
  return `"${escaped}" <${nameAddr.uri}>${params}`
}

/** True when quotes and brackets close and there is something inside: what the parser asks of From and To. */
export function isSoundNameAddr(value: string): boolean {
  const open = openAngle(value)
  if (open === -2) return false
  if (open < 0) return value.includes(':')
  const close = value.indexOf('>', open)
  if (close <= open + 1) return false
  let at = close + 1
  while (at < value.length && isBlank(value.charCodeAt(at))) at++
  return at === value.length || value.charCodeAt(at) === 0x3b
}

/** The tag of a From or To value, without parsing the rest. */
export function tagOf(value: string): string | undefined {
  const from = paramsStart(value)
  if (from < 0) return undefined
  return paramOf(value, 'tag', from) || undefined
}

/** The URI text of a name-addr value, without parsing the rest. */
export function uriOf(value: string): string | undefined {
  const open = openAngle(value)
  if (open === -2) return undefined
  if (open >= 0) {
    const close = value.indexOf('>', open)
    return close < 0 ? undefined : value.slice(open + 1, close).trim() || undefined
  }
  const end = value.indexOf(';')
  return (end < 0 ? value : value.slice(0, end)).trim() || undefined
}

/** The value with this tag: replaces the one it has, or adds it. */
export function withTag(value: string, tag: string): string {
  const from = paramsStart(value)
  if (from < 0) return `${value};tag=${tag}`
  if (paramOf(value, 'tag', from) === undefined) return `${value};tag=${tag}`
  const given = parseParams(value, from)
  if (!given) return `${value};tag=${tag}`
  const params = new Map(given).set('tag', tag)
  return value.slice(0, from) + formatParams(params)
}
