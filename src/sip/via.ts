import { parseDecimal } from './cseq.ts'
import { formatParams, paramOf, parseParams, type SipParams } from './params.ts'

/** One Via value (RFC 3261 20.42). */
export interface Via {
  /** Upper-case: UDP, TCP, TLS, … */
  transport: string
  /** sent-by host; IPv6 without brackets. */
  host: string
  port?: number
  params: SipParams
}

const viaHead =
  /^SIP[ \t]*\/[ \t]*\d\.\d[ \t]*\/[ \t]*([A-Za-z0-9\-.!%*_+`'~]+)[ \t]+(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?:[ \t]*:[ \t]*(\d{1,5}))?[ \t]*(?=;|$)/i

/** Parses a Via value; undefined when it is none. Any version passes, so that a 505 finds its way back. */
export function parseVia(value: string): Via | undefined {
  const match = viaHead.exec(value)
  if (!match) return undefined
  const params = parseParams(value, match[0].length)
  if (!params) return undefined
  const via: Via = {
    transport: (match[1] as string).toUpperCase(),
    host: match[2] ?? (match[3] as string),
    params,
  }
  if (match[4] !== undefined) {
    const port = parseDecimal(match[4], 65535)
    if (port === undefined) return undefined
    via.port = port
  }
  return via
}

/** Writes a Via value. */
export function formatVia(via: {
  transport: string
  host: string
  port?: number | undefined
  params: ReadonlyMap<string, string | undefined>
}): string {
  const host = via.host.includes(':') ? `[${via.host}]` : via.host
  const port = via.port === undefined ? '' : `:${via.port}`
  return `SIP/2.0/${via.transport} ${host}${port}${formatParams(via.params)}`
}

/** The branch of a Via value without parsing the rest: the key of a transaction (RFC 3261 17.2.3). */
export function branchOf(value: string): string | undefined {
  return paramOf(value, 'branch', 0) || undefined
}

/** True when the branch was made by an RFC 3261 element and so is unique (8.1.1.7). */
export function hasMagicCookie(branch: string): boolean {
  return branch.length > 7 && /^z9hG4bK/i.test(branch)
}

/**
 * The Via value with the address it came from: `received` and `rport` are set whether asked for or not, because
 * phones behind NAT that do not ask are the ones that need it (RFC 3261 18.2.1, RFC 3581 4). What the sender
 * itself wrote there is replaced. Undefined when the value is no Via.
 */
export function withReceived(value: string, remoteHost: string, remotePort: number): string | undefined {
  // The hot path: the value needs no rebuilding when neither parameter is there yet, or rport stands alone.
  const semicolon = value.indexOf(';')
  if (semicolon < 0)
    return viaHead.test(value) ? `${value};received=${remoteHost};rport=${remotePort}` : undefined
  if (!viaHead.test(value)) return undefined
  const rport = paramOf(value, 'rport', semicolon)
  if (paramOf(value, 'received', semicolon) === undefined) {
    if (rport === undefined) return `${value};received=${remoteHost};rport=${remotePort}`
    if (value.endsWith(';rport')) return `${value}=${remotePort};received=${remoteHost}`
  }
  const given = parseParams(value, semicolon)
  if (!given) return undefined
  const params = new Map(given)
  params.set('received', remoteHost)
  params.set('rport', String(remotePort))
  return value.slice(0, semicolon).trimEnd() + formatParams(params)
}

/** Where a response goes when its flow is gone: received and rport, else sent-by (RFC 3261 18.2.2, RFC 3581 4). */
export function responseAddress(via: Via): { host: string; port: number } {
  const received = via.params.get('received') || via.params.get('maddr')
  const rport = via.params.get('rport')
  const port = (rport && parseDecimal(rport, 65535)) || via.port || (via.transport === 'TLS' ? 5061 : 5060)
  return { host: received ? received.replace(/^\[|\]$/g, '') : via.host, port }
}
