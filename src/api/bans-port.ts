import type { Events } from '#src/base/events.ts'

/** Somebody who is shut out of SIP. */
export interface BannedAddress {
  /** IPv4 address, or IPv6 prefix `2001:db8:1:2::/64`. */
  readonly address: string
  readonly cause: 'flood' | 'scanner' | 'nobody' | 'malformed' | 'password'
  /** `udp` = datagrams only, because they may have been forged in somebody else's name. */
  readonly reach: 'udp' | 'all'
  /** Pieces of evidence. */
  readonly count: number
  readonly firstSeenAtMs: number
  readonly lastSeenAtMs: number
  /** Beginning of a message, secrets masked. */
  readonly sample: string | undefined
  readonly sinceAtMs: number
  readonly untilAtMs: number
  /** 1 = for the first time. */
  readonly times: number
  /** Datagrams and connections refused since. */
  readonly refused: number
}

/** Facts about bans. */
export interface BanEvents {
  changed: { address: string }
}

/** Who is shut out; satisfied by the engine's guard. */
export interface BansPort extends Events<BanEvents> {
  /** The newest first. */
  list(): readonly BannedAddress[]
  /** False when it was not shut out. */
  letIn(address: string): boolean
  /** Whether the machine's firewall drops them too; a text = it should and does not, and why. */
  kernel(): 'on' | 'off' | { failure: string }
}
