import type { Clock, Timer } from '#src/base/clock.ts'

/** What a paced sender needs. */
export interface PacedSenderOptions {
  clock: Clock
  intervalMs: number
  /** After a stall at most so many ticks are caught up at once; older ones are left out. */
  maxCatchUp: number
  /** Called once per interval with the number of intervals since the start; numbers left out were too late. */
  onTick: (tick: number) => void
}

/**
 * Ticks on an absolute schedule of the monotonic clock: a late timer shortens the next wait, so thousands of
 * ticks later the schedule has not drifted. A stalled event loop is caught up in one burst of bounded length.
 */
export class PacedSender {
  readonly #options: PacedSenderOptions
  #startMs = 0
  #next = 0
  #timer: Timer | undefined

  constructor(options: PacedSenderOptions) {
    this.#options = options
  }

  get running(): boolean {
    return this.#timer !== undefined
  }

  /** Starts the schedule with a first tick at once; does nothing when it runs. */
  start(): void {
    if (this.#timer) return
    this.#startMs = this.#options.clock.monotonicMs()
    this.#next = 0
    this.#timer = this.#options.clock.setTimer(0, () => this.#run())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #run(): void {
    const { clock, intervalMs, maxCatchUp, onTick } = this.#options
    const due = Math.floor((clock.monotonicMs() - this.#startMs) / intervalMs) + 1
    this.#next = Math.max(this.#next, due - maxCatchUp)
    while (this.#next < due && this.#timer) onTick(this.#next++)
    // `onTick` may have stopped the sender.
    if (!this.#timer) return
    const waitMs = this.#startMs + this.#next * intervalMs - clock.monotonicMs()
    // Rounded up, because timers fire on whole milliseconds and one too early would only come back.
    this.#timer = clock.setTimer(Math.max(0, Math.ceil(waitMs)), () => this.#run())
  }
}
