import type { Clock } from '#src/base/clock.ts'
import { HmacSha1 } from '#src/base/hmac-sha1.ts'
import type { Random } from '#src/base/random.ts'

/** How long a nonce is good for: longer than any retransmission, shorter than a registration. */
const lifetimeMs = 5 * 60_000
/** Nonces whose counts are remembered, in two generations of half as many each; about 100 bytes per nonce. */
const maxTracked = 20_000
/** Challenges whose answer is judged without computing its signature again; the answer comes within moments. */
const recentSlots = 256
const timeBytes = 6
const numberBytes = 4
const hostBytes = 4
const hostAt = timeBytes + numberBytes
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
  readonly number: number
  readonly issuedAtMs: number
}

/** Proven nonces of one stretch of time. */
interface Generation {
  /** By the number of the nonce. */
  readonly uses: Map<number, Uses>
  /** Issue time of the youngest nonce in it. */
  latestMs: number
}

const emptyGeneration = (): Generation => ({ uses: new Map(), latestMs: 0 })

/**
 * Makes and judges digest nonces (RFC 7616 3.3). A nonce carries its time, a number that no other has and a checksum of
 * the address it was given to, under our signature, so an unanswered challenge costs no memory; only nonces that came
 * back with good credentials are kept, to refuse their counts a second time. When their table is full its older half
 * goes at once, and every nonce as old as the youngest of these is stale from then on: forgetting never opens a replay.
 */
export class NonceBook {
  /** HMAC-SHA1 (RFC 2104), cut to 16 bytes: two blocks in JavaScript; every REGISTER needs one. */
  readonly #signer: HmacSha1
  readonly #clock: Clock
  /** Nobody can learn from it how many challenges there were before. */
  #lastNumber: number
  /** The one nonce that is being made or judged. */
  readonly #bytes = Buffer.alloc(nonceBytes)
  #young = emptyGeneration()
  #old = emptyGeneration()
  #forgottenUntilMs = 0
  /** By their number; whatever shares a slot drives out what was there. */
  readonly #recent = Array.from({ length: recentSlots }, (): Genuine | undefined => undefined)

  constructor(options: { clock: Clock; random: Random }) {
    this.#clock = options.clock
    this.#signer = new HmacSha1(options.random.bytes(32))
    this.#lastNumber = options.random.bytes(4).readUInt32BE() & maxNumber
  }

  /** `host` is the source address of the request that is challenged. */
  issue(host: string): string {
    const bytes = this.#bytes
    const issuedAtMs = this.#clock.nowMs()
    const number = (this.#lastNumber + 1) & maxNumber
    this.#lastNumber = number
    writeTime(bytes, issuedAtMs)
    writeWord(bytes, timeBytes, number)
    writeWord(bytes, hostAt, checksum(host))
    this.#sign()
    this.#signer.writeTag(bytes, headBytes, tagBytes)
    const nonce = bytes.toString('base64url')
    this.#recent[number & (recentSlots - 1)] = { nonce, number, issuedAtMs }
    return nonce
  }

  /** Judges a nonce without remembering anything: for credentials that are not proven yet. */
  judge(nonce: string, count: number): NonceVerdict {
    const genuine = this.#genuine(nonce)
    return genuine ? this.#judge(genuine, count) : 'forged'
  }

  /** Uses up one count of a nonce whose credentials were good. */
  use(nonce: string, count: number): NonceVerdict {
    const genuine = this.#genuine(nonce)
    if (!genuine) return 'forged'
    const verdict = this.#judge(genuine, count)
    if (verdict !== 'fresh') return verdict
    const { number, issuedAtMs } = genuine
    const uses = this.#usesOf(number)
    if (uses) {
      markUsed(uses, count)
      return 'fresh'
    }
    if (this.#young.uses.size >= maxTracked / 2) {
      this.#forgottenUntilMs = Math.max(this.#forgottenUntilMs, this.#old.latestMs)
      this.#old = this.#young
      this.#young = emptyGeneration()
    }
    this.#young.uses.set(number, { highest: count, seen: 1 })
    this.#young.latestMs = Math.max(this.#young.latestMs, issuedAtMs)
    return 'fresh'
  }

  /**
   * True when a nonce that is not forged was given to this address: whoever answers from there has received what we
   * sent there. Only for blame; an address may change between challenge and answer (a pair of edge proxies).
   */
  wasIssuedTo(nonce: string, host: string): boolean {
    return Buffer.from(nonce, 'base64url').readUInt32BE(hostAt) === checksum(host)
  }

  get tracked(): number {
    return this.#young.uses.size + this.#old.uses.size
  }

  #judge({ number, issuedAtMs }: Genuine, count: number): NonceVerdict {
    const nowMs = this.#clock.nowMs()
    if (issuedAtMs + lifetimeMs < nowMs || issuedAtMs > nowMs + lifetimeMs) return 'stale'
    const uses = this.#usesOf(number)
    if (!uses) return issuedAtMs <= this.#forgottenUntilMs ? 'stale' : 'fresh'
    return isUsed(uses, count) ? 'replayed' : 'fresh'
  }

