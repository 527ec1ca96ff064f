import { isDeepStrictEqual } from 'node:util'
import type { Clock, Timer } from '#src/base/clock.ts'
import { errorText } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Flow } from '../transport/transport-port.ts'
import { openLink, type Collector, type CollectorLink } from './collector-link.ts'
import { hepPacket } from './hep-packet.ts'
import { maskMessage } from './mask-message.ts'
import { factsOf, type FlowFacts, type TracedMessage } from './traced-message.ts'
import { WallTime } from './wall-time.ts'

/** A Homer collector and how messages are sent to it. */
export interface HomerTarget extends Collector {
  /** Tells the collector which box it is. */
  captureId: number
  /** Sends messages as they are on the wire, secrets and all. */
  unmasked: boolean
}

interface Waiting {
  bytes: Buffer
  sent: boolean
  flow: FlowFacts
  monotonicMs: number
}

const maxWaiting = 2_000
const maxWaitingBytes = 4 * 1024 * 1024
/** Masking and wrapping a message takes some 20 us: this many in one turn delay a call by at most a millisecond. */
const perTurn = 32
const firstRetryMs = 1_000
const longestRetryMs = 60_000

/**
 * Sends a copy of every message to a Homer collector as HEP 3. On the way of a message it only notes it; everything
 * else happens in turns of its own. A collector that is slow or gone costs the copies, which are counted.
 */
export class HomerExport {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #secretCodes: readonly string[]
  readonly #wall: WallTime
  #target: HomerTarget | undefined
  #link: CollectorLink | undefined
  #linkUp = false
  #retry: Timer | undefined
  #retryMs = firstRetryMs
  #waiting: Waiting[] = []
  #waitingBytes = 0
  #scheduled = false
  #lastError: string | undefined
  readonly #counters = { homerSent: 0, homerDropped: 0, homerRefused: 0, homerConnectFailures: 0 }

  constructor(parts: { clock: Clock; logger: Logger; secretCodes: readonly string[] }) {
    this.#clock = parts.clock
    this.#logger = parts.logger
    this.#secretCodes = parts.secretCodes
    this.#wall = new WallTime(parts.clock)
  }

  /** True while there is a collector to send to, reachable or not. */
  get on(): boolean {
    return this.#target !== undefined
  }

  /** Why nothing can be sent; undefined when all is well or there is no collector. */
  get problem(): string | undefined {
    return this.on && !this.#linkUp ? this.#lastError : undefined
  }

  counters(): Record<string, number> {
    return { ...this.#counters, homerWaiting: this.#waiting.length }
  }

  /** Sends to this collector from now on, or to none; what waits for another one is thrown away. */
  setTarget(target: HomerTarget | undefined): void {
    if (isDeepStrictEqual(target, this.#target)) return
    this.stop()
    this.#target = target
    if (target) this.#connect(target)
  }

  stop(): void {
    this.#retry?.cancel()
    this.#retry = undefined
    this.#retryMs = firstRetryMs
    this.#link?.close()
    this.#link = undefined
    this.#linkUp = false
    this.#target = undefined
    this.#lastError = undefined
    this.#waiting = []
    this.#waitingBytes = 0
  }

  /** Notes a message; never waits, never throws. */
  take(bytes: Buffer, sent: boolean, flow: Flow): void {
    if (this.#waiting.length >= maxWaiting || this.#waitingBytes + bytes.length > maxWaitingBytes) {
      this.#counters.homerDropped++
      return
    }
    // Not the flow itself: while a collector is gone, it would keep closed connections.
    this.#waiting.push({ bytes, sent, flow: factsOf(flow), monotonicMs: this.#clock.monotonicMs() })
    this.#waitingBytes += bytes.length
    this.#schedule()
  }

  #connect(target: HomerTarget): void {
    const link = openLink(target, this.#clock, {
      onReady: () => {
        if (!this.#linkUp) this.#logger.info({ host: target.host, port: target.port }, 'sending to Homer')
        this.#linkUp = true
        this.#lastError = undefined
        this.#retryMs = firstRetryMs
        this.#schedule()
      },
      onLost: (error) => this.#onLost(target, error),
      onRefused: () => this.#counters.homerRefused++,
    })
    this.#link = link
  }

  #onLost(target: HomerTarget, error: Error): void {
    this.#link = undefined
    this.#linkUp = false
    this.#counters.homerConnectFailures++
    if (this.#lastError === undefined) {
      const { host, port, protocol } = target
      this.#logger.warn({ host, port, protocol, reason: error.message }, 'the Homer collector is not reached')
    }
    this.#lastError = errorText(error)
    this.#retry = this.#clock.setTimer(this.#retryMs, () => this.#connect(target))
    this.#retryMs = Math.min(2 * this.#retryMs, longestRetryMs)
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#work()
    })
  }

  #work(): void {
    const link = this.#link
    const target = this.#target
    if (!link || !target) return
    let done = 0
    while (done < perTurn && done < this.#waiting.length && link.ready) {
      const next = this.#waiting[done++] as Waiting
      this.#waitingBytes -= next.bytes.length
      link.send(hepPacket(this.#message(next, target.unmasked), target.captureId))
      this.#counters.homerSent++
    }
    this.#waiting.splice(0, done)
    // A full link says when it is ready again; a UDP socket does not, but empties within a turn or two.
    if (this.#waiting.length > 0 && (link.ready || (this.#linkUp && target.protocol === 'udp')))
      this.#schedule()
  }

  #message({ bytes, sent, flow, monotonicMs }: Waiting, unmasked: boolean): TracedMessage {
    return {
      atMs: monotonicMs + this.#wall.offsetMs(),
      sent,
      flow,
      size: bytes.length,
      bytes: unmasked ? bytes : maskMessage(bytes, this.#secretCodes),
    }
  }
}
