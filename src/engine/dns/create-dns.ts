import type { Clock } from '#src/base/clock.ts'
import type { Random } from '#src/base/random.ts'
import { DnsCache } from './dns-cache.ts'
import { askServers } from './dns-client.ts'
import type { Dns } from './dns-port.ts'
import { HostsFile } from './hosts-file.ts'
import { readServersFile } from './servers-file.ts'
import { SystemNames } from './system-names.ts'

/** What names are looked up with. */
export interface DnsOptions {
  clock: Clock
  random: Random
  /** Addresses with or without port; left out = the system's, as they are when a question is asked. */
  servers?: readonly string[] | undefined
  /** Left out = the machine's own. */
  hostsFile?: string
  /** Left out = the machine's own; read when `servers` are left out. */
  serversFile?: string
}

/** RFC 1035 2.3.4. */
const longestName = 253

/** Looks names up in the hosts file, then in DNS with a cache. */
export function createDns(options: DnsOptions): Dns {
  const { clock, random } = options
  const serversFile = options.serversFile ?? '/etc/resolv.conf'
  const servers = async (): Promise<readonly string[]> => options.servers ?? readServersFile(serversFile)
  const client = { servers, clock, random, failedUntilMs: new Map<string, number>() }
  const cache = new DnsCache((type, name) => askServers(type, name, client), clock)
  const hosts = new HostsFile(options.hostsFile ?? '/etc/hosts', clock)
  const system = new SystemNames()
  return {
    async naptr(name) {
      return isPublic(name) ? (await cache.find('NAPTR', keyOf(name))).records : []
    },
    async srv(name) {
      return isPublic(name) ? (await cache.find('SRV', keyOf(name))).records : []
    },
    async addresses(name) {
      const key = keyOf(name)
      if (isNowhere(key)) return []
      const listed = await hosts.addresses(key)
      if (listed.length > 0) return [...listed]
      return isPublic(key) ? addressesOf(cache, key) : system.addresses(key)
    },
  }
}

// Either family is enough; only when neither can be asked has the question failed.
async function addressesOf(cache: DnsCache, name: string): Promise<string[]> {
  const [six, four] = await Promise.allSettled([cache.find('AAAA', name), cache.find('A', name)])
  const found = [six, four].flatMap((result) => (result.status === 'fulfilled' ? result.value.records : []))
  if (found.length > 0) return found
  if (four.status === 'rejected') throw four.reason
  if (six.status === 'rejected') throw six.reason
  return []
}

function keyOf(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}

/** RFC 6761 6.4: WebSocket phones call themselves so (RFC 7118 5), and nobody else. */
function isNowhere(name: string): boolean {
  return name === 'invalid' || name.endsWith('.invalid') || name.length > longestName
}

/** True for names that DNS servers are asked for; the others are this network's own affair (mDNS, search domains). */
function isPublic(name: string): boolean {
  const key = keyOf(name)
  return key.includes('.') && !key.endsWith('.local') && !key.endsWith('.localhost') && !isNowhere(key)
}
