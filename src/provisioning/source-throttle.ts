import { isIPv6 } from 'node:net'
import type { Clock } from '#src/base/clock.ts'

const maxSources = 2_000

interface Window {
  startedAtMs: number
  used: number
}

/** Counts what one source may cause per window of time; a site behind IPv6 is its /64, not one of its addresses. */
export class SourceThrottle {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #limit: number
  readonly #windowMs: number
  /** Oldest window first. */
  readonly #windows = new Map<string, Window>()

  constructor(needs: { clock: Pick<Clock, 'monotonicMs'>; limit: number; windowMs: number }) {
    this.#clock = needs.clock
    this.#limit = needs.limit
    this.#windowMs = needs.windowMs
  }

  /** True when the source may once more; false = it has used up its window. */
  take(address: string): boolean {
    const source = sourceOf(address)
    const nowMs = this.#clock.monotonicMs()
    let window = this.#windows.get(source)
    if (!window || nowMs - window.startedAtMs >= this.#windowMs) {
      this.#windows.delete(source)
      window = { startedAtMs: nowMs, used: 0 }
      this.#windows.set(source, window)
      const [oldest] = this.#windows.keys()
      if (this.#windows.size > maxSources && oldest !== undefined) this.#windows.delete(oldest)
    }
    window.used++
    return window.used <= this.#limit
  }
}

/** What counts as one source: an IPv4 address, or the first 64 bits of an IPv6 address. */
export function sourceOf(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('::')
  const groups = head.split(':').filter((group) => group !== '')
  // The part before `::` may be shorter than four groups; what is left out there are zeros.
  if (tail !== undefined) while (groups.length < 4) groups.push('0')
  return groups.slice(0, 4).join(':')
}
