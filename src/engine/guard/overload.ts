import type { Clock, Timer } from '#src/base/clock.ts'
import { EventSource, type Events } from '#src/base/events.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Random } from '#src/base/random.ts'
import type { SipRequest, SipResponse } from '#src/sip/message.ts'
import { tagOf } from '#src/sip/name-addr.ts'
import { ownResponse } from '../dialog/compose-response.ts'
import type { Flow } from '../transport/transport-port.ts'
import { LoadMeter } from './load-meter.ts'
import { atEase, stepLoad, type LoadState } from './load-state.ts'
import type { OverloadOptions } from './options.ts'
import { hashRequest } from './request-hash.ts'

/** Between two looks at the load. */
export const stepEveryMs = 200

/** Facts that the overload control tells. */
export interface OverloadEvents {
  changed: OverloadReport
}

/** How it is, in figures that a person can read. */
export interface OverloadReport {
  overloaded: boolean
  /** Wall clock, ms. */
  sinceAtMs: number
  /** New work refused since the last time it began. */
  refused: number
}

/** What the overload control counts: refusals by reason. */
export interface OverloadCounters {
  refusedCallsByLoad: number
  refusedRegistersByLoad: number
  refusedRegistersInProgress: number
  refusedByServerTransactions: number
  refusedByDialogs: number
  refusedByClientTransactions: number
  overloadsBegun: number
}

type Reason = Exclude<keyof OverloadCounters, 'overloadsBegun'>

/** The overload control as the rest of the box sees it. */
export interface Overload extends Events<OverloadEvents> {
  report(): OverloadReport
}

/** At so many times the bound nothing is taken any more: who belongs to a call is a matter of a tag that anybody can write. */
const lastBound = 2

/** What it must know of the engine around it. */
export interface OverloadNeeds {
  clock: Clock
  random: Pick<Random, 'bytes'>
  logger: Logger
  dialogs: () => number
  send: (response: SipResponse, flow: Flow) => void
}

/**
 * Refuses new work with 503 and Retry-After (RFC 3261 21.5.4) while there is more than the box can do: without state,
 * before a transaction exists. Which request is refused is its hash's choice, so a retransmission fares like the first
 * one: a call refused once must not ring because its second copy was taken.
 */
export class OverloadControl implements Overload {
  readonly counters: OverloadCounters = {
    refusedCallsByLoad: 0,
    refusedRegistersByLoad: 0,
    refusedRegistersInProgress: 0,
    refusedByServerTransactions: 0,
    refusedByDialogs: 0,
    refusedByClientTransactions: 0,
    overloadsBegun: 0,
  }
  readonly #options: OverloadOptions
  readonly #needs: OverloadNeeds
  readonly #meter: LoadMeter
  readonly #events: EventSource<OverloadEvents>
  readonly #seed: number
  #state: LoadState = atEase
  #timer: Timer | undefined
  #steppedAtMs: number
  #newRequests = 0
  #registersOpen = 0
  #refused = 0
  #sinceAtMs: number

  constructor(options: OverloadOptions, needs: OverloadNeeds) {
    this.#options = options
    this.#needs = needs
    this.#meter = new LoadMeter(needs.clock)
    this.#events = new EventSource(needs.logger)
    this.#seed = needs.random.bytes(4).readUInt32LE()
    this.#steppedAtMs = needs.clock.monotonicMs()
    this.#sinceAtMs = needs.clock.nowMs()
  }

  on: Overload['on'] = (name, listener) => this.#events.on(name, listener)

  start(): void {
    this.#timer = this.#needs.clock.setTimer(stepEveryMs, () => {
      this.#step()
      this.start()
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }

