/** Names of the requests, in the order in which pending ones are served: a reboot comes last. */
export const requestNames = ['network', 'time', 'bans', 'factory-reset', 'reboot'] as const
export type RequestName = (typeof requestNames)[number]

/** How the machine is to reach its network. */
export interface HostNetwork {
  /** Name such as `eth0`; undefined = the only wired one. */
  interface: string | undefined
  /** IEEE 802.1Q tag, 1 to 4094; undefined = untagged. */
  vlan: number | undefined
  /** Undefined = DHCP. */
  static: StaticAddress | undefined
  /** Time servers instead of those that DHCP names: IPv4 addresses or host names, at most three. */
  ntp: string[]
  /** The machine's name, answered as NAME.local; undefined = as it is. */
  hostname: string | undefined
}

export interface StaticAddress {
  /** IPv4, dotted. */
  address: string
  /** 1 to 30. */
  prefixLength: number
  /** IPv4 in the same subnet; null = none. */
  gateway: string | null
  /** IPv4, at most three. */
  dns: string[]
}

/** Who is to be shut out of the SIP ports from now on. */
export interface HostBans {
  /** True: everybody is let in first. */
  flush: boolean
  ban: HostBan[]
  /** Addresses to let in again. */
  lift: string[]
}

export interface HostBan {
  /** IPv4, or the first address of an IPv6 /64. */
  address: string
  /** `udp` = only datagrams, and not quite all of them. */
  reach: 'udp' | 'all'
  seconds: number
}

/** A request that was understood. */
export type Request =
  | { name: 'reboot'; reason: string }
  | { name: 'factory-reset'; reason: string }
  | { name: 'network'; network: HostNetwork }
  | { name: 'time'; timeZone: string }
  | { name: 'bans'; bans: HostBans }
