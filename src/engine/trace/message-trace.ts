import type { Clock, Timer } from '#src/base/clock.ts'
import { ownText } from '#src/base/own-text.ts'
import type { SipMessage } from '#src/sip/message.ts'
import type { Flow } from '../transport/transport-port.ts'
import type { MessageTap } from './message-tap.ts'
import { MessageRing, type RingLimits } from './message-ring.ts'
import { SlabPool } from './slab-pool.ts'
import type { TracedLeg, TracedParty } from './traced-leg.ts'
import type { TracedMessage } from './traced-message.ts'
import { WallTime } from './wall-time.ts'

/** The bounds of what is kept. */
export interface TraceLimits {
  /** Memory in all, bytes; 0 = keep nothing. */
  maxBytes: number
  /** What is older than this goes, unless its call is still up. */
  maxAgeMs: number
}

interface Leg {
  sipCallId: string
  ring: MessageRing
  party: TracedParty | undefined
  call: TracedCall | undefined
  createdAtMs: number
}

interface TracedCall {
  id: string
  legs: Leg[]
  ended: boolean
  lastAtMs: number
}

interface Source {
  ring: MessageRing
  /** Heard since it was last looked at for eviction. */
  touched: boolean
}

const kib = 1024
const legLimits: RingLimits = {
  firstBytes: 4 * kib,
  maxBytes: 256 * kib,
  keepBytes: 48 * kib,
  maxMessageBytes: 65 * kib,
}
const sourceLimits: RingLimits = {
  firstBytes: 2 * kib,
  maxBytes: 8 * kib,
  keepBytes: 0,
  maxMessageBytes: 4 * kib,
}
/** What the objects around a ring take, roughly. */
const ringOverheadBytes = 512
const maxLegsPerCall = 24
const sweepEveryMs = 60_000
/** How many busy sources get a second chance before one of them goes all the same. */
const maxSecondChances = 2
/** How far an ended call is looked for before a live one is pushed out. */
const maxLookedThrough = 64

/**
 * The memory of recent messages. Legs of one Call-ID begin with an INVITE; those that the call side has joined to a
 * call belong to it, all others are strangers' until then. What belongs to no leg is kept by source. Strangers and
 * sources never push calls out of more than half of the memory: a scanner must not be able to erase what happened.
 */
export class MessageTrace implements MessageTap {
  readonly #clock: Clock
  readonly #wall: WallTime
  readonly #legs = new Map<string, Leg>()
  readonly #strangers = new Set<Leg>()
  readonly #calls = new Map<string, TracedCall>()
  readonly #sources = new Map<number, Source>()
  readonly #slabs = new SlabPool()
  #limits: TraceLimits
  #legBytes = 0
  #strangerBytes = 0
  #sourceBytes = 0
  #messages = 0
  #callsPushedOut = 0
  #sweep: Timer | undefined

  constructor(clock: Clock, limits: TraceLimits) {
    this.#clock = clock
    this.#wall = new WallTime(clock)
    this.#limits = limits
  }

