import { isIP, isIPv6 } from 'node:net'
import type { Random } from '#src/base/random.ts'
import type { SipUri } from '#src/sip/uri.ts'
import type { Dns, NaptrRecord } from '../dns/dns-port.ts'
import type { StaticHost } from '../options.ts'
import { chooseServices, orderSrv, type Service } from './services.ts'
import type { Target, TransportProtocol } from './transport-port.ts'

/** What a URI is resolved with. */
export interface ResolveOptions {
  staticHosts: readonly StaticHost[]
  dns: Dns
  /** Used where the URI leaves the transport open. */
  protocolHint?: TransportProtocol | undefined
  /** Spreads the load over SRV records of one priority; without it they keep their order. */
  random?: Random | undefined
  /** False for addresses that this machine has no way to (no IPv6, say): they are tried last. Left out = all are. */
  reaches?: ((address: string) => boolean) | undefined
}

const defaultPorts: Readonly<Record<TransportProtocol, number>> = {
  udp: 5060,
  tcp: 5060,
  tls: 5061,
  ws: 80,
  wss: 443,
}
const srvPrefixes: Readonly<Record<TransportProtocol, string>> = {
  udp: '_sip._udp.',
  tcp: '_sip._tcp.',
  tls: '_sips._tcp.',
  ws: '_sip._ws.',
  wss: '_sips._ws.',
}
const maxTargets = 16
const maxServices = 8
const maxSrvRecords = 16

/**
 * Where a request to this URI goes, in the order to try (RFC 3263 4). An empty list means that there is no such
 * place: an unknown name, a transport that we do not speak, a tel URI. Rejects when DNS fails.
 */
export async function resolveTarget(uri: SipUri, options: ResolveOptions): Promise<Target[]> {
  const named = namedProtocol(uri)
  if (named === 'unsupported') return []
  // RFC 3261 19.1.1: maddr overrides the host for sending; the certificate must still be the host's.
  const host = (uri.params.get('maddr') ?? uri.host).replace(/^\[|\]$/g, '').toLowerCase()
  if (host === '') return []
  const secure = uri.scheme === 'sips'
  const fixed = named ?? (secure ? undefined : options.protocolHint)
  const search: Search = {
    options,
    serverName: isIP(uri.host) === 0 ? uri.host.replace(/\.$/, '') : undefined,
    asked: uri.params.has('transport'),
  }
  // RFC 3263 4.1: an address or a port leaves nothing to choose, and UDP, or TLS for sips, is meant.
  const plain = fixed ?? (secure ? 'tls' : 'udp')
  const port = uri.port ?? defaultPorts[plain]
  if (isIP(host) !== 0) return [targetAt(search, host, port, plain)]
  const isStatic = staticAddresses(host, options).length > 0
  if (uri.port === undefined && !isStatic) {
    const offered = await offeredServices(host, fixed, secure, options)
    if (offered) {
      const found: Target[] = []
      for (const service of offered) {
        found.push(...(await targetsOf(service, search)))
        if (found.length >= maxTargets) break
      }
      return found.slice(0, maxTargets)
    }
  }
  return targetsAt(search, host, port, plain)
}

/** What stays the same for every target of a URI. */
interface Search {
  options: ResolveOptions
  serverName: string | undefined
  asked: boolean
}

/**
 * The services that DNS offers for a name without port, or undefined when it offers none and the name itself is to be
 * looked up (RFC 3263 4.2). A named transport goes straight to its SRV records; else NAPTR is asked first (4.1).
 */
