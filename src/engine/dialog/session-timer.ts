import type { Clock, Timer } from '#src/base/clock.ts'
import { secondsToMs } from '#src/base/clock.ts'
import type { SessionAgreement } from './session-agreement.ts'

/**
 * Runs the agreement of one dialog (RFC 4028 10); every refresh in either direction starts it again. Whoever
 * refreshes, a session without refresh is ended min(32 s, a third of the interval) before it expires.
 */
export class SessionTimer {
  readonly #clock: Clock
  readonly #refresh: () => void
  readonly #expire: () => void
  #refreshTimer: Timer | undefined
  #expiryTimer: Timer | undefined
  #agreement: SessionAgreement | undefined

  constructor(clock: Clock, refresh: () => void, expire: () => void) {
    this.#clock = clock
    this.#refresh = refresh
    this.#expire = expire
  }

  /** What is in force; undefined while the timer is off. */
  get agreement(): SessionAgreement | undefined {
    return this.#agreement
  }

  /** Starts anew; undefined switches the timer off. */
  arm(agreement: SessionAgreement | undefined): void {
    this.stop()
    this.#agreement = agreement
    if (!agreement) return
    const intervalMs = secondsToMs(agreement.intervalS)
    this.#expiryTimer = this.#clock.setTimer(intervalMs - Math.min(32_000, intervalMs / 3), this.#expire)
    if (agreement.refresher === 'us') {
      this.#refreshTimer = this.#clock.setTimer(intervalMs / 2, this.#refresh)
    }
  }

  /** Tries the refresh again, if the session lives that long. */
  retryAfter(delayMs: number): void {
    this.#refreshTimer?.cancel()
    this.#refreshTimer = this.#expiryTimer && this.#clock.setTimer(delayMs, this.#refresh)
  }

  stop(): void {
    this.#refreshTimer?.cancel()
    this.#expiryTimer?.cancel()
    this.#refreshTimer = undefined
    this.#expiryTimer = undefined
    this.#agreement = undefined
  }
}
