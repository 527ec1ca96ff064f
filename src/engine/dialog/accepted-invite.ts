import type { Clock, Timer } from '#src/base/clock.ts'
import type { TimerBases } from '../options.ts'

/**
 * A 2xx of ours that waits for its ACK: repeated at T1, doubling up to T2, whatever the transport, because a
 * proxy may change it on the way; given up after 64*T1 (RFC 3261 13.3.1.4).
 */
export class AcceptedInvite {
  readonly #clock: Clock
  readonly #bases: TimerBases
  readonly #repeat: () => void
  readonly #giveUp: () => void
  #intervalMs: number
  #elapsedMs = 0
  #timer: Timer | undefined
  readonly #onTimer = (): void => this.#tick()

  constructor(clock: Clock, bases: TimerBases, repeat: () => void, giveUp: () => void) {
    this.#clock = clock
    this.#bases = bases
    this.#repeat = repeat
    this.#giveUp = giveUp
    this.#intervalMs = bases.t1Ms
  }

  start(): void {
    this.#timer = this.#clock.setTimer(this.#intervalMs, this.#onTimer)
  }

  /** The ACK is here, or the dialog is over. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #tick(): void {
    const limitMs = 64 * this.#bases.t1Ms
    this.#elapsedMs += this.#intervalMs
    if (this.#elapsedMs >= limitMs) {
      this.#timer = undefined
      this.#giveUp()
      return
    }
    this.#repeat()
    this.#intervalMs = Math.min(this.#intervalMs * 2, this.#bases.t2Ms, limitMs - this.#elapsedMs)
    this.#timer = this.#clock.setTimer(this.#intervalMs, this.#onTimer)
  }
}
