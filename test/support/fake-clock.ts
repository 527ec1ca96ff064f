import { sleepOn, type Clock, type Timer } from '#src/base/clock.ts'

interface Waiting {
  atMs: number
  order: number
  callback: () => void
}

/** A clock that stands still until a test moves it; timers fire in order of their time, then of their start. */
export class FakeClock implements Clock {
  #nowMs: number
  readonly #startMs: number
  #order = 0
  readonly #waiting = new Set<Waiting>()

  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs
    this.#startMs = startMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs - this.#startMs
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const entry: Waiting = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback }
    this.#waiting.add(entry)
    return { cancel: () => this.#waiting.delete(entry) }
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal)
  }

  /** Timers not fired and not cancelled: 0 at the end of a test that leaks nothing. */
  get pending(): number {
    return this.#waiting.size
  }

  /** Moves time on, firing what falls due, without letting promises run in between. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs
    for (;;) {
      let next: Waiting | undefined
      for (const entry of this.#waiting) {
        if (entry.atMs > untilMs) continue
        if (!next || entry.atMs < next.atMs || (entry.atMs === next.atMs && entry.order < next.order))
          next = entry
      }
      if (!next) break
      this.#waiting.delete(next)
      this.#nowMs = next.atMs
      next.callback()
    }
    this.#nowMs = untilMs
  }

  /** Moves time on in steps and lets promises settle after each, for code that sleeps in a loop. */
  async run(byMs: number, stepMs = byMs): Promise<void> {
    for (let done = 0; done < byMs; done += stepMs) {
      this.advance(Math.min(stepMs, byMs - done))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}
