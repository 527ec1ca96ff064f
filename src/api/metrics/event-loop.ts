import { monitorEventLoopDelay, type ELDHistogram } from 'node:perf_hooks'

const resolutionMs = 10
const nsPerS = 1e9

/** How late the event loop was, in seconds. */
export type EventLoopDelay = Record<'mean' | 'p50' | 'p99' | 'max', number>

/** Watches the event loop from `start` on. */
export class EventLoopWatch {
  readonly #histogram: ELDHistogram = monitorEventLoopDelay({ resolution: resolutionMs })

  start(): void {
    this.#histogram.enable()
  }

  stop(): void {
    this.#histogram.disable()
  }

  /** The delays since the last reading. */
  read(): EventLoopDelay {
    const histogram = this.#histogram
    const s = (ns: number): number => (Number.isFinite(ns) && histogram.count > 0 ? ns / nsPerS : 0)
    const delay = {
      mean: s(histogram.mean),
      p50: s(histogram.percentile(50)),
      p99: s(histogram.percentile(99)),
      max: s(histogram.max),
    }
    histogram.reset()
    return delay
  }
}
