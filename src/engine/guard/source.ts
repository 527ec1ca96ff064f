import { BlockList, isIP, isIPv6 } from 'node:net'
import { isSubnet, unmapIpv4 } from '#src/base/net.ts'

/**
 * Who an address is to be taken for: an IPv4 address is itself; an IPv6 address is its /64, which is what one
 * subscriber or one link has (RFC 4291 2.5.4) and can move within at will: `2001:db8:1:2::/64`. A link-local one is itself.
 */
export function sourceOf(host: string): string {
  if (!host.includes(':')) return host
  const plain = unmapIpv4(host)
  // All neighbours share the link's prefix.
  if (!isIPv6(plain) || /^fe[89ab]/i.test(plain)) return plain
  return `${prefix64(plain)}::/64`
}

/** The first four groups, without leading zeros. */
function prefix64(address: string): string {
  const scope = address.indexOf('%')
  const text = scope < 0 ? address : address.slice(0, scope)
  const gap = text.indexOf('::')
  const head = (gap < 0 ? text : text.slice(0, gap)).split(':').filter((group) => group !== '')
  // What follows the gap belongs to the first half only when it is long enough to reach into it.
  const tail = gap < 0 ? [] : text.slice(gap + 2).split(':')
  const tailGroups = tail.filter((group) => group !== '').flatMap(groupsOf)
  while (gap >= 0 && head.length + tailGroups.length < 8) head.push('0')
  const groups = [...head, ...tailGroups].slice(0, 4)
  return groups.map((group) => parseInt(group, 16).toString(16)).join(':')
}

/** The last 32 bits may be written as an IPv4 address. */
function groupsOf(group: string): string[] {
  return group.includes('.') ? ['0', '0'] : [group]
}

/**
 * Addresses and prefixes that are never shut out. What cannot be read is left out. An IPv6 address stands for its /64
 * here as well: it would be shut out with its neighbours.
 */
export class AllowList {
  readonly #list = new BlockList()

  constructor(entries: readonly string[]) {
    for (const entry of entries) {
      if (!isSubnet(entry)) continue
      const [address = '', length] = entry.split('/')
      const family = isIPv6(address) ? 'ipv6' : 'ipv4'
      const bits = Number(length ?? (family === 'ipv6' ? 128 : 32))
      const isShared = sourceOf(address).endsWith('/64')
      this.#list.addSubnet(address, isShared ? Math.min(bits, 64) : bits, family)
    }
  }

  has(host: string): boolean {
    const plain = unmapIpv4(host)
    const family = isIP(plain)
    return family !== 0 && this.#list.check(plain, family === 6 ? 'ipv6' : 'ipv4')
  }
}
