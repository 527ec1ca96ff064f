import { createHash, timingSafeEqual } from 'node:crypto'
import type { Random } from '#src/base/random.ts'
import type { SecretStore } from '#src/store/store.ts'

const secretName = 'metrics.token'

/** What is kept of a token: enough to know it again, not to use it. */
interface Kept {
  hash: string
  madeAtMs: number
}

/**
 * The token with which a Prometheus server reads the metrics and nothing else: 256 random bits, shown once. The box
 * keeps its SHA-256, sealed in the store.
 */
export class MetricsToken {
  readonly #secrets: SecretStore

  constructor(secrets: SecretStore) {
    this.#secrets = secrets
  }

  /** Makes a new one; the one before is worth nothing from now on. */
  make(random: Random, nowMs: number): string {
    const token = random.bytes(32).toString('base64url')
    const kept: Kept = { hash: hashOf(token).toString('base64url'), madeAtMs: nowMs }
    this.#secrets.set(secretName, JSON.stringify(kept))
    return token
  }

  remove(): void {
    this.#secrets.remove(secretName)
  }

  /** When the token was made, epoch ms; undefined when there is none. */
  get madeAtMs(): number | undefined {
    return this.#kept()?.madeAtMs
  }

  /** True for `Bearer TOKEN` (RFC 6750 2.1) with the right token. */
  opens(authorization: string | undefined): boolean {
    const shown = /^bearer +([\w-]{1,100})$/i.exec(authorization ?? '')?.[1]
    const kept = this.#kept()
    if (shown === undefined || !kept) return false
    const expected = Buffer.from(kept.hash, 'base64url')
    const actual = hashOf(shown)
    return expected.length === actual.length && timingSafeEqual(expected, actual)
  }

  #kept(): Kept | undefined {
    const text = this.#secrets.get(secretName)
    if (text === undefined) return undefined
    try {
      const kept = JSON.parse(text) as Partial<Kept>
      if (typeof kept.hash !== 'string' || typeof kept.madeAtMs !== 'number') return undefined
      return { hash: kept.hash, madeAtMs: kept.madeAtMs }
    } catch {
      return undefined
    }
  }
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
