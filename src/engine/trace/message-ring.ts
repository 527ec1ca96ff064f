import type { Flow } from '../transport/transport-port.ts'
import type { SlabPool } from './slab-pool.ts'
import { factsOf, type FlowFacts, type TracedMessage } from './traced-message.ts'

/** What a ring holds at most. */
export interface RingLimits {
  /** Memory to begin with, bytes; doubled as needed. */
  firstBytes: number
  /** Memory at most, bytes. */
  maxBytes: number
  /** Messages that begin within this many bytes are never overwritten: how a call began matters to the end. */
  keepBytes: number
  /** Of a longer message only the beginning is kept. */
  maxMessageBytes: number
}

/*
 * A record in the slab:
 *
 *    0        4        8                16     17     18  20
 *    | stored | size   | monotonic ms   | sent | flow |   | stored bytes …
 *    | u32    | u32    | f64            | u8   | u8   |   |
 */
const headBytes = 20
const maxFlows = 250
const nothing = Buffer.alloc(0)

/**
 * Recent messages in one piece of memory. Copying some hundred bytes costs less than keeping the buffers would: those
 * are cut from slabs of 64 KiB that live as long as one message of them, and each is a further object for the
 * collector to move. Nothing is allocated per message.
 */
export class MessageRing {
  readonly #limits: RingLimits
  readonly #slabs: SlabPool
  /** Empty once it was released. */
  #slab: Buffer
  /** Where the next record goes. */
  #write = 0
  /** End of the records that are never overwritten. */
  #keepEnd = 0
  /** Once it has wrapped: what is left of the records of the round before. */
  #oldest = 0
  #limit = 0
  #wrapped = false
  #count = 0
  #dropped = 0
  #lastAtMs = 0
  #flowIds: number[] = []
  #flows: FlowFacts[] = []
  #lastFlow = 0

  constructor(limits: RingLimits, slabs: SlabPool) {
    this.#limits = limits
    this.#slabs = slabs
    this.#slab = slabs.take(limits.firstBytes)
  }

  /** Messages that it holds. */
  get count(): number {
    return this.#count
  }

  /** Messages that were pushed out, or that it could not take. */
  get dropped(): number {
    return this.#dropped
  }

  /** Memory that it uses, bytes. */
  get bytes(): number {
    return this.#slab.length
  }

  /** Monotonic ms of the latest message; 0 when there was none. */
  get lastAtMs(): number {
    return this.#lastAtMs
  }

  /** Takes a message; at most `maxBytes` are ever used, older ones give way. */
  append(bytes: Buffer, sent: boolean, atMs: number, flow: Flow): void {
    const flowIndex = this.#slab.length === 0 ? -1 : this.#flowIndex(flow)
    if (flowIndex < 0) {
      this.#dropped++
      return
    }
    const stored = Math.min(bytes.length, this.#limits.maxMessageBytes)
    const at = this.#room(headBytes + stored)
    if (at < 0) {
      this.#dropped++
      return
    }
    const slab = this.#slab
    slab.writeUInt32LE(stored, at)
    slab.writeUInt32LE(bytes.length, at + 4)
    slab.writeDoubleLE(atMs, at + 8)
    slab[at + 16] = sent ? 1 : 0
    slab[at + 17] = flowIndex
    bytes.copy(slab, at + headBytes, 0, stored)
    this.#write = at + headBytes + stored
    if (!this.#wrapped && at < this.#limits.keepBytes) this.#keepEnd = this.#write
    this.#count++
    this.#lastAtMs = atMs
  }

  /** Forgets everything and keeps its memory, for another owner. */
  clear(): void {
    this.#write = this.#keepEnd = this.#oldest = this.#limit = this.#count = this.#dropped = 0
    this.#wrapped = false
    this.#flowIds = []
    this.#flows = []
  }

  /** Forgets everything and gives its memory back; from now on it takes nothing. */
  release(): void {
    this.clear()
    const slab = this.#slab
    this.#slab = nothing
    if (slab.length > 0) this.#slabs.give(slab)
  }

  /** All messages, oldest first; `toWallMs` turns monotonic into epoch ms. */
  read(toWallMs: (monotonicMs: number) => number): TracedMessage[] {
    const messages: TracedMessage[] = []
    const readRange = (from: number, to: number): void => {
      const slab = this.#slab
      for (let at = from; at < to;) {
        const stored = slab.readUInt32LE(at)
        const start = at + headBytes
        messages.push({
          atMs: toWallMs(slab.readDoubleLE(at + 8)),
          sent: slab[at + 16] === 1,
          flow: this.#flows[slab[at + 17] as number] as FlowFacts,
          size: slab.readUInt32LE(at + 4),
          bytes: Buffer.from(slab.subarray(start, start + stored)),
        })
        at = start + stored
      }
    }
    if (this.#wrapped) {
      readRange(0, this.#keepEnd)
      readRange(this.#oldest, this.#limit)
      readRange(this.#keepEnd, this.#write)
    } else readRange(0, this.#write)
    return messages
  }

  #flowIndex(flow: Flow): number {
    if (this.#flowIds[this.#lastFlow] === flow.id) return this.#lastFlow
    let index = this.#flowIds.indexOf(flow.id)
    if (index < 0) {
      // Only somebody who sends under one Call-ID from ever new ports comes here.
      if (this.#flows.length >= maxFlows) return -1
      index = this.#flows.push(factsOf(flow)) - 1
      this.#flowIds.push(flow.id)
    }
    this.#lastFlow = index
    return index
  }

  /** Where a record of this size goes; -1 when it can never fit. */
  #room(need: number): number {
    if (!this.#wrapped) {
      if (this.#write + need <= this.#slab.length || this.#grow(this.#write + need)) return this.#write
      this.#wrapped = true
      this.#wrap()
    }
    if (this.#keepEnd + need > this.#slab.length) return -1
    for (;;) {
      // Before the oldest record there is room up to it; once the older ones are gone, up to the end of the slab.
      const hasOlder = this.#oldest < this.#limit
      if (this.#write + need <= (hasOlder ? this.#oldest : this.#slab.length)) return this.#write
      if (hasOlder) this.#dropOldest()
      else this.#wrap()
    }
  }

  /** Goes on behind what is kept; what was written last is the newest of the older records. */
  #wrap(): void {
    this.#limit = this.#write
    this.#write = this.#oldest = this.#keepEnd
  }

  #dropOldest(): void {
    this.#oldest += headBytes + this.#slab.readUInt32LE(this.#oldest)
    this.#count--
    this.#dropped++
  }

  #grow(atLeast: number): boolean {
    const { maxBytes } = this.#limits
    if (atLeast > maxBytes) return false
    let size = this.#slab.length
    while (size < atLeast) size *= 2
    const slab = this.#slabs.take(Math.min(size, maxBytes))
    this.#slab.copy(slab, 0, 0, this.#write)
    this.#slabs.give(this.#slab)
    this.#slab = slab
    return true
  }
}
