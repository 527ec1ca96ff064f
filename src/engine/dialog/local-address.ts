import { isIPv6Text } from '#src/base/net.ts'
import type { SipHeaders } from '#src/sip/message.ts'
import { parseUri } from '#src/sip/uri.ts'
import type { Flow, ListenerAddress } from '../transport/transport-port.ts'
import { bracketed } from './header-values.ts'

const localhost = /((?:^|<|\s)sips?:(?:[^@<>\s]*@)?)localhost(?::\d+)?(?=$|[>;?,\s])/i

const localised = new Set(['From', 'To', 'Contact', 'P-Asserted-Identity'])

/** Our own address toward the peer of a flow, as it stands in URIs. */
export function localHostPort(flow: Flow): string {
  const host = isIPv6Text(flow.advertisedHost) ? `[${flow.advertisedHost}]` : flow.advertisedHost
  return `${host}:${flow.advertisedPort}`
}

/** Whether a URI names one of these addresses of ours, as it is bound or as peers are told to use it. */
export function namesUs(
  uri: string,
  ours: readonly Pick<ListenerAddress, 'host' | 'port' | 'advertisedHost' | 'advertisedPort'>[],
): boolean {
  const parsed = parseUri(uri)
  if (!parsed || parsed.scheme === 'tel') return false
  const tls = parsed.scheme === 'sips' || parsed.params.get('transport') === 'tls'
  const port = parsed.port ?? (tls ? 5061 : 5060)
  const is = (host: string, itsPort: number): boolean =>
    itsPort === port && host.toLowerCase() === parsed.host
  return ours.some((own) => is(own.host, own.port) || is(own.advertisedHost, own.advertisedPort))
}

/** The URI parameter that keeps the peer on this transport; UDP is the default and needs none. */
export function transportParameter(flow: Flow): string {
  // RFC 7118 5.2.3: `ws` is the only value for both; there is no `wss`.
  if (flow.protocol === 'wss') return ';transport=ws'
  return flow.protocol === 'udp' ? '' : `;transport=${flow.protocol}`
}

/** Our Contact where the application gave none. */
export function defaultContact(flow: Flow): string {
  return `<sip:${localHostPort(flow)}${transportParameter(flow)}>`
}

/**
 * RFC 3261 8.1.1.8, 12.1.1: where the request is for a sips URI, Contact is one too. The transport parameter goes, as
 * the scheme says it (RFC 5630 3.1.4).
 */
export function secureContacts(headers: SipHeaders): void {
  const { flat } = headers
  for (let index = 0; index < flat.length; index += 2) {
    if (flat[index] !== 'Contact') continue
    const value = flat[index + 1] as string
    if (!/(?:^|<)sip:/i.test(value)) continue
    flat[index + 1] = value.replace(/(^|<)sip:/i, '$1sips:').replace(/;transport=tls(?=[;>?]|$)/i, '')
  }
}

/**
 * `localhost` as a host in From, To, Contact and P-Asserted-Identity means: my address toward this peer. The
 * application cannot know it before the flow is chosen.
 */
export function withLocalAddress(name: string, value: string, flow: Flow): string {
  if (!value.includes('localhost') || !localised.has(name)) return value
  const contact = name === 'Contact'
  const whole = contact ? bracketed(value) : value
  return whole.replace(localhost, (_match, before: string, offset: number) => {
    const end = whole.indexOf('>', offset)
    const uri = whole.slice(offset, end === -1 ? whole.length : end)
    const named = /;transport=/i.test(uri)
    return `${before}${localHostPort(flow)}${contact && !named ? transportParameter(flow) : ''}`
  })
}
