import type { Clock } from '#src/base/clock.ts'
import type { Random } from '#src/base/random.ts'

/** A link that sets up one softphone, once. */
export interface ProvisioningLink {
  token: string
  expiresAtMs: number
}

interface Entry {
  lineId: string
  /** The host under which the admin reached the box: the phone is sent to the same one. */
  reachedHost: string
  expiresAtMs: number
}

const lifeMs = 10 * 60_000
const maxLinks = 200

/** One-time provisioning links: 128 random bits, ten minutes, one fetch, one open link per line. In memory only. */
export class LinkTable {
  readonly #clock: Clock
  readonly #random: Random
  readonly #byToken = new Map<string, Entry>()

  constructor(needs: { clock: Clock; random: Random }) {
    this.#clock = needs.clock
    this.#random = needs.random
  }

  /** Makes a link for the line; an earlier one of the same line stops working. */
  create(lineId: string, reachedHost: string): ProvisioningLink {
    this.revoke(lineId)
    const token = this.#random.bytes(16).toString('base64url')
    const expiresAtMs = this.#clock.nowMs() + lifeMs
    this.#byToken.set(token, { lineId, reachedHost, expiresAtMs })
    for (const oldest of this.#byToken.keys()) {
      if (this.#byToken.size <= maxLinks) break
      this.#byToken.delete(oldest)
    }
    return { token, expiresAtMs }
  }

  /** Uses a link up; undefined when it is unknown, used or too old. */
  redeem(token: string): { lineId: string; reachedHost: string } | undefined {
    const entry = this.#byToken.get(token)
    if (!entry) return undefined
    this.#byToken.delete(token)
    return entry.expiresAtMs > this.#clock.nowMs() ? entry : undefined
  }

  revoke(lineId: string): void {
    for (const [token, entry] of this.#byToken) if (entry.lineId === lineId) this.#byToken.delete(token)
  }
}
