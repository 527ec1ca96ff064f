import type { Clock, Timer } from '#src/base/clock.ts'
import { errorText } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import { isLoopback } from '#src/base/net.ts'
import type { BanChange, KernelFirewall } from './requests/ports.ts'

/** Changes that come together go together. */
const gatherMs = 500
/** Each request starts a program as root; systemd stops starting it after thirty in a minute. */
const leastGapMs = 10_000
/** After a refusal: most likely the table is not loaded, and will not be soon. */
const retryAfterMs = 300_000
const maxEntries = 150
/** More than the box ever shuts out: with a kernel that takes nothing for long, or far too slowly, it begins anew. */
const maxPending = 20_000

/** Somebody who is shut out; `address` is an IPv4 address or `2001:db8:1:2::/64`. */
export interface KernelBan {
  address: string
  reach: 'udp' | 'all'
  /** Wall clock, ms. */
  untilAtMs: number
}

/**
 * Keeps the kernel's list of who is shut out like the box's own, a little behind. It only saves work: who is not on it
 * is refused by the box itself all the same.
 */
export class KernelBans {
  readonly #firewall: KernelFirewall
  readonly #clock: Clock
  readonly #logger: Logger
  /** What the kernel does not know yet; undefined = let in again. */
  readonly #pending = new Map<string, KernelBan | undefined>()
  readonly #stopped = new AbortController()
  // What an earlier run of the box left there must not outlive it unseen.
  #flush = true
  #timer: Timer | undefined
  #asking = false
  #notBeforeMs = 0
  #failure: string | undefined

  constructor(needs: { firewall: KernelFirewall; clock: Clock; logger: Logger }) {
    this.#firewall = needs.firewall
    this.#clock = needs.clock
    this.#logger = needs.logger
  }

  /** Why the kernel does not know, in the words of the machine; undefined while all is well. */
  get failure(): string | undefined {
    return this.#failure
  }

  /** Begins with an empty list. */
  start(): void {
    this.#later()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#stopped.abort()
  }

  ban(ban: KernelBan): void {
    const address = kernelAddress(ban.address)
    if (address === undefined) return
    this.#note(address, { address, reach: ban.reach, untilAtMs: ban.untilAtMs })
  }

  lift(ban: Pick<KernelBan, 'address'>): void {
    const address = kernelAddress(ban.address)
    if (address === undefined) return
    this.#note(address, undefined)
  }

  #note(address: string, ban: KernelBan | undefined): void {
    if (this.#pending.size >= maxPending && !this.#pending.has(address)) {
      this.#pending.clear()
      this.#flush = true
    }
    this.#pending.set(address, ban)
    this.#later()
  }

  #later(): void {
    if (this.#timer || this.#asking || this.#stopped.signal.aborted) return
    const waitMs = Math.max(gatherMs, this.#notBeforeMs - this.#clock.monotonicMs())
    this.#timer = this.#clock.setTimer(waitMs, () => {
      this.#timer = undefined
      this.#asking = true
      void this.#ask().finally(() => {
        this.#asking = false
        if (this.#flush || this.#pending.size > 0) this.#later()
      })
    })
  }

  async #ask(): Promise<void> {
    const change = this.#take()
    try {
      await this.#firewall.change(change, this.#stopped.signal)
      this.#failure = undefined
      this.#notBeforeMs = this.#clock.monotonicMs() + leastGapMs
    } catch (error) {
      if (this.#stopped.signal.aborted) return
      if (this.#failure === undefined) {
        this.#logger.warn(
          { err: error },
          'the kernel does not take over who is shut out, the box does it alone',
        )
      }
      this.#failure = errorText(error)
      this.#notBeforeMs = this.#clock.monotonicMs() + retryAfterMs
      // What is asked for again is asked for whole: it is not known how much of it was done.
      this.#flush ||= change.flush
      for (const address of change.lift)
        if (!this.#pending.has(address)) this.#pending.set(address, undefined)
      const nowMs = this.#clock.nowMs()
      for (const { address, reach, seconds } of change.ban) {
        if (!this.#pending.has(address))
          this.#pending.set(address, { address, reach, untilAtMs: nowMs + seconds * 1000 })
      }
    }
  }

  #take(): BanChange {
    const change: BanChange = { flush: this.#flush, ban: [], lift: [] }
    this.#flush = false
    const nowMs = this.#clock.nowMs()
    for (const [address, ban] of this.#pending) {
      if ((ban ? change.ban : change.lift).length >= maxEntries) continue
      this.#pending.delete(address)
      if (!ban) change.lift.push(address)
      else if (ban.untilAtMs > nowMs) {
        change.ban.push({ address, reach: ban.reach, seconds: Math.ceil((ban.untilAtMs - nowMs) / 1000) })
      }
    }
    return change
  }
}

/** As the root side takes it; undefined for what only the box can tell apart: this machine, and neighbours on one link. */
function kernelAddress(address: string): string | undefined {
  const plain = address.endsWith('/64') ? address.slice(0, -3) : address
  if (isLoopback(plain) || plain.includes('%') || /^(fe[89ab]|0:)/i.test(plain)) return undefined
  return plain
}
