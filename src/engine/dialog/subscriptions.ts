import type { Clock, Timer } from '#src/base/clock.ts'
import { packageOf } from './event-key.ts'

/** Who is told: `ours` are those that the peer notifies us of. */
export type SubscriptionSide = 'ours' | 'peers'

/**
 * The subscriptions of one dialog (RFC 6665 4.5.1, RFC 5057): each ends by its last NOTIFY, by a refusal or by time,
 * and none touches the others.
 */
export class Subscriptions {
  readonly #clock: Clock
  readonly #onEmpty: () => void
  readonly #running = new Map<string, Timer>()

  constructor(clock: Clock, onEmpty: () => void) {
    this.#clock = clock
    this.#onEmpty = onEmpty
  }

  get size(): number {
    return this.#running.size
  }

  /** Begins or refreshes one; it is forgotten after `lifeMs` without another word. */
  keep(side: SubscriptionSide, key: string, lifeMs: number): void {
    const name = `${side} ${key}`
    // A peer may open as many as it likes, but each with a request of its own and none for ever.
    if (!this.#running.has(name) && this.#running.size >= maxPerDialog) return
    this.#start(name, lifeMs)
  }

  /** Lets one that is there live on for `lifeMs`. */
  prolong(side: SubscriptionSide, key: string, lifeMs: number): void {
    const name = this.#nameOf(side, key)
    if (name !== undefined) this.#start(name, lifeMs)
  }

  has(side: SubscriptionSide, key: string): boolean {
    return this.#nameOf(side, key) !== undefined
  }

  /** The keys of one side. */
  keys(side: SubscriptionSide): string[] {
    const before = `${side} `
    return [...this.#running.keys()]
      .filter((name) => name.startsWith(before))
      .map((name) => name.slice(before.length))
  }

  /** Ends one; the owner hears when it was the last. */
  end(side: SubscriptionSide, key: string): void {
    const name = this.#nameOf(side, key)
    if (name === undefined) return
    this.#running.get(name)?.cancel()
    this.#forget(name)
  }

  /** Stops every timer without a word. */
  stop(): void {
    for (const timer of this.#running.values()) timer.cancel()
    this.#running.clear()
  }

  // Some peers leave the id out, or make one up (RFC 3515 2.4.6 allows the first REFER to have none): with one
  // subscription to the package in the dialog there is no doubt which is meant.
  #nameOf(side: SubscriptionSide, key: string): string | undefined {
    const exact = `${side} ${key}`
    if (this.#running.has(exact)) return exact
    // A NOTIFY without Event can only mean what there is.
    const bare = key === '' ? undefined : packageOf(exact)
    if (bare !== undefined && key.includes(';id=') && !bare.endsWith(' refer')) return undefined
    let found: string | undefined
    for (const name of this.#running.keys()) {
      if (bare === undefined ? !name.startsWith(side) : packageOf(name) !== bare) continue
      if (found !== undefined) return undefined
      found = name
    }
    return found
  }

  #start(name: string, lifeMs: number): void {
    this.#running.get(name)?.cancel()
    this.#running.set(
      name,
      this.#clock.setTimer(lifeMs, () => this.#forget(name)),
    )
  }

  #forget(name: string): void {
    this.#running.delete(name)
    if (this.#running.size === 0) this.#onEmpty()
  }
}

const maxPerDialog = 64
