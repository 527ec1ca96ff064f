import type { Clock } from '#src/base/clock.ts'
import { emptyBucket, pour, type Bucket } from './bucket.ts'
import type { GuardOptions } from './options.ts'

/** After so many messages the clock is looked at. */
const batch = 64
/** A source that is never shut out is not judged again for this long. */
const sparedMs = 30_000

interface Watched extends Bucket {
  sparedUntilMs: number
}

/**
 * Finds the source that sends too much. While all sources together send less than one of them may, nobody can: then a
 * message costs one count, and a look at the clock every 64.
 */
export class FloodWatch {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #perMs: number
  readonly #burst: number
  readonly #maxSources: number
  readonly #sources = new Map<string, Watched>()
  #untilLook = batch
  #lookedAtMs: number
  #near = false

  constructor(
    options: Pick<GuardOptions, 'floodPerSecond' | 'floodBurst' | 'maxSources'>,
    clock: Pick<Clock, 'monotonicMs'>,
  ) {
    this.#clock = clock
    this.#perMs = options.floodPerSecond / 1000
    this.#burst = options.floodBurst
    this.#maxSources = options.maxSources
    this.#lookedAtMs = clock.monotonicMs()
  }

  /** Counts a message; true while no source can be near its limit. */
  isCalm(): boolean {
    if (--this.#untilLook <= 0) this.#look()
    return !this.#near
  }

  /** Counts a message against its source; true when that was too much. Asked only when it is not calm. */
  overflows(source: string): boolean {
    if (!this.#near) return false
    const nowMs = this.#clock.monotonicMs()
    let watched = this.#sources.get(source)
    if (!watched) {
      // So many sources at once are forged; each begins anew, and none of them is the flood.
      if (this.#sources.size >= this.#maxSources) this.#sources.clear()
      this.#sources.set(source, (watched = { ...emptyBucket(nowMs), sparedUntilMs: 0 }))
    }
    if (watched.sparedUntilMs > nowMs) return false
    return pour(watched, 1, this.#perMs, nowMs) > this.#burst
  }

  /** Leaves a source alone for a while. */
  spare(source: string): void {
    const watched = this.#sources.get(source)
    if (watched) Object.assign(watched, { level: 0, sparedUntilMs: this.#clock.monotonicMs() + sparedMs })
  }

  /** To be called now and then: forgets who has been quiet. */
  sweep(): void {
    const nowMs = this.#clock.monotonicMs()
    const quiet = nowMs - this.#lookedAtMs > 1_000
    if (quiet) this.#look()
    for (const [source, watched] of this.#sources) {
      const level = watched.level - (nowMs - watched.atMs) * this.#perMs
      if (level <= 0 && watched.sparedUntilMs <= nowMs) this.#sources.delete(source)
    }
  }

  #look(): void {
    const nowMs = this.#clock.monotonicMs()
    const counted = batch - this.#untilLook
    this.#near = counted > (nowMs - this.#lookedAtMs) * this.#perMs
    this.#untilLook = batch
    this.#lookedAtMs = nowMs
  }
}
