import { hash, timingSafeEqual } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Clock } from '#src/base/clock.ts'
import type { Random } from '#src/base/random.ts'

/** How long a nonce is good for: longer than any retransmission, shorter than a registration. */
const lifetimeMs = 5 * 60_000
/** Nonces whose counts are remembered; about 100 bytes each. */
const maxTracked = 20_000
const timeBytes = 6
const saltBytes = 6
const hostBytes = 4
const hostAt = timeBytes + saltBytes
const headBytes = hostAt + hostBytes
const tagBytes = 16
const nonceBytes = headBytes + tagBytes
/** Counts below the highest one that are still told apart (requests overtake each other on UDP). */
const windowSize = 32

/** `forged`: we never made it (or before the last start). `replayed`: this count was used already. */
export type NonceVerdict = 'fresh' | 'stale' | 'forged' | 'replayed'

interface Uses {
  issuedAtMs: number
  highest: number
  /** Bit n: count `highest - n` was used. */
  seen: number
}

/**
 * Makes and judges digest nonces (RFC 7616 3.3). A nonce carries its time and a checksum of the address it was
 * given to under our signature, so an unanswered challenge costs no memory; only nonces that came back with good credentials are kept, to
 * refuse their counts a second time. When that table is full its oldest entry goes, and every nonce as old
 * as that one is stale from then on: forgetting never opens a replay.
 */
export class NonceBook {
  readonly #signer: Signer
  readonly #clock: Clock
  readonly #random: Random
  readonly #uses = new Map<string, Uses>()
  #forgottenUntilMs = 0
  /** The nonce whose signature was found good last: judge and use come in pairs. */
  #genuine = ''

  constructor(options: { clock: Clock; random: Random }) {
    this.#clock = options.clock
    this.#random = options.random
    this.#signer = new Signer(options.random.bytes(32))
  }

  /** `host` is the source address of the request that is challenged. */
  issue(host: string): string {
    const bytes = Buffer.allocUnsafe(nonceBytes)
    bytes.writeUIntBE(this.#clock.nowMs(), 0, timeBytes)
    this.#random.bytes(saltBytes).copy(bytes, timeBytes)
    bytes.writeUInt32BE(crc32(host), hostAt)
    this.#signer.sign(bytes).copy(bytes, headBytes, 0, tagBytes)
    return bytes.toString('base64url')
  }

  /** Judges a nonce without remembering anything: for credentials that are not proven yet. */
  judge(nonce: string, count: number): NonceVerdict {
    const bytes = Buffer.from(nonce, 'base64url')
    if (nonce !== this.#genuine) {
      if (bytes.length !== nonceBytes || bytes.toString('base64url') !== nonce) return 'forged'
      const tag = this.#signer.sign(bytes).subarray(0, tagBytes)
      if (!timingSafeEqual(tag, bytes.subarray(headBytes))) return 'forged'
      this.#genuine = nonce
    }
    const issuedAtMs = bytes.readUIntBE(0, timeBytes)
    const nowMs = this.#clock.nowMs()
    if (issuedAtMs + lifetimeMs < nowMs || issuedAtMs > nowMs + lifetimeMs) return 'stale'
    const uses = this.#uses.get(nonce)
    if (!uses) return issuedAtMs <= this.#forgottenUntilMs ? 'stale' : 'fresh'
    return isUsed(uses, count) ? 'replayed' : 'fresh'
  }

  /** Uses up one count of a nonce whose credentials were good. */
  use(nonce: string, count: number): NonceVerdict {
    const verdict = this.judge(nonce, count)
    if (verdict !== 'fresh') return verdict
    const uses = this.#uses.get(nonce)
    if (uses) {
      markUsed(uses, count)
      return 'fresh'
    }
    if (this.#uses.size >= maxTracked) this.#makeRoom()
    const issuedAtMs = Buffer.from(nonce, 'base64url').readUIntBE(0, timeBytes)
    this.#uses.set(nonce, { issuedAtMs, highest: count, seen: 1 })
    return 'fresh'
  }

  /**
   * True when a nonce that is not forged was given to this address: whoever answers from there has received what we
   * sent there. Only for blame; an address may change between challenge and answer (a pair of edge proxies).
   */
  wasIssuedTo(nonce: string, host: string): boolean {
    return Buffer.from(nonce, 'base64url').readUInt32BE(hostAt) === crc32(host)
  }

  get tracked(): number {
    return this.#uses.size
  }

  #makeRoom(): void {
    const expiredBeforeMs = this.#clock.nowMs() - lifetimeMs
    for (const [nonce, { issuedAtMs }] of this.#uses)
      if (issuedAtMs < expiredBeforeMs) this.#uses.delete(nonce)
    for (const [nonce, { issuedAtMs }] of this.#uses) {
      if (this.#uses.size < maxTracked) return
      this.#uses.delete(nonce)
      this.#forgottenUntilMs = Math.max(this.#forgottenUntilMs, issuedAtMs)
    }
  }
}

const blockBytes = 64
const digestBytes = 32

/**
 * HMAC-SHA-256 (RFC 2104) of the first `headBytes` of a nonce. Two one-shot hashes over prepared blocks: an Hmac
 * object of node:crypto costs ten times as much, and every REGISTER needs two.
 */
class Signer {
  readonly #inner = Buffer.alloc(blockBytes + headBytes, 0x36)
  readonly #outer = Buffer.alloc(blockBytes + digestBytes, 0x5c)

  /** The key is at most one block long. */
  constructor(key: Buffer) {
    for (const [index, byte] of key.entries()) {
      this.#inner[index] = byte ^ 0x36
      this.#outer[index] = byte ^ 0x5c
    }
  }

  sign(nonce: Buffer): Buffer {
    nonce.copy(this.#inner, blockBytes, 0, headBytes)
    hash('sha256', this.#inner, 'buffer').copy(this.#outer, blockBytes)
    return hash('sha256', this.#outer, 'buffer')
  }
}

function isUsed(uses: Uses, count: number): boolean {
  const behind = uses.highest - count
  if (behind < 0) return false
  return behind >= windowSize || (uses.seen & (1 << behind)) !== 0
}

function markUsed(uses: Uses, count: number): void {
  const ahead = count - uses.highest
  if (ahead > 0) {
    uses.seen = ahead >= windowSize ? 1 : (uses.seen << ahead) | 1
    uses.highest = count
  } else uses.seen |= 1 << -ahead
}
