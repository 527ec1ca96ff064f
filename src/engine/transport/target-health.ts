import type { Clock } from '#src/base/clock.ts'
import { formatEndpoint } from '#src/base/net.ts'
import type { Target } from './transport-port.ts'

/** RFC 3263 4.3 leaves the time to us: short enough that a host which is back is soon used again. */
const quietMs = 30_000
const longestQuietMs = 600_000
const maxRemembered = 1024

/**
 * Remembers the targets that failed. Each request on its own would find out about a dead host by waiting for it;
 * with this only the first one does (RFC 3263 4.3, RFC 3261 21.5.4).
 */
export class TargetHealth {
  readonly #clock: Clock
  readonly #failedUntilMs = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#failedUntilMs.size
  }

  /** Lets a target be tried last for 30 s, or for as long as it asked in Retry-After; ten minutes at most. */
  noteFailed(target: Target, forMs = quietMs): void {
    const key = keyOf(target)
    const nowMs = this.#clock.monotonicMs()
    this.#failedUntilMs.delete(key)
    if (this.#failedUntilMs.size >= maxRemembered) this.#forget(nowMs)
    this.#failedUntilMs.set(key, nowMs + Math.min(Math.max(forMs, 0), longestQuietMs))
  }

  /** The same targets, those that failed lately at the end; within both halves the order stays. */
  livingFirst(targets: readonly Target[]): readonly Target[] {
    if (this.#failedUntilMs.size === 0 || targets.length < 2) return targets
    const nowMs = this.#clock.monotonicMs()
    const failed = targets.filter((target) => this.#isQuiet(target, nowMs))
    if (failed.length === 0 || failed.length === targets.length) return targets
    return [...targets.filter((target) => !failed.includes(target)), ...failed]
  }

  #isQuiet(target: Target, nowMs: number): boolean {
    const key = keyOf(target)
    const untilMs = this.#failedUntilMs.get(key)
    if (untilMs === undefined) return false
    if (untilMs > nowMs) return true
    this.#failedUntilMs.delete(key)
    return false
  }

  // What is over first, then the oldest: a stranger's thousand targets cost a thousand entries and no more.
  #forget(nowMs: number): void {
    for (const [key, untilMs] of this.#failedUntilMs) if (untilMs <= nowMs) this.#failedUntilMs.delete(key)
    if (this.#failedUntilMs.size < maxRemembered) return
    const oldest = this.#failedUntilMs.keys().next().value
    if (oldest !== undefined) this.#failedUntilMs.delete(oldest)
  }
}

function keyOf(target: Target): string {
  return `${target.protocol}:${formatEndpoint(target.host, target.port)} ${target.serverName ?? ''}`
}
