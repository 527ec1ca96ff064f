import type { Clock, Timer } from './clock.ts'

/**
 * A clock whose timers of one duration share a single timer of `clock`. For those who set thousands of timers of a few
 * durations and cancel most: setting and cancelling is a link in a list. Never early; after a timer that threw, the
 * others still fire.
 */
export function shareTimers(clock: Clock): Clock {
  const lines = new Map<number, Line>()
  return {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    setTimer(delayMs, callback) {
      let line = lines.get(delayMs)
      if (!line) {
        line = new Line(clock, delayMs, () => lines.delete(delayMs))
        lines.set(delayMs, line)
      }
      return line.add(callback)
    },
    sleep: (delayMs, signal) => clock.sleep(delayMs, signal),
  }
}

/** Those who wait for the same time: who came first is due first. */
class Line {
  readonly #clock: Clock
  readonly #delayMs: number
  readonly #onEmpty: () => void
  #first: Waiting | undefined
  #last: Waiting | undefined
  #timer: Timer | undefined
  readonly #fire = (): void => {
    this.#timer = undefined
    const nowMs = this.#clock.monotonicMs()
    try {
      while (this.#first && this.#first.dueAtMs <= nowMs) this.#first.fire()
    } finally {
      if (this.#first && !this.#timer) this.#arm(this.#first.dueAtMs - nowMs)
    }
  }

  constructor(clock: Clock, delayMs: number, onEmpty: () => void) {
    this.#clock = clock
    this.#delayMs = delayMs
    this.#onEmpty = onEmpty
  }

  add(callback: () => void): Timer {
    const waiting = new Waiting(this, this.#clock.monotonicMs() + this.#delayMs, callback)
    waiting.before = this.#last
    if (this.#last) this.#last.behind = waiting
    else this.#first = waiting
    this.#last = waiting
    if (!this.#timer) this.#arm(this.#delayMs)
    return waiting
  }

  remove(waiting: Waiting): void {
    const { before, behind } = waiting
    if (before) before.behind = behind
    else this.#first = behind
    if (behind) behind.before = before
    else this.#last = before
    waiting.before = undefined
    waiting.behind = undefined
    if (this.#first) return
    // With nobody left, no timer may keep the process alive.
    this.#timer?.cancel()
    this.#timer = undefined
    this.#onEmpty()
  }

  #arm(delayMs: number): void {
    this.#timer = this.#clock.setTimer(delayMs, this.#fire)
  }
}

class Waiting implements Timer {
  readonly dueAtMs: number
  before: Waiting | undefined
  behind: Waiting | undefined
  readonly #line: Line
  #callback: (() => void) | undefined

  constructor(line: Line, dueAtMs: number, callback: () => void) {
    this.#line = line
    this.dueAtMs = dueAtMs
    this.#callback = callback
  }

  fire(): void {
    const callback = this.#callback
    this.cancel()
    callback?.()
  }

  cancel(): void {
    if (!this.#callback) return
    this.#callback = undefined
    this.#line.remove(this)
  }
}