  #usesOf(number: number): Uses | undefined {
    return this.#young.uses.get(number) ?? this.#old.uses.get(number)
  }

  /** Undefined when we never made it. */
  #genuine(nonce: string): Genuine | undefined {
    if (nonce.length !== nonceLength) return undefined
    // What has something else than Base64 there (it is no nonce) lands in some slot and is not found.
    const slot = this.#recent[slotOf(nonce)]
    if (slot?.nonce === nonce) return slot
    const bytes = this.#bytes
    if (bytes.write(nonce, 'base64url') !== nonceBytes) return undefined
    // The one that is given is a part of its request.
    const own = bytes.toString('base64url')
    if (own !== nonce) return undefined
    this.#sign()
    if (!this.#signer.tagEquals(bytes, headBytes, tagBytes)) return undefined
    const number = bytes.readUInt32BE(timeBytes)
    const genuine = { nonce: own, number, issuedAtMs: bytes.readUIntBE(0, timeBytes) }
    this.#recent[number & (recentSlots - 1)] = genuine
    return genuine
  }

  #sign(): void {
    this.#signer.compute(this.#bytes, hostAt, this.#bytes.readUInt32BE(hostAt))
  }
}

/** Numbers stay small integers of the engine: as keys they need neither memory nor comparison of texts. */
const maxNumber = 0x3fff_ffff
const nonceLength = Math.ceil((nonceBytes * 4) / 3)

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const sextets = new Int8Array(128)
for (let index = 0; index < alphabet.length; index++) sextets[alphabet.charCodeAt(index)] = index

// Bytes 8 and 9, the low half of the number, are bits 64 to 79: the characters 10, 11, 12 and 13.
function slotOf(nonce: string): number {
  const third = sextets[nonce.charCodeAt(11) & 0x7f] ?? 0
  const fourth = sextets[nonce.charCodeAt(12) & 0x7f] ?? 0
  const fifth = sextets[nonce.charCodeAt(13) & 0x7f] ?? 0
  return ((third << 8) | (fourth << 2) | (fifth >> 4)) & (recentSlots - 1)
}

function writeTime(bytes: Buffer, ms: number): void {
  const high = Math.floor(ms / 0x1_0000_0000)
  bytes[0] = high >>> 8
  bytes[1] = high
  writeWord(bytes, 2, ms >>> 0)
}

function writeWord(bytes: Buffer, at: number, word: number): void {
  bytes[at] = word >>> 24
  bytes[at + 1] = word >>> 16
  bytes[at + 2] = word >>> 8
  bytes[at + 3] = word
}

/** FNV-1a. Under our signature, so that nobody can put a host of the same sum in its place. */
function checksum(host: string): number {
  let sum = 0x811c_9dc5
  for (let index = 0; index < host.length; index++) sum = Math.imul(sum ^ host.charCodeAt(index), 0x0100_0193)
  return sum >>> 0
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
