import { createHistogram, monitorEventLoopDelay } from 'node:perf_hooks'

const tickMs = 5

/** How long the event loop was held up since the last look, ms. */
export interface LoopDelay {
  /** By the clock on the wall: what phones wait for. On a busy machine that is the neighbours' doing as well. */
  wallP99Ms: number
  wallMaxMs: number
  /** By this thread's own work: of each delay no more than the CPU time that it spent meanwhile. */
  ownP99Ms: number
  ownMaxMs: number
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** Watches the event loop of this thread from now on; each look begins anew. */
export class LoopWatch {
  readonly #wall = monitorEventLoopDelay({ resolution: tickMs })
  readonly #own = createHistogram()
  #dueMs = 0
  #cpuMs = 0

  start(): void {
    this.#wall.enable()
    this.#begin()
    setInterval(() => this.#tick(), tickMs).unref()
  }

  look(): LoopDelay {
    const delay: LoopDelay = {
      wallP99Ms: this.#wall.percentile(99) / 1e6,
      wallMaxMs: this.#wall.max / 1e6,
      ownP99Ms: this.#own.count === 0 ? 0 : this.#own.percentile(99) / 1000,
      ownMaxMs: this.#own.count === 0 ? 0 : this.#own.max / 1000,
    }
    this.reset()
    return delay
  }

  reset(): void {
    this.#wall.reset()
    this.#own.reset()
    this.#begin()
  }

  #begin(): void {
    this.#dueMs = performance.now() + tickMs
    this.#cpuMs = cpuMs()
  }

  #tick(): void {
    const lateMs = Math.max(0, performance.now() - this.#dueMs)
    const ownMs = Math.min(lateMs, cpuMs() - this.#cpuMs)
    // Microseconds; a histogram starts at 1.
    this.#own.record(Math.max(1, Math.round(ownMs * 1000)))
    this.#begin()
  }
}