  report(): OverloadReport {
    return { overloaded: this.#state.overloaded, sinceAtMs: this.#sinceAtMs, refused: this.#refused }
  }

  /** Registrations that wait for their answer. */
  get registersOpen(): number {
    return this.#registersOpen
  }

  /** True when this request may begin a server transaction; else it was answered, and is forgotten. */
  admits(request: SipRequest, flow: Flow, serverTransactions: number): boolean {
    const full = serverTransactions >= lastBound * this.#options.maxServerTransactions
    const begins = beginsWork(request.method)
    if (!begins && !full) return true
    const register = request.method === 'REGISTER'
    // Fifty calls with a re-INVITE each say nothing of new work; a phone may repeat the tag of our last answer.
    if (register || (begins && !isInDialog(request))) this.#newRequests++
    const reason = this.#reasonToRefuse(request, register, serverTransactions)
    if (reason === undefined || (!full && this.#alwaysPasses(request, flow, register))) {
      if (register) this.#registersOpen++
      return true
    }
    this.counters[reason]++
    this.#refused++
    // What only waits for the disk is soon done; what loads the box must be spread further.
    this.#refuse(request, flow, reason === 'refusedRegistersByLoad')
    return false
  }

  /** A registration that was admitted has its final answer, or will never have one. */
  registerDone(): void {
    if (this.#registersOpen > 0) this.#registersOpen--
  }

  /** True when a request outside dialogs may begin a client transaction. */
  admitsClient(clientTransactions: number): boolean {
    if (clientTransactions < this.#options.maxClientTransactions) return true
    this.counters.refusedByClientTransactions++
    return false
  }

  #reasonToRefuse(request: SipRequest, register: boolean, serverTransactions: number): Reason | undefined {
    const { maxServerTransactions, maxRegistersInProgress, maxDialogs } = this.#options
    if (serverTransactions >= maxServerTransactions) return 'refusedByServerTransactions'
    if (register) {
      if (this.#registersOpen >= maxRegistersInProgress) return 'refusedRegistersInProgress'
      const { refuseRegisters } = this.#state
      return refuseRegisters > 0 && this.#fallsUnder(request, refuseRegisters)
        ? 'refusedRegistersByLoad'
        : undefined
    }
    if (makesDialog(request.method) && this.#needs.dialogs() >= maxDialogs) return 'refusedByDialogs'
    const { refuseCalls } = this.#state
    return refuseCalls > 0 && this.#fallsUnder(request, refuseCalls) ? 'refusedCallsByLoad' : undefined
  }

  #fallsUnder(request: SipRequest, share: number): boolean {
    return this.#hash(request) % 1000 < share * 1000
  }

  #hash(request: SipRequest): number {
    const { headers } = request
    return hashRequest(this.#seed, headers.get('Call-ID') ?? '', headers.get('CSeq') ?? '')
  }

  // What belongs to a call that is up, what saves a life, and the trunk's question whether we are alive: Teams takes
  // a 503 to OPTIONS for the end of the box.
  #alwaysPasses(request: SipRequest, flow: Flow, register: boolean): boolean {
    if (register) return false
    if (isInDialog(request)) return true
    if (request.method === 'OPTIONS') return flow.peerNames.length > 0
    return request.method === 'INVITE' && this.#options.isEmergency(request.uri)
  }

  #refuse(request: SipRequest, flow: Flow, far: boolean): void {
    const hash = this.#hash(request)
    const [least, most] = far ? this.#options.registerRetryAfterS : this.#options.callRetryAfterS
    const seconds = least + (hash % (most - least + 1))
    // RFC 3261 8.2.7: without state, the tag too must come out the same each time.
    const tag = (hash ^ this.#seed).toString(36)
    this.#needs.send(ownResponse(request, 503, flow, tag, ['Retry-After', String(seconds)]), flow)
  }

  #step(): void {
    const nowMs = this.#needs.clock.monotonicMs()
    const elapsedMs = Math.max(1, nowMs - this.#steppedAtMs)
    const newPerSecond = (this.#newRequests * 1000) / elapsedMs
    this.#steppedAtMs = nowMs
    this.#newRequests = 0
    const measured = this.#options.measure?.() ?? this.#meter.read(stepEveryMs)
    const before = this.#state.overloaded
    this.#state = stepLoad(this.#state, { ...measured, newPerSecond }, this.#options, nowMs)
    if (this.#state.overloaded !== before) this.#tell(measured)
  }

  #tell(measured: { busy: number; delayMs: number }): void {
    const { overloaded } = this.#state
    const busyPercent = Math.round(measured.busy * 100)
    const delayMs = Math.round(measured.delayMs)
    if (overloaded) {
      this.counters.overloadsBegun++
      this.#refused = 0
      this.#needs.logger.warn(
        { busyPercent, delayMs },
        'more new work than the box can do: part of it gets 503',
      )
    } else {
      const forMs = this.#needs.clock.nowMs() - this.#sinceAtMs
      this.#needs.logger.info({ refused: this.#refused, forMs }, 'the overload is over')
    }
    this.#sinceAtMs = this.#needs.clock.nowMs()
    this.#events.emit('changed', this.report())
  }
}

/** What can come outside dialogs and makes work; all else ends or acknowledges something (RFC 3261 21.5.4 spares it). */
function beginsWork(method: string): boolean {
  return (
    method !== 'BYE' && method !== 'CANCEL' && method !== 'PRACK' && method !== 'UPDATE' && method !== 'INFO'
  )
}

function isInDialog({ headers }: SipRequest): boolean {
  return tagOf(headers.get('To') ?? '') !== undefined
}

function makesDialog(method: string): boolean {
  return method === 'INVITE' || method === 'SUBSCRIBE' || method === 'REFER'
}