async function offeredServices(
  host: string,
  fixed: TransportProtocol | undefined,
  secure: boolean,
  options: ResolveOptions,
): Promise<Service[] | undefined> {
  if (!fixed) {
    // Only what we can dial. A sips URI MUST NOT leave TLS whatever DNS says (RFC 3263 4.1).
    const usable = (protocol: TransportProtocol): boolean =>
      protocol === 'tls' || (!secure && (protocol === 'udp' || protocol === 'tcp'))
    const services = chooseServices(await naptrOf(host, options.dns), usable)
    if (services.length > 0) return services.slice(0, maxServices)
  }
  const candidates: TransportProtocol[] = fixed ? [fixed] : secure ? ['tls'] : ['udp', 'tcp', 'tls']
  let decidedlyNot = false
  for (const protocol of candidates) {
    const name = srvPrefixes[protocol] + host
    const records = await options.dns.srv(name)
    // RFC 2782: a lone "." says that the service is decidedly not there.
    if (records.some((record) => !isNowhere(record.name))) return [{ protocol, next: 'srv', name }]
    if (records.length > 0) decidedlyNot = true
  }
  return decidedlyNot ? [] : undefined
}

const refusals = new Set(['SERVFAIL', 'NOTIMP', 'REFUSED', 'FORMERR'])

// Routers that pass questions on often know A and SRV only, and refuse the rest.
async function naptrOf(host: string, dns: Dns): Promise<NaptrRecord[]> {
  try {
    return await dns.naptr(host)
  } catch (error) {
    const code = (error as { code?: unknown } | undefined)?.code
    if (typeof code === 'string' && refusals.has(code)) return []
    throw error
  }
}

async function targetsOf(service: Service, search: Search): Promise<Target[]> {
  const { protocol, name } = service
  if (service.next === 'addresses') return targetsAt(search, name, defaultPorts[protocol], protocol)
  const { dns, random } = search.options
  const found: Target[] = []
  for (const record of orderSrv((await dns.srv(name)).slice(0, maxSrvRecords), random)) {
    if (isNowhere(record.name)) continue
    found.push(...(await targetsAt(search, record.name, record.port, protocol)))
    if (found.length >= maxTargets) break
  }
  return found
}

async function targetsAt(
  search: Search,
  name: string,
  port: number,
  protocol: TransportProtocol,
): Promise<Target[]> {
  const { options } = search
  const host = name.toLowerCase().replace(/\.$/, '')
  const listed = staticAddresses(host, options)
  const addresses = listed.length > 0 ? listed : await options.dns.addresses(host)
  // RFC 6724 5 rule 1: with two families at hand, one without a route only costs time.
  const reached =
    addresses.some((one) => isIPv6(one)) && !addresses.every((one) => isIPv6(one))
      ? options.reaches
      : undefined
  const ordered = reached
    ? [...addresses.filter((one) => reached(one)), ...addresses.filter((one) => !reached(one))]
    : addresses
  return ordered.slice(0, maxTargets).map((address) => targetAt(search, address, port, protocol))
}

function targetAt(search: Search, host: string, port: number, protocol: TransportProtocol): Target {
  const { serverName, asked } = search
  return asked ? { protocol, host, port, serverName, asked } : { protocol, host, port, serverName }
}

function staticAddresses(host: string, options: ResolveOptions): string[] {
  return options.staticHosts.filter(({ name }) => name.toLowerCase() === host).map(({ address }) => address)
}

function isNowhere(name: string): boolean {
  return name === '' || name === '.'
}

const overTls: ReadonlyMap<string, TransportProtocol> = new Map([
  ['tls', 'tls'],
  ['tcp', 'tls'],
  ['ws', 'wss'],
  ['wss', 'wss'],
])

function isProtocol(text: string): text is TransportProtocol {
  return Object.hasOwn(defaultPorts, text)
}

function namedProtocol(uri: SipUri): TransportProtocol | 'unsupported' | undefined {
  if (uri.scheme === 'tel') return 'unsupported'
  const transport = uri.params.get('transport')?.toLowerCase()
  if (transport === undefined) return undefined
  // RFC 3261 26.2.2: sips means TLS, and transport=tcp in it names what TLS runs over; RFC 7118 5: so does ws.
  if (uri.scheme === 'sips') return overTls.get(transport) ?? 'unsupported'
  return isProtocol(transport) ? transport : 'unsupported'
}
