import { sampleRate } from './g711.ts'
import type { Pcm } from './media-endpoint.ts'
import { findTone, type HeardTone } from './tone-detector.ts'

/** Keeps the last seconds of what was heard, to say afterwards what it was. */
export class HeardAudio {
  readonly #ring: Int16Array
  #written = 0

  constructor(seconds: number) {
    this.#ring = new Int16Array(seconds * sampleRate)
  }

  /** Samples heard so far, those already forgotten included. */
  get samples(): number {
    return this.#written
  }

  add(pcm: Pcm): void {
    const ring = this.#ring
    const kept = pcm.length > ring.length ? pcm.subarray(pcm.length - ring.length) : pcm
    const at = (this.#written + pcm.length - kept.length) % ring.length
    const untilEnd = Math.min(kept.length, ring.length - at)
    ring.set(kept.subarray(0, untilEnd), at)
    ring.set(kept.subarray(untilEnd), 0)
    this.#written += pcm.length
  }

  /** The kept samples, oldest first. */
  last(): Pcm {
    const ring = this.#ring
    if (this.#written < ring.length) return ring.slice(0, this.#written)
    const at = this.#written % ring.length
    const pcm = new Int16Array(ring.length)
    pcm.set(ring.subarray(at), 0)
    pcm.set(ring.subarray(0, at), ring.length - at)
    return pcm
  }

  /** The latest tone in the kept samples: the last second is looked at first, then the seconds before it. */
  tone(): HeardTone | undefined {
    const pcm = this.last()
    for (let end = pcm.length; end > 0; end -= sampleRate) {
      const tone = findTone(pcm.subarray(Math.max(0, end - sampleRate), end))
      if (tone) return tone
    }
    return undefined
  }
}
