import { isIPv6 } from 'node:net'
import type { Clock } from '#src/base/clock.ts'
import { ApplianceError } from '#src/base/errors.ts'
import { unmapIpv4 } from '#src/base/net.ts'

interface Tries {
  count: number
  /** Until when the next try is refused; monotonic ms. */
  blockedUntilMs: number
  lastMs: number
}

const freeTries = 5
const firstDelayMs = 2_000
// The longest wait stays short: a guesser must never be able to lock the admin out for good.
const maxDelayMs = 60_000
const forgetAfterMs = 15 * 60_000
const windowMs = 60_000
const strangersPerWindow = 60
const maxAddresses = 5_000
const maxProven = 100

/**
 * Slows guessing down: five free tries per address, then waits that double up to a minute; over all addresses
 * sixty tries a minute, IPv4 and IPv6 apart. Addresses that got in before are exempt from the common limit, so a flood from elsewhere
 * does not keep the admin out.
 */
export class TryThrottle {
  readonly #clock: Clock
  readonly #tries = new Map<string, Tries>()
  readonly #proven = new Set<string>()
  readonly #windows = { 4: { startMs: -Infinity, count: 0 }, 6: { startMs: -Infinity, count: 0 } }

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Counts a try before it is checked (so parallel guesses count too), or throws TOO_MANY_TRIES. */
  admit(address: string): void {
    const nowMs = this.#clock.monotonicMs()
    const known = this.#tries.get(address)
    const tries = known && nowMs - known.lastMs < forgetAfterMs ? known : undefined
    if (tries && tries.blockedUntilMs > nowMs) throw tooMany(tries.blockedUntilMs - nowMs)
    this.#countStranger(address, nowMs)
    const count = (tries?.count ?? 0) + 1
    const delayMs = count < freeTries ? 0 : Math.min(maxDelayMs, firstDelayMs * 2 ** (count - freeTries))
    this.#tries.delete(address)
    this.#tries.set(address, { count, blockedUntilMs: nowMs + delayMs, lastMs: nowMs })
    if (this.#tries.size > maxAddresses) dropOldest(this.#tries)
  }

  /** The try was right: the address starts anew and is known from now on. */
  succeed(address: string): void {
    this.#tries.delete(address)
    this.#proven.delete(address)
    this.#proven.add(address)
    if (this.#proven.size > maxProven) dropOldest(this.#proven)
  }

  #countStranger(address: string, nowMs: number): void {
    if (this.#proven.has(address)) return
    // One machine has any number of IPv6 addresses: with a common window it would keep an admin on IPv4 out.
    const window = this.#windows[isIPv6(unmapIpv4(address)) ? 6 : 4]
    if (nowMs - window.startMs >= windowMs) Object.assign(window, { startMs: nowMs, count: 0 })
    if (window.count >= strangersPerWindow) throw tooMany(window.startMs + windowMs - nowMs)
    window.count++
  }
}

function tooMany(waitMs: number): ApplianceError {
  const retryAfterS = Math.max(1, Math.ceil(waitMs / 1000))
  return new ApplianceError(
    'TOO_MANY_TRIES',
    { retryAfterS },
    { advice: `Try again in ${retryAfterS} ${retryAfterS === 1 ? 'second' : 'seconds'}.` },
  )
}

function dropOldest(collection: Map<string, unknown> | Set<string>): void {
  const oldest = collection.keys().next()
  if (!oldest.done) collection.delete(oldest.value)
}
