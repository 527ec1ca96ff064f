import { isIpLiteral } from '#src/base/net.ts'
import { parseDecimal } from './cseq.ts'
import { formatParams, noParams, type SipParams } from './params.ts'

/** A SIP, SIPS or tel URI (RFC 3261 19.1, RFC 3966). */
export interface SipUri {
  scheme: 'sip' | 'sips' | 'tel'
  /** As written, escapes kept; of a tel URI the number. */
  user?: string
  password?: string
  /** Lower-case name or address, IPv6 without brackets; '' in a tel URI. */
  host: string
  port?: number
  params: SipParams
  /** What follows the question mark, as written. */
  headers?: string
}

const schemeOf = /^(sips?|tel):/i
const hostName = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9.])?$/
// RFC 3966 3: a global number holds a digit among its separators.
const telNumber = /^(?:\+[\-.()]*[0-9][0-9\-.()]*|[0-9A-Fa-f*#\-.()]+)$/
const userText = /^(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/#[\]^`{}|\\"]|[^\x00-\x7f]|%[0-9A-Fa-f]{2})+$/
const passwordText = /^(?:[A-Za-z0-9\-_.!~*'()&=+$,]|[^\x00-\x7f]|%[0-9A-Fa-f]{2})*$/

function parseUriParams(text: string): SipParams | undefined {
  if (text === '') return noParams
  const params = new Map<string, string | undefined>()
  for (const part of text.split(';')) {
    const equals = part.indexOf('=')
    const name = (equals < 0 ? part : part.slice(0, equals)).toLowerCase()
    if (name === '') {
      if (equals >= 0) return undefined
      continue
    }
    // RFC 3261 19.1.1: a parameter must not come twice.
    if (params.has(name)) return undefined
    params.set(name, equals < 0 ? undefined : part.slice(equals + 1))
  }
  return params
}

function parseHostPort(text: string): { host: string; port?: number } | undefined {
  let host = text
  let portText: string | undefined
  if (text.startsWith('[')) {
    const close = text.indexOf(']')
    if (close < 0) return undefined
    host = text.slice(1, close)
    if (!host.includes(':') || !isIpLiteral(host)) return undefined
    const rest = text.slice(close + 1)
    if (rest !== '') {
      if (!rest.startsWith(':')) return undefined
      portText = rest.slice(1)
    }
  } else {
    const colon = text.indexOf(':')
    if (colon >= 0) {
      host = text.slice(0, colon)
      portText = text.slice(colon + 1)
    }
    if (!hostName.test(host)) return undefined
  }
  if (portText === undefined) return { host: host.toLowerCase() }
  const port = parseDecimal(portText, 65535)
  return port === undefined ? undefined : { host: host.toLowerCase(), port }
}

/** Parses a SIP, SIPS or tel URI without brackets; undefined when it is none, of any other scheme too. */
export function parseUri(text: string): SipUri | undefined {
  const match = schemeOf.exec(text)
  if (!match || /[\s<>\x00-\x1f\x7f]/.test(text)) return undefined
  const scheme = (match[1] as string).toLowerCase() as SipUri['scheme']
  let rest = text.slice(match[0].length)
  if (scheme === 'tel') {
    const semicolon = rest.indexOf(';')
    const user = semicolon < 0 ? rest : rest.slice(0, semicolon)
    const params = parseUriParams(semicolon < 0 ? '' : rest.slice(semicolon + 1))
    return params && telNumber.test(user) ? { scheme, user, host: '', params } : undefined
  }
  let user: string | undefined
  let password: string | undefined
  // An unescaped `;` or `?` is allowed in the user part, so the user is cut off first (19.1.2).
  const at = rest.indexOf('@')
  if (at >= 0) {
    const userInfo = rest.slice(0, at)
    rest = rest.slice(at + 1)
    const colon = userInfo.indexOf(':')
    user = colon < 0 ? userInfo : userInfo.slice(0, colon)
    if (!userText.test(user)) return undefined
    if (colon >= 0) {
      password = userInfo.slice(colon + 1)
      if (!passwordText.test(password)) return undefined
    }
  }
  const question = rest.indexOf('?')
  const headers = question < 0 ? undefined : rest.slice(question + 1)
  if (question >= 0) rest = rest.slice(0, question)
  const semicolon = rest.indexOf(';')
  const hostPort = parseHostPort(semicolon < 0 ? rest : rest.slice(0, semicolon))
  const params = parseUriParams(semicolon < 0 ? '' : rest.slice(semicolon + 1))
  if (!hostPort || !params) return undefined
  const uri: SipUri = { scheme, host: hostPort.host, params }
  if (user !== undefined) uri.user = user
  if (password !== undefined) uri.password = password
  if (hostPort.port !== undefined) uri.port = hostPort.port
  if (headers !== undefined) uri.headers = headers
  return uri
}

/** Writes a URI back, without brackets. */
export function formatUri(uri: SipUri): string {
  const params = formatParams(uri.params)
  if (uri.scheme === 'tel') return `tel:${uri.user ?? ''}${params}`
  const password = uri.password === undefined ? '' : `:${uri.password}`
  const user = uri.user === undefined ? '' : `${uri.user}${password}@`
  const host = uri.host.includes(':') ? `[${uri.host}]` : uri.host
  const port = uri.port === undefined ? '' : `:${uri.port}`
  const headers = uri.headers === undefined ? '' : `?${uri.headers}`
  return `${uri.scheme}:${user}${host}${port}${params}${headers}`
}

/** Resolves %-escapes of a user part; a broken escape leaves the text as it is. */
export function unescapeUser(user: string): string {
  if (!user.includes('%')) return user
  try {
    return decodeURIComponent(user)
  } catch {
    return user
  }
}

/** Escapes what may not stand in a user part (RFC 3261 25.1 user). */
export function escapeUser(user: string): string {
  return user.replace(/[^A-Za-z0-9\-_.!~*'()&=+$,;?/]/gu, (character) =>
    encodeURIComponent(character).replace('#', '%23'),
  )
}

// `%41` and `A` are one character; other escapes are kept apart from the reserved character they stand for.
function normalEscapes(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (escape, hex: string) => {
    const character = String.fromCharCode(parseInt(hex, 16))
    return /[A-Za-z0-9\-_.!~*'()]/.test(character) ? character : escape.toUpperCase()
  })
}

// RFC 3261 19.1.4: these make a difference even when one side lacks them.
const significantParams = ['user', 'ttl', 'method', 'maddr', 'transport']

function headersEqual(first: string | undefined, second: string | undefined): boolean {
  const normal = (headers: string | undefined): string =>
    (headers ?? '')
      .split('&')
      .map((part) => {
        const equals = part.indexOf('=')
        const name = equals < 0 ? part : part.slice(0, equals)
        return name.toLowerCase() + normalEscapes(part.slice(name.length))
      })
      .sort()
      .join('&')
  return normal(first) === normal(second)
}

/** Compares two URIs by RFC 3261 19.1.4 (tel: number without separators, RFC 3966 4). */
export function uriEquals(first: SipUri, second: SipUri): boolean {
  if (first.scheme !== second.scheme) return false
  if (first.scheme === 'tel') {
    const digits = (uri: SipUri): string => (uri.user ?? '').replace(/[-.()]/g, '').toLowerCase()
    if (digits(first) !== digits(second) || first.params.size !== second.params.size) return false
    for (const [name, value] of first.params) {
      if (!second.params.has(name)) return false
      if (value?.toLowerCase() !== second.params.get(name)?.toLowerCase()) return false
    }
    return true
  }
  if (first.host !== second.host || first.port !== second.port) return false
  if (normalEscapes(first.user ?? '') !== normalEscapes(second.user ?? '')) return false
  if ((first.user === undefined) !== (second.user === undefined)) return false
  if (normalEscapes(first.password ?? '') !== normalEscapes(second.password ?? '')) return false
  for (const [name, value] of first.params) {
    if (!second.params.has(name)) continue
    const other = second.params.get(name)
    if (normalEscapes(value ?? '').toLowerCase() !== normalEscapes(other ?? '').toLowerCase()) return false
  }
  for (const name of significantParams) if (first.params.has(name) !== second.params.has(name)) return false
  return headersEqual(first.headers, second.headers)
}
