import type { Clock } from '#src/base/clock.ts'

/** The wall clock has whole milliseconds, and is read at another moment than the monotonic one. */
const toleranceMs = 50

/**
 * The way from monotonic to wall time, the same at every look unless the wall clock was set: a message must not move
 * by a fraction of a millisecond from one reading to the next.
 */
export class WallTime {
  readonly #clock: Clock
  #offsetMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#offsetMs = clock.nowMs() - clock.monotonicMs()
  }

  /** What to add to monotonic ms for epoch ms. */
  offsetMs(): number {
    const nowMs = this.#clock.nowMs() - this.#clock.monotonicMs()
    if (Math.abs(nowMs - this.#offsetMs) > toleranceMs) this.#offsetMs = nowMs
    return this.#offsetMs
  }
}
