import { lookup, Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { Random } from '#src/base/random.ts'
import type { SipUri } from '#src/sip/uri.ts'
import type { StaticHost } from '../options.ts'
import type { Target, TransportProtocol } from './transport-port.ts'

/** One SRV record (RFC 2782). */
export interface SrvRecord {
  priority: number
  weight: number
  port: number
  name: string
}

/** What is asked of DNS. A name without such records gives an empty list; a failing server rejects. */
export interface Dns {
  srv(name: string): Promise<SrvRecord[]>
  /** A and AAAA, in the order to try. */
  addresses(name: string): Promise<string[]>
}

const nothingThere = ['ENOTFOUND', 'ENODATA', 'NOTFOUND', 'NODATA']

function emptyWhenMissing(error: unknown): [] {
  const code = (error as { code?: unknown } | undefined)?.code
  if (typeof code === 'string' && nothingThere.includes(code)) return []
  throw error
}

/** Asks the system: /etc/hosts counts for addresses. */
export function createSystemDns(): Dns {
  const resolver = new Resolver({ timeout: 2000, tries: 2 })
  return {
    srv: (name) => resolver.resolveSrv(name).catch(emptyWhenMissing),
    addresses: async (name) => {
      const found = await lookup(name, { all: true }).catch(emptyWhenMissing)
      return found.map(({ address }) => address)
    },
  }
}

/** What a URI is resolved with. */
export interface ResolveOptions {
  staticHosts: readonly StaticHost[]
  dns: Dns
  /** Used where the URI leaves the transport open. */
  protocolHint?: TransportProtocol | undefined
  /** Spreads the load over SRV records of one priority; without it they keep their order. */
  random?: Random | undefined
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

/**
 * Where a request to this URI goes, in the order to try (RFC 3263 4). An empty list means that there is no such
 * place: an unknown name, a transport that we do not speak, a tel URI.
 */
export async function resolveTarget(uri: SipUri, options: ResolveOptions): Promise<Target[]> {
  const fixed = fixedProtocol(uri)
  if (fixed === 'unsupported') return []
  // RFC 3261 19.1.1: maddr overrides the host for sending; the certificate must still be the host's.
  const host = (uri.params.get('maddr') ?? uri.host).replace(/^\[|\]$/g, '').toLowerCase()
  const serverName = isIP(uri.host) === 0 ? uri.host.replace(/\.$/, '') : undefined
  if (host === '') return []
  const protocol = fixed ?? options.protocolHint ?? 'udp'
  const at = (address: string, port: number, over: TransportProtocol = protocol): Target => ({
    protocol: over,
    host: address,
    port,
    serverName,
  })
  if (isIP(host) !== 0) return [at(host, uri.port ?? defaultPorts[protocol])]
  const fixedHosts = options.staticHosts.filter(({ name }) => name.toLowerCase() === host)
  if (fixedHosts.length > 0) {
    return fixedHosts.map(({ address }) => at(address, uri.port ?? defaultPorts[protocol]))
  }
  if (uri.port === undefined) {
    // 4.1: without NAPTR, SRV is asked for the transport wanted, or for each that we speak.
    const wanted: TransportProtocol[] = fixed
      ? [fixed]
      : options.protocolHint
        ? [protocol]
        : ['udp', 'tcp', 'tls']
    for (const over of wanted) {
      const records = orderSrv(await options.dns.srv(srvPrefixes[over] + host), options.random)
      const targets: Target[] = []
      for (const record of records) {
        // RFC 2782: a lone "." says that the service is decidedly not there.
        if (record.name === '' || record.name === '.') continue
        const addresses = await addressesOf(record.name, options)
        for (const address of addresses) targets.push(at(address, record.port, over))
        if (targets.length >= maxTargets) break
      }
      if (records.length > 0) return targets.slice(0, maxTargets)
    }
  }
  const addresses = await options.dns.addresses(host)
  return addresses.slice(0, maxTargets).map((address) => at(address, uri.port ?? defaultPorts[protocol]))
}

async function addressesOf(name: string, options: ResolveOptions): Promise<string[]> {
  const wanted = name.toLowerCase().replace(/\.$/, '')
  const fixed = options.staticHosts.filter((entry) => entry.name.toLowerCase() === wanted)
  return fixed.length > 0 ? fixed.map(({ address }) => address) : options.dns.addresses(wanted)
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

function fixedProtocol(uri: SipUri): TransportProtocol | 'unsupported' | undefined {
  if (uri.scheme === 'tel') return 'unsupported'
  const transport = uri.params.get('transport')?.toLowerCase()
  // RFC 3261 26.2.2: sips means TLS, and transport=tcp in it names what TLS runs over; RFC 7118 5: so does ws.
  if (uri.scheme === 'sips') return overTls.get(transport ?? 'tls') ?? 'unsupported'
  if (transport === undefined) return undefined
  return isProtocol(transport) ? transport : 'unsupported'
}

/** Orders SRV records by priority, and within one priority by weighted chance (RFC 2782). */
export function orderSrv(records: readonly SrvRecord[], random: Random | undefined): SrvRecord[] {
  const rest = [...records].sort((first, second) => first.priority - second.priority)
  if (!random) return rest
  const ordered: SrvRecord[] = []
  while (rest.length > 0) {
    const priority = (rest[0] as SrvRecord).priority
    const group = rest.filter((record) => record.priority === priority)
    rest.splice(0, group.length)
    while (group.length > 0) {
      const total = group.reduce((sum, record) => sum + record.weight, 0)
      let ticket = (random.bytes(4).readUInt32BE() / 2 ** 32) * total
      let index = group.findIndex((record) => (ticket -= record.weight) < 0)
      if (index < 0) index = 0
      ordered.push(...group.splice(index, 1))
    }
  }
  return ordered
}
