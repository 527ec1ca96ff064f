import type { Clock, Timer } from '#src/base/clock.ts'
import type { Random } from '#src/base/random.ts'

/** An answer is kept for at least this many stretches of time, and at most for one more. */
const stretches = 4
/** Also the longest record; whoever has a longer answer keeps it by himself. */
const slabBytes = 65_536
/** Both lengths and the place of the record before with the same hash. */
const headBytes = 8
const nowhere = 0xffff_ffff
/** Freed slabs that wait to be used again while there is work: 800 registrations a second need eight a second. */
const maxSpareSlabs = 128
/** Records with one hash in one stretch: more can only be somebody's plan. */
const maxChain = 8
/** A kept answer of 600 bytes, for 32 s at 2,000 registrations a second. */
const defaultMaxBytes = 48 * 1024 * 1024

/** What was answered in one stretch of time. */
interface Stretch {
  /** Hash of the key to the place of the last record with it; small integers, which cost the collector nothing. */
  readonly places: Map<number, number>
  readonly slabs: Buffer[]
  /** First free byte of the last slab. */
  free: number
  count: number
}

/**
 * The final answers over UDP that are only there to be repeated (RFC 3261 17.2.2, Completed until timer J). As objects
 * with a timer each they were most of what a morning's registrations left for the garbage collector; here they are
 * bytes in a few large pieces, and what is old enough goes a piece at a time.
 */
export class AnsweredRequests {
  readonly #clock: Clock
  readonly #stretchMs: number
  readonly #maxBytes: number
  readonly #seed: number
  /** The current one first. */
  #all: Stretch[] = [emptyStretch()]
  readonly #spare: Buffer[] = []
  #slabsInUse = 0
  #size = 0
  #timer: Timer | undefined

  /** `lifetimeMs` is timer J, 64*T1. */
  constructor(parts: { clock: Clock; random: Pick<Random, 'bytes'>; lifetimeMs: number; maxBytes?: number }) {
    this.#clock = parts.clock
    this.#stretchMs = Math.ceil(parts.lifetimeMs / stretches)
    this.#maxBytes = parts.maxBytes ?? defaultMaxBytes
    this.#seed = parts.random.bytes(4).readUInt32LE()
  }

  /** How many answers are kept. */
  get size(): number {
    return this.#size
  }

  /** The hash under which an answer is kept and found: of the branch, which no other request should have. */
  hashOf(branch: string): number {
    // FNV-1a, folded to a small integer; seeded, so that nobody can choose branches that meet.
    let hash = this.#seed
    for (let index = 0; index < branch.length; index++) {
      hash = Math.imul(hash ^ branch.charCodeAt(index), 0x0100_0193)
    }
    return (hash ^ (hash >>> 15)) & 0x3fff_ffff
  }

  /** Keeps a copy of an answer; false when there is no room for it. */
  keep(hash: number, key: string, answer: Buffer): boolean {
    const bytes = headBytes + 2 * key.length + answer.length
    if (bytes > slabBytes || key.length > 0xffff) return false
    const stretch = this.#all[0] as Stretch
    const before = stretch.places.get(hash)
    if (before !== undefined && chainLength(stretch, before) >= maxChain) return false
    if (stretch.slabs.length === 0 || stretch.free + bytes > slabBytes) {
      if (!this.#addSlab(stretch)) return false
    }
    const slabIndex = stretch.slabs.length - 1
    const slab = stretch.slabs[slabIndex] as Buffer
    const start = stretch.free
    let at = writeHead(slab, start, key.length, answer.length, before ?? nowhere)
    for (let index = 0; index < key.length; index++) {
      const code = key.charCodeAt(index)
      slab[at++] = code
      slab[at++] = code >>> 8
    }
    slab.set(answer, at)
    stretch.free = at + answer.length
    stretch.places.set(hash, slabIndex * slabBytes + start)
    stretch.count++
    this.#size++
    this.#timer ??= this.#clock.setTimer(this.#stretchMs, this.#turn)
    return true
  }

  /** A copy of the answer that was kept for this key. */
  find(hash: number, key: string): Buffer | undefined {
    if (this.#size === 0) return undefined
    for (const stretch of this.#all) {
      let place = stretch.places.get(hash)
      while (place !== undefined && place !== nowhere) {
        const slab = slabOf(stretch, place)
        const start = place % slabBytes
        if (hasKey(slab, start, key)) {
          const answerAt = start + headBytes + 2 * key.length
          return Buffer.from(slab.subarray(answerAt, answerAt + slab.readUInt16LE(start + 2)))
        }
        place = slab.readUInt32LE(start + 4)
      }
    }
    return undefined
  }

  /** Forgets everything. */
  clear(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#all = [emptyStretch()]
    this.#spare.length = 0
    this.#slabsInUse = 0
    this.#size = 0
  }

  readonly #turn = (): void => {
    this.#timer = undefined
    if (this.#all.length > stretches) {
      const gone = this.#all.pop() as Stretch
      this.#size -= gone.count
      this.#slabsInUse -= gone.slabs.length
      for (const slab of gone.slabs) if (this.#spare.length < maxSpareSlabs) this.#spare.push(slab)
    }
    if (this.#size === 0) {
      this.#all = [emptyStretch()]
      this.#spare.length = 0
    } else {
      this.#all.unshift(emptyStretch())
      this.#timer = this.#clock.setTimer(this.#stretchMs, this.#turn)
    }
  }

  #addSlab(stretch: Stretch): boolean {
    if ((this.#slabsInUse + 1) * slabBytes > this.#maxBytes) return false
    stretch.slabs.push(this.#spare.pop() ?? Buffer.allocUnsafeSlow(slabBytes))
    stretch.free = 0
    this.#slabsInUse++
    return true
  }
}

function emptyStretch(): Stretch {
  return { places: new Map(), slabs: [], free: 0, count: 0 }
}

function slabOf(stretch: Stretch, place: number): Buffer {
  return stretch.slabs[Math.floor(place / slabBytes)] as Buffer
}

function writeHead(
  slab: Buffer,
  at: number,
  keyLength: number,
  answerLength: number,
  before: number,
): number {
  slab.writeUInt16LE(keyLength, at)
  slab.writeUInt16LE(answerLength, at + 2)
  return slab.writeUInt32LE(before, at + 4)
}

function hasKey(slab: Buffer, start: number, key: string): boolean {
  if (slab.readUInt16LE(start) !== key.length) return false
  let at = start + headBytes
  for (let index = 0; index < key.length; index++, at += 2) {
    if (slab.readUInt16LE(at) !== key.charCodeAt(index)) return false
  }
  return true
}

function chainLength(stretch: Stretch, place: number): number {
  let length = 0
  for (let at = place; at !== nowhere; length++) at = slabOf(stretch, at).readUInt32LE((at % slabBytes) + 4)
  return length
}
