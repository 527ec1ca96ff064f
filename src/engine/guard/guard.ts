import type { Clock, Timer } from '#src/base/clock.ts'
import { EventSource, type Events } from '#src/base/events.ts'
import type { Logger } from '#src/base/logger.ts'
import { isLoopback } from '#src/base/net.ts'
import type { Doorkeeper } from '../transport/transport-context.ts'
import { BanList, type Ban, type Charge } from './ban-list.ts'
import { FloodWatch } from './flood-watch.ts'
import { Ledger, type Piece } from './ledger.ts'
import type { GuardOptions } from './options.ts'
import { sampleOf } from './sample.ts'
import { ScannerNames } from './scanner-names.ts'
import { AllowList, sourceOf } from './source.ts'

const sweepEveryMs = 1_000
/** What a source that may be forged is still let through: enough for its owner to prove a password. */
const trickleMs = 1_000
const maxTrusted = 20_000

/** Facts that the guard tells. */
export interface GuardEvents {
  /** A ban was made, became graver, was lifted, had to make room for a graver one or is over. */
  changed: { ban: Ban; state: 'standing' | 'ended' }
}

/** What the guard counts. */
export interface GuardCounters {
  guardDatagramsDropped: number
  guardConnectionsRefused: number
  guardScannersDropped: number
  bansMade: number
  /** Enough evidence against an address that is never shut out. */
  bansSpared: number
  bansLifted: number
}

/** Evidence as the parts of the engine and the call side tell it. */
export interface Evidence extends Piece {
  /** True when the source has proven to receive at this address: a connection, or our nonce in its answer. */
  proven: boolean
  /** The beginning of the message; asked only when it is kept. */
  head?: (() => Buffer) | undefined
}

/** The way to ask and tell the guard; the transports have a half of their own, `Doorkeeper`. */
export interface Guard extends Events<GuardEvents> {
  /** Writes down what a source did; the source is shut out when it is enough. */
  note(host: string, evidence: Evidence): void
  /** A registration was proven from here and stands until then (wall clock, ms): lifts a ban, allows none till then. */
  trust(host: string, untilMs: number): void
  /** Replaces the allow-list; bans of who stands on it now are lifted. */
  allow(entries: readonly string[]): void
  bans(): readonly Ban[]
  /** Lets an address in again, with a clean record; false when it was not shut out. */
  unban(address: string): boolean
}

/** Shuts abusers out by what they did. Never waits, never throws. */
export class BanGuard implements Guard, Doorkeeper {
  readonly counters: GuardCounters = {
    guardDatagramsDropped: 0,
    guardConnectionsRefused: 0,
    guardScannersDropped: 0,
    bansMade: 0,
    bansSpared: 0,
    bansLifted: 0,
  }
  readonly #options: GuardOptions
  readonly #clock: Clock
  readonly #logger: Logger
  /** Apart, so that what anybody can forge never adds to what was proven. */
  readonly #forgeable: Ledger
  readonly #proven: Ledger
  readonly #bans: BanList
  readonly #flood: FloodWatch
  readonly #scanners: ScannerNames
  readonly #events: EventSource<GuardEvents>
  /** Until when a source is vouched for (wall clock, ms). */
  readonly #trusted = new Map<string, number>()
  #allowed: AllowList
  #timer: Timer | undefined
  /** Asks whether a peer that proved its name by certificate is connected from this source. */
  isProvenPeer: (source: string) => boolean = () => false

  constructor(options: GuardOptions, clock: Clock, logger: Logger) {
    this.#options = options
    this.#clock = clock
    this.#logger = logger
    this.#forgeable = new Ledger(options.rules, options.maxSources)
    this.#proven = new Ledger(options.rules, options.maxSources)
    const { banMs, forgetMs, maxSources: max } = options
    this.#bans = new BanList({ banMs, forgetMs, max })
    this.#flood = new FloodWatch(options, clock)
    this.#scanners = new ScannerNames(options.scannerAgents)
    this.#events = new EventSource(logger)
    this.#allowed = new AllowList(options.allow)
  }

  on: Guard['on'] = (name, listener) => this.#events.on(name, listener)

  start(): void {
    this.#timer = this.#clock.setTimer(sweepEveryMs, () => {
      this.#sweep()
      this.start()
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }

  admits(host: string, datagram: Buffer): boolean {
    // The way of every datagram while all is well: one comparison and one count.
    const calm = this.#flood.isCalm()
    if (calm && this.#bans.size === 0) return true
    const source = sourceOf(host)
    const ban = this.#bans.find(source)
    if (ban) return this.#passes(ban)
    if (!this.#flood.overflows(source)) return true
    return !this.#shutOut(source, host, this.#floodCharge(datagram, 'udp'))
  }

  admitsConnection(host: string): boolean {
    if (this.#bans.size === 0) return true
    const ban = this.#bans.find(sourceOf(host))
    if (ban?.reach !== 'all') return true
    ban.refused++
    this.counters.guardConnectionsRefused++
    return false
  }

  admitsMessage(host: string, message: Buffer): boolean {
    const calm = this.#flood.isCalm()
    if (calm && this.#bans.size === 0) return true
    const source = sourceOf(host)
    if (this.#bans.find(source)?.reach === 'all') return false
    if (!this.#flood.overflows(source)) return true
    return !this.#shutOut(source, host, this.#floodCharge(message, 'all'))
  }

  noteMalformed(host: string, proven: boolean, head: Buffer): void {
    this.note(host, { kind: 'malformed', proven, head: () => head })
  }

  note(host: string, evidence: Evidence): void {
    const { kind, proven, subject, head } = evidence
    const source = sourceOf(host)
    const standing = this.#bans.find(source)
    if (standing && (standing.reach === 'all' || !proven)) return
    const ledger = proven ? this.#proven : this.#forgeable
    const piece: Piece = { kind, subject, ...(head ? { sample: () => this.#sampleOf(head()) } : {}) }
    const time = { nowMs: this.#clock.monotonicMs(), wallMs: this.#clock.nowMs() }
    const enough = ledger.note(source, piece, time)
    if (!enough) return
    const { count, firstSeenAtMs, lastSeenAtMs, sample } = enough
    const reach = proven ? 'all' : 'udp'
    this.#shutOut(source, host, { cause: kind, reach, count, firstSeenAtMs, lastSeenAtMs, sample })
  }

  /** True when a scanner gives itself away by this User-Agent. */
  namesScanner(userAgent: string): boolean {
    return this.#scanners.has(userAgent)
  }

  /** Writes a scanner's request down; false when its sender is known to be harmless, whatever it calls itself. */
  dropsScanner(host: string, evidence: Pick<Evidence, 'proven' | 'head'>): boolean {
    if (this.#isSafe(sourceOf(host), host)) return false
    this.counters.guardScannersDropped++
    this.note(host, { kind: 'scanner', ...evidence })
    return true
  }

  trust(host: string, untilMs: number): void {
    const source = sourceOf(host)
    if ((this.#trusted.get(source) ?? 0) < untilMs) {
      if (this.#trusted.size >= maxTrusted) this.#forgetTrusted()
      this.#trusted.set(source, untilMs)
    }
    if (this.#bans.size > 0) this.#lift(source, 'a password was proven from there')
  }

  allow(entries: readonly string[]): void {
    this.#allowed = new AllowList(entries)
    for (const ban of this.#bans.all()) {
      const host = ban.address.replace(/\/64$/, '')
      if (this.#allowed.has(host)) this.#lift(ban.address, 'it is on the allow-list')
    }
  }

  bans(): readonly Ban[] {
    return this.#bans.all()
  }

  unban(address: string): boolean {
    const source = address.endsWith('/64') ? address : sourceOf(address)
    this.#forgeable.forget(source)
    this.#proven.forget(source)
    return this.#lift(source, 'the admin let it in again')
  }

  #passes(ban: Ban): boolean {
    const nowMs = this.#clock.monotonicMs()
    if (ban.reach === 'udp' && nowMs - (ban.letThroughAtMs ?? -Infinity) >= trickleMs) {
      ban.letThroughAtMs = nowMs
      return true
    }
    ban.refused++
    this.counters.guardDatagramsDropped++
    return false
  }

  #floodCharge(message: Buffer, reach: Ban['reach']): Charge {
    const wallMs = this.#clock.nowMs()
    const count = this.#options.floodBurst
    return {
      cause: 'flood',
      reach,
      count,
      firstSeenAtMs: wallMs,
      lastSeenAtMs: wallMs,
      sample: this.#sampleOf(message),
    }
  }

  #sampleOf(head: Buffer): string {
    return sampleOf(head, this.#options.secretCodes)
  }

  /** True when the source is shut out now. */
  #shutOut(source: string, host: string, charge: Charge): boolean {
    if (this.#isSafe(source, host)) {
      this.counters.bansSpared++
      this.#flood.spare(source)
      // An office behind one address sends much on a busy day; all else is worth a look.
      const level = charge.cause === 'flood' ? 'debug' : 'warn'
      this.#logger[level](
        { address: source, cause: charge.cause },
        'an address that is never shut out misbehaves',
      )
      return false
    }
    const { ban, displaced } = this.#bans.add(source, charge, this.#clock.nowMs())
    if (displaced) this.#events.emit('changed', { ban: displaced, state: 'ended' })
    if (!ban) return this.#bans.find(source) !== undefined
    this.counters.bansMade++
    const { cause, reach, count, times, untilAtMs, sample } = ban
    this.#logger.warn(
      { address: source, cause, reach, count, times, untilAtMs, sample },
      'an address is shut out',
    )
    this.#events.emit('changed', { ban, state: 'standing' })
    return true
  }

  /** What can be forged in somebody's name must never cost those whom we know their telephone. */
  #isSafe(source: string, host: string): boolean {
    if (this.#options.exemptLoopback && isLoopback(host)) return true
    if ((this.#trusted.get(source) ?? 0) > this.#clock.nowMs()) return true
    return this.#allowed.has(host) || this.isProvenPeer(source)
  }

  #lift(source: string, why: string): boolean {
    const ban = this.#bans.lift(source)
    if (!ban) return false
    this.counters.bansLifted++
    this.#logger.info({ address: source, why }, 'an address is let in again')
    this.#events.emit('changed', { ban, state: 'ended' })
    return true
  }

  #sweep(): void {
    this.#flood.sweep()
    if (this.#bans.size === 0) return
    for (const ban of this.#bans.expire(this.#clock.nowMs())) {
      this.#logger.info(
        { address: ban.address, refused: ban.refused },
        'the time of a shut-out address is over',
      )
      this.#events.emit('changed', { ban, state: 'ended' })
    }
  }

  /** Drops what is over; all, oldest first, down to three quarters when nothing is. */
  #forgetTrusted(): void {
    const wallMs = this.#clock.nowMs()
    for (const [source, untilMs] of this.#trusted) if (untilMs <= wallMs) this.#trusted.delete(source)
    for (const source of this.#trusted.keys()) {
      if (this.#trusted.size <= (maxTrusted * 3) / 4) break
      this.#trusted.delete(source)
    }
  }
}
