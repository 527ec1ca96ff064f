import type { Clock } from '#src/base/clock.ts'
import type { Random } from '#src/base/random.ts'

export interface PortPoolOptions {
  portMin: number
  portMax: number
  reuseDelayMs: number
  /** Even ports that were in use until now: they rest before they are handed out. */
  restingPorts: readonly number[]
  clock: Clock
  random: Random
}

/**
 * The port pairs of a worker: an even port for RTP and the next one for RTCP (RFC 3550 11). Freed pairs rest,
 * then queue up behind all others. The order is shuffled at start, so that ports cannot be foretold.
 */
export class PortPool {
  readonly #clock: Clock
  readonly #reuseDelayMs: number
  readonly #free: { port: number; usableAtMs: number }[]
  readonly #taken = new Set<number>()
  /** Pairs that this pool governs. */
  readonly size: number

  constructor(options: PortPoolOptions) {
    this.#clock = options.clock
    this.#reuseDelayMs = options.reuseDelayMs
    const ports: number[] = []
    for (let port = options.portMin + (options.portMin & 1); port + 1 <= options.portMax; port += 2)
      ports.push(port)
    this.size = ports.length
    const resting = new Set(options.restingPorts)
    const shuffled = shuffle(ports, options.random)
    const usableAtMs = options.clock.monotonicMs() + options.reuseDelayMs
    this.#free = [
      ...shuffled.filter((port) => !resting.has(port)).map((port) => ({ port, usableAtMs: -Infinity })),
      ...shuffled.filter((port) => resting.has(port)).map((port) => ({ port, usableAtMs })),
    ]
  }

  /** Pairs handed out and not given back. */
  get taken(): number {
    return this.#taken.size
  }

  /** Takes a pair and returns its even port; undefined when none is free and rested. */
  take(): number | undefined {
    const first = this.#free[0]
    // The queue is in order of release, so the first is the one that rested longest.
    if (!first || first.usableAtMs > this.#clock.monotonicMs()) return undefined
    this.#free.shift()
    this.#taken.add(first.port)
    return first.port
  }

  /** Gives a pair back, also one that turned out to be used by somebody else. Twice does nothing. */
  release(port: number): void {
    if (!this.#taken.delete(port)) return
    this.#free.push({ port, usableAtMs: this.#clock.monotonicMs() + this.#reuseDelayMs })
  }
}

function shuffle(items: number[], random: Random): number[] {
  const bytes = random.bytes(items.length * 4)
  for (let last = items.length - 1; last > 0; last--) {
    const other = bytes.readUInt32LE(last * 4) % (last + 1)
    const item = items[last]!
    items[last] = items[other]!
    items[other] = item
  }
  return items
}