  /** Begins to look for what is too old. */
  start(): void {
    this.#sweep ??= this.#clock.setTimer(sweepEveryMs, () => {
      this.#sweep = undefined
      this.#dropOld()
      this.start()
    })
  }

  stop(): void {
    this.#sweep?.cancel()
    this.#sweep = undefined
    this.clear()
  }

  /** New bounds hold at once; without memory everything is forgotten. */
  setLimits(limits: TraceLimits): void {
    this.#limits = limits
    if (limits.maxBytes === 0) this.clear()
    else {
      this.#makeRoom()
      this.#dropOld()
    }
  }

  clear(): void {
    this.#legs.clear()
    this.#strangers.clear()
    this.#calls.clear()
    this.#sources.clear()
    this.#slabs.clear()
    this.#legBytes = this.#strangerBytes = this.#sourceBytes = 0
  }

  received(bytes: Buffer, flow: Flow, message: SipMessage | undefined): void {
    this.#take(bytes, false, flow, message)
  }

  sent(bytes: Buffer, flow: Flow, message: SipMessage): void {
    this.#take(bytes, true, flow, message)
  }

  /** Says that this Call-ID is a leg of the call; before or after its first message. */
  join(callId: string, sipCallId: string, party: TracedParty): void {
    if (this.#limits.maxBytes === 0) return
    const leg = this.#legs.get(sipCallId) ?? this.#addLeg(sipCallId)
    if (leg.call) return
    let call = this.#calls.get(callId)
    if (!call) {
      call = { id: callId, legs: [], ended: false, lastAtMs: this.#clock.monotonicMs() }
      this.#calls.set(callId, call)
    }
    if (call.legs.length >= maxLegsPerCall) return
    leg.call = call
    leg.party = party
    call.legs.push(leg)
    if (this.#strangers.delete(leg)) {
      const bytes = sizeOf(leg.ring)
      this.#strangerBytes -= bytes
      this.#legBytes += bytes
    }
    this.#makeRoom()
  }

  /** Says that the call is over: from now on it may be pushed out before calls that are up. */
  ended(callId: string): void {
    const call = this.#calls.get(callId)
    if (!call) return
    call.ended = true
    call.lastAtMs = this.#clock.monotonicMs()
  }

  /** The legs of a call in the order in which they were joined; undefined when nothing of it is kept (any more). */
  ofCall(callId: string): TracedLeg[] | undefined {
    return this.#calls.get(callId)?.legs.map(({ sipCallId, party, ring }) => ({
      sipCallId,
      party,
      messages: this.#read(ring),
      dropped: ring.dropped,
    }))
  }

  /** Messages outside calls, and of INVITEs that became no call, oldest first. */
  outside(): TracedMessage[] {
    return [...this.#sources.values(), ...this.#strangers]
      .flatMap(({ ring }) => this.#read(ring))
      .sort((a, b) => a.atMs - b.atMs)
  }

  /** What is kept now, and what was ever taken. */
  counters(): Record<string, number> {
    return {
      messagesTraced: this.#messages,
      callsKept: this.#calls.size,
      callsPushedOut: this.#callsPushedOut,
      strangersKept: this.#strangers.size,
      sourcesKept: this.#sources.size,
      bytesKept: this.#total(),
    }
  }

  #take(bytes: Buffer, sent: boolean, flow: Flow, message: SipMessage | undefined): void {
    if (this.#limits.maxBytes === 0) return
    this.#messages++
    const atMs = this.#clock.monotonicMs()
    const sipCallId = message?.headers.get('Call-ID')
    let leg = sipCallId === undefined ? undefined : this.#legs.get(sipCallId)
    if (!leg) {
      if (sipCallId === undefined || message?.kind !== 'request' || message.method !== 'INVITE') {
        this.#takeOutside(bytes, sent, atMs, flow)
        return
      }
      leg = this.#addLeg(sipCallId)
    }
    const before = leg.ring.bytes
    leg.ring.append(bytes, sent, atMs, flow)
    if (leg.call) leg.call.lastAtMs = atMs
    if (leg.ring.bytes !== before) {
      const grown = leg.ring.bytes - before
      if (leg.call) this.#legBytes += grown
      else this.#strangerBytes += grown
      this.#makeRoom()
    }
  }

  #takeOutside(bytes: Buffer, sent: boolean, atMs: number, flow: Flow): void {
    let source = this.#sources.get(flow.id)
    if (!source) {
      // The memory of the source that was silent longest serves the new one.
      const ring = this.#spareRing() ?? new MessageRing(sourceLimits, this.#slabs)
      source = { ring, touched: true }
      this.#sources.set(flow.id, source)
      this.#sourceBytes += sizeOf(ring)
      this.#makeRoom()
    }
    source.touched = true
    const before = source.ring.bytes
    source.ring.append(bytes, sent, atMs, flow)
    if (source.ring.bytes !== before) {
      this.#sourceBytes += source.ring.bytes - before
      this.#makeRoom()
    }
  }

  #addLeg(callId: string): Leg {
    const sipCallId = ownText(callId)
    const ring = new MessageRing(legLimits, this.#slabs)
    const createdAtMs = this.#clock.monotonicMs()
    const leg: Leg = { sipCallId, ring, party: undefined, call: undefined, createdAtMs }
    this.#legs.set(sipCallId, leg)
    this.#strangers.add(leg)
    this.#strangerBytes += sizeOf(ring)
    this.#makeRoom()
    return leg
  }

  #total(): number {
    return this.#legBytes + this.#strangerBytes + this.#sourceBytes
  }

  #makeRoom(): void {
    const { maxBytes } = this.#limits
    while (this.#total() > maxBytes) {
      if (this.#sourceBytes > maxBytes / 4) this.#dropSource()?.release()
      else if (this.#strangerBytes > maxBytes / 4) this.#dropStranger()
      else if (this.#calls.size > 0) this.#dropCall()
      else if (this.#strangers.size > 0) this.#dropStranger()
      else {
        const ring = this.#dropSource()
        if (!ring) return
        ring.release()
      }
    }
  }

  /** The ring of a source that may go because sources have their share already. */
  #spareRing(): MessageRing | undefined {
    if (this.#sourceBytes + sourceLimits.maxBytes < this.#limits.maxBytes / 4) return undefined
    const ring = this.#dropSource()
    ring?.clear()
    return ring
  }

  // Second chance: who was heard since the last look goes to the end of the queue, so that a message costs no move.
  #dropSource(): MessageRing | undefined {
    let looks = 0
    for (const [id, source] of this.#sources) {
      this.#sources.delete(id)
      if (source.touched && looks++ < maxSecondChances) {
        source.touched = false
        this.#sources.set(id, source)
        continue
      }
      this.#sourceBytes -= sizeOf(source.ring)
      return source.ring
    }
    return undefined
  }

  #dropStranger(): void {
    for (const leg of this.#strangers) {
      this.#forgetStranger(leg)
      return
    }
  }

  #dropCall(): void {
    let oldest: TracedCall | undefined
    let looks = 0
    for (const call of this.#calls.values()) {
      oldest ??= call
      if (call.ended) {
        oldest = call
        break
      }
      if (++looks >= maxLookedThrough) break
    }
    if (!oldest) return
    this.#callsPushedOut++
    this.#forget(oldest)
  }

  #forget(call: TracedCall): void {
    this.#calls.delete(call.id)
    for (const leg of call.legs) {
      this.#legs.delete(leg.sipCallId)
      this.#legBytes -= sizeOf(leg.ring)
      leg.ring.release()
    }
  }

  #forgetStranger(leg: Leg): void {
    this.#strangers.delete(leg)
    this.#legs.delete(leg.sipCallId)
    this.#strangerBytes -= sizeOf(leg.ring)
    leg.ring.release()
  }

  #dropOld(): void {
    const beforeMs = this.#clock.monotonicMs() - this.#limits.maxAgeMs
    for (const call of this.#calls.values()) if (call.ended && call.lastAtMs < beforeMs) this.#forget(call)
    for (const leg of this.#strangers) {
      if (Math.max(leg.ring.lastAtMs, leg.createdAtMs) < beforeMs) this.#forgetStranger(leg)
    }
    for (const [id, { ring }] of this.#sources) {
      if (ring.lastAtMs >= beforeMs) continue
      this.#sources.delete(id)
      this.#sourceBytes -= sizeOf(ring)
      ring.release()
    }
  }

  #read(ring: MessageRing): TracedMessage[] {
    const offsetMs = this.#wall.offsetMs()
    return ring.read((monotonicMs) => monotonicMs + offsetMs)
  }
}

function sizeOf(ring: MessageRing): number {
  return ring.bytes + ringOverheadBytes
}
