import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { Random } from '#src/base/random.ts'
import type { SecretStore } from '#src/store/store.ts'

const tokenBytes = 24
const keyName = 'provisioning.tokens'

/** What a token that somebody showed is: the one of the first contact, the lasting one, or neither. */
export type TokenKind = 'bootstrap' | 'lasting' | 'unknown'

/**
 * The two tokens of a device. The bootstrap token travels over plain HTTP, once. Everything fetched with it names
 * the lasting token, which is made from it with a key that never leaves the box; the first fetch with the lasting
 * one replaces the bootstrap token in the store. So there is no moment, and no power cut, in which a phone holds
 * a token that the box has forgotten, and what a listener heard on the wire dies as soon as the phone has moved on.
 */
export class Tokens {
  readonly #random: Random
  readonly #key: Buffer

  constructor(needs: { random: Random; secrets: Pick<SecretStore, 'get' | 'set'> }) {
    this.#random = needs.random
    const kept = needs.secrets.get(keyName)
    this.#key = kept === undefined ? needs.random.bytes(32) : Buffer.from(kept, 'base64url')
    if (kept === undefined) needs.secrets.set(keyName, this.#key.toString('base64url'))
  }

  /** A token for a first contact: 192 random bits. */
  makeBootstrap(): string {
    return `b${this.#random.bytes(tokenBytes).toString('base64url')}`
  }

  /** The lasting token that belongs to a stored one; a lasting token is its own. */
  lastingOf(stored: string): string {
    if (!isBootstrap(stored)) return stored
    const made = createHmac('sha256', this.#key).update(stored).digest().subarray(0, tokenBytes)
    return `p${made.toString('base64url')}`
  }

  /** Says what `shown` is to a device whose stored token is `stored`. */
  judge(stored: string, shown: string): TokenKind {
    if (isSame(this.lastingOf(stored), shown)) return 'lasting'
    return isSame(stored, shown) ? 'bootstrap' : 'unknown'
  }
}

/** True while a device has never fetched anything with its lasting token. */
export function isBootstrap(stored: string): boolean {
  return stored.startsWith('b')
}

// Digests of one length, compared in constant time: how much of a guess was right cannot be measured.
function isSame(one: string, other: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(one), digest(other))
}
