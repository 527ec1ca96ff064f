import type { EvidenceKind } from './options.ts'

/** One source that is shut out. */
export interface Ban {
  /** IPv4 address, or IPv6 prefix `2001:db8:1:2::/64`. */
  readonly address: string
  cause: EvidenceKind
  /**
   * `udp` = what was seen may have been forged, so only datagrams are dropped, all but one a second;
   * `all` = the address was proven, so connections are refused as well.
   */
  reach: 'udp' | 'all'
  /** Pieces of evidence. */
  count: number
  firstSeenAtMs: number
  lastSeenAtMs: number
  /** Beginning of a message, masked; undefined where there is none. */
  sample: string | undefined
  sinceAtMs: number
  untilAtMs: number
  /** 1 = for the first time. */
  times: number
  /** Datagrams and connections refused since. */
  refused: number
  /** When a datagram was last let through although it stands (monotonic ms); undefined = none was. */
  letThroughAtMs: number | undefined
}

/** The case against a source. */
export type Charge = Pick<Ban, 'cause' | 'reach' | 'count' | 'firstSeenAtMs' | 'lastSeenAtMs' | 'sample'>

/** Who is shut out and until when; each further time lasts longer. Pure but for its memory; wall clock, ms. */
export class BanList {
  readonly #banMs: readonly number[]
  readonly #forgetMs: number
  readonly #max: number
  readonly #bans = new Map<string, Ban>()
  /** How often, and when that ended; the one that ended longest ago first. */
  readonly #record = new Map<string, { times: number; endedAtMs: number }>()

  constructor(limits: { banMs: readonly number[]; forgetMs: number; max: number }) {
    this.#banMs = limits.banMs
    this.#forgetMs = limits.forgetMs
    this.#max = limits.max
  }

  get size(): number {
    return this.#bans.size
  }

  find(source: string): Ban | undefined {
    return this.#bans.get(source)
  }

  /** Every ban, the newest first. */
  all(): Ban[] {
    return [...this.#bans.values()].reverse()
  }

  /**
   * Shuts a source out, or makes what stands against it graver; no `ban` when the list is full. `displaced` had to
   * make room for it.
   */
  add(source: string, charge: Charge, wallMs: number): { ban?: Ban; displaced?: Ban | undefined } {
    const standing = this.#bans.get(source)
    if (standing) {
      if (charge.reach === 'udp' || standing.reach === 'all') return {}
      Object.assign(standing, charge, { count: standing.count + charge.count })
      return { ban: standing }
    }
    const isFull = this.#bans.size >= this.#max
    const displaced = isFull && charge.reach === 'all' ? this.#dropForgeable() : undefined
    if (isFull && !displaced) return {}
    const before = this.#record.get(source)
    const times = before && wallMs - before.endedAtMs < this.#forgetMs ? before.times + 1 : 1
    const forMs = this.#banMs[Math.min(times, this.#banMs.length) - 1] ?? 600_000
    const ban: Ban = {
      address: source,
      ...charge,
      sinceAtMs: wallMs,
      untilAtMs: wallMs + forMs,
      times,
      refused: 0,
      letThroughAtMs: undefined,
    }
    this.#bans.set(source, ban)
    return { ban, displaced }
  }

  /** Whoever fills the list with forged addresses must not keep those off it that were proven. */
  #dropForgeable(): Ban | undefined {
    for (const [source, ban] of this.#bans) {
      if (ban.reach !== 'udp') continue
      this.#bans.delete(source)
      return ban
    }
    return undefined
  }

  /** Lifts a ban and forgets that there ever was one; undefined when none stood. */
  lift(source: string): Ban | undefined {
    const ban = this.#bans.get(source)
    this.#bans.delete(source)
    this.#record.delete(source)
    return ban
  }

  /** Ends what is over and returns it. */
  expire(wallMs: number): Ban[] {
    const over: Ban[] = []
    for (const [source, ban] of this.#bans) {
      if (ban.untilAtMs > wallMs) continue
      this.#bans.delete(source)
      this.#record.delete(source)
      this.#record.set(source, { times: ban.times, endedAtMs: ban.untilAtMs })
      over.push(ban)
    }
    for (const [source, { endedAtMs }] of this.#record) {
      if (this.#record.size <= this.#max && wallMs - endedAtMs < this.#forgetMs) break
      this.#record.delete(source)
    }
    return over
  }
}
