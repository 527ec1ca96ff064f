import { hash, timingSafeEqual } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Clock } from '#src/base/clock.ts'
import type { Random } from '#src/base/random.ts'

/** How long a nonce is good for: longer than any retransmission, shorter than a registration. */
const lifetimeMs = 5 * 60_000
/** Nonces whose counts are remembered, in two generations of half as many each; about 100 bytes per nonce. */
const maxTracked = 20_000
/** Challenges whose answer is judged without computing its signature again; the answer comes within moments. */
const recentSlots = 1024
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
  highest: number
  /** Bit n: count `highest - n` was used. */
  seen: number
}

/** A nonce that is known to be ours. */
interface Genuine {
  readonly nonce: string
  readonly issuedAtMs: number
}

/** Proven nonces of one stretch of time. */
interface Generation {
  readonly uses: Map<string, Uses>
  /** Issue time of the youngest nonce in it. */
  latestMs: number
}

const emptyGeneration = (): Generation => ({ uses: new Map(), latestMs: 0 })

/**
 * Makes and judges digest nonces (RFC 7616 3.3). A nonce carries its time and a checksum of the address it was
 * given to under our signature, so an unanswered challenge costs no memory; only nonces that came back with good
 * credentials are kept, to refuse their counts a second time. When their table is full its older half goes at once,
 * and every nonce as old as the youngest of these is stale from then on: forgetting never opens a replay.
 */
export class NonceBook {
  readonly #signer: Signer
  readonly #clock: Clock
  readonly #random: Random
  #young = emptyGeneration()
  #old = emptyGeneration()
  #forgottenUntilMs = 0
  /** By a hash of their salt; whatever shares a slot drives out what was there. */
  readonly #recent = Array.from({ length: recentSlots }, (): Genuine | undefined => undefined)

  constructor(options: { clock: Clock; random: Random }) {
    this.#clock = options.clock
    this.#random = options.random
    this.#signer = new Signer(options.random.bytes(32))
  }

  /** `host` is the source address of the request that is challenged. */
  issue(host: string): string {
    const bytes = Buffer.allocUnsafe(nonceBytes)
    const issuedAtMs = this.#clock.nowMs()
    bytes.writeUIntBE(issuedAtMs, 0, timeBytes)
    this.#random.bytes(saltBytes).copy(bytes, timeBytes)
    bytes.writeUInt32BE(crc32(host), hostAt)
    this.#signer.sign(bytes).copy(bytes, headBytes, 0, tagBytes)
    const nonce = bytes.toString('base64url')
    this.#recent[slotOf(nonce)] = { nonce, issuedAtMs }
    return nonce
  }

  /** Judges a nonce without remembering anything: for credentials that are not proven yet. */
  judge(nonce: string, count: number): NonceVerdict {
    const issuedAtMs = this.#issueTimeOf(nonce)
    if (issuedAtMs === undefined) return 'forged'
    const nowMs = this.#clock.nowMs()
    if (issuedAtMs + lifetimeMs < nowMs || issuedAtMs > nowMs + lifetimeMs) return 'stale'
    const uses = this.#usesOf(nonce)
    if (!uses) return issuedAtMs <= this.#forgottenUntilMs ? 'stale' : 'fresh'
    return isUsed(uses, count) ? 'replayed' : 'fresh'
  }

  /** Uses up one count of a nonce whose credentials were good. */
  use(nonce: string, count: number): NonceVerdict {
    const verdict = this.judge(nonce, count)
    if (verdict !== 'fresh') return verdict
    const uses = this.#usesOf(nonce)
    if (uses) {
      markUsed(uses, count)
      return 'fresh'
    }
    if (this.#young.uses.size >= maxTracked / 2) {
      this.#forgottenUntilMs = Math.max(this.#forgottenUntilMs, this.#old.latestMs)
      this.#old = this.#young
      this.#young = emptyGeneration()
    }
    this.#young.uses.set(nonce, { highest: count, seen: 1 })
    this.#young.latestMs = Math.max(this.#young.latestMs, this.#issueTimeOf(nonce) ?? 0)
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
    return this.#young.uses.size + this.#old.uses.size
  }

  #usesOf(nonce: string): Uses | undefined {
    return this.#young.uses.get(nonce) ?? this.#old.uses.get(nonce)
  }

  /** Undefined when we never made it. */
  #issueTimeOf(nonce: string): number | undefined {
    const recent = this.#recent[slotOf(nonce)]
    if (recent?.nonce === nonce) return recent.issuedAtMs
    const bytes = Buffer.from(nonce, 'base64url')
    if (bytes.length !== nonceBytes || bytes.toString('base64url') !== nonce) return undefined
    const tag = this.#signer.sign(bytes).subarray(0, tagBytes)
    if (!timingSafeEqual(tag, bytes.subarray(headBytes))) return undefined
    const issuedAtMs = bytes.readUIntBE(0, timeBytes)
    this.#recent[slotOf(nonce)] = { nonce, issuedAtMs }
    return issuedAtMs
  }
}

// Two characters of the salt. What has no salt there (it is no nonce) lands in some slot and is not found.
function slotOf(nonce: string): number {
  return ((nonce.charCodeAt(timeBytes + 3) << 5) ^ nonce.charCodeAt(timeBytes + 4)) & (recentSlots - 1)
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
