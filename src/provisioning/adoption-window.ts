import type { Clock, Timer } from '#src/base/clock.ts'
import type { AdoptionWindow } from './ports.ts'

/**
 * The time in which phones are adopted unseen. In memory: a box that restarts, perhaps days later, must not go on
 * trusting everybody.
 */
export class AdoptionClock {
  readonly #clock: Clock
  readonly #onChanged: (window: AdoptionWindow | undefined) => void
  #window: AdoptionWindow | undefined
  #closesAtMonotonicMs = 0
  #timer: Timer | undefined

  constructor(needs: { clock: Clock; onChanged(window: AdoptionWindow | undefined): void }) {
    this.#clock = needs.clock
    this.#onChanged = (window) => needs.onChanged(window)
  }

  /** Undefined once its time is over, whatever the wall clock did meanwhile. */
  current(): AdoptionWindow | undefined {
    return this.#clock.monotonicMs() < this.#closesAtMonotonicMs ? this.#window : undefined
  }

  open(durationMs: number): AdoptionWindow {
    this.#timer?.cancel()
    const nowMs = this.#clock.nowMs()
    const window = { openedAtMs: nowMs, closesAtMs: nowMs + durationMs }
    this.#window = window
    this.#closesAtMonotonicMs = this.#clock.monotonicMs() + durationMs
    this.#timer = this.#clock.setTimer(durationMs, () => this.close())
    this.#onChanged(window)
    return window
  }

  close(): void {
    if (!this.#window) return
    this.#timer?.cancel()
    this.#window = undefined
    this.#closesAtMonotonicMs = 0
    this.#onChanged(undefined)
  }

  /** Closes without telling anybody; the box stops. */
  stop(): void {
    this.#timer?.cancel()
  }
}
