import { performance, type EventLoopUtilization } from 'node:perf_hooks'
import type { Clock } from '#src/base/clock.ts'

/**
 * Measures the event loop between two readings. Its delay alone would not do: while datagrams wait in the kernel's
 * buffer the loop turns quickly and is never idle, and all the waiting is out of its sight.
 */
export class LoadMeter {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  #last: EventLoopUtilization = performance.eventLoopUtilization()
  #readAtMs: number

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock
    this.#readAtMs = clock.monotonicMs()
  }

  /** Share of busy time since the last reading, and how late this reading is against `periodMs`. */
  read(periodMs: number): { busy: number; delayMs: number } {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, this.#last)
    this.#last = now
    const nowMs = this.#clock.monotonicMs()
    const delayMs = Math.max(0, nowMs - this.#readAtMs - periodMs)
    this.#readAtMs = nowMs
    return { busy: utilization, delayMs }
  }
}
