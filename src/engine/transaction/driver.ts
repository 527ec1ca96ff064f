import type { Clock, Timer } from '#src/base/clock.ts'
import type { TransportLayer } from '../transport/transport-port.ts'
import type { TimerBases } from '../options.ts'
import type { AnsweredRequests } from './answered-requests.ts'
import type { NewWorkGate } from './new-work-gate.ts'

/** Names of the timers of RFC 3261 17, RFC 6026 (L, M) and our own C, T and U. */
export type TimerName =
  'A' | 'B' | 'C' | 'D' | 'E' | 'F' | 'G' | 'H' | 'I' | 'J' | 'K' | 'L' | 'M' | 'T' | 'U'

export type TimerEvent = `timer${TimerName}`

const timerEvents: Record<TimerName, TimerEvent> = {
  A: 'timerA',
  B: 'timerB',
  C: 'timerC',
  D: 'timerD',
  E: 'timerE',
  F: 'timerF',
  G: 'timerG',
  H: 'timerH',
  I: 'timerI',
  J: 'timerJ',
  K: 'timerK',
  L: 'timerL',
  M: 'timerM',
  T: 'timerT',
  U: 'timerU',
}

// A call may ring for long (queues, parked callers), but no entry lives for ever.
const ringingLimitMs = 15 * 60_000
/** RFC 3261 17.2.1: the longest that a 100 may wait for something better. */
const tryingDelayMs = 200
const unansweredRingingMs = 5 * 60_000

/** What every transaction shares; counters are plain numbers that the engine reads. */
export interface DriverContext {
  readonly clock: Clock
  readonly bases: TimerBases
  readonly transport: Pick<TransportLayer, 'send'>
  readonly counters: TransactionCounters
  /** Keeps the answers of transactions that nobody asks for anything else any more. */
  readonly answered: AnsweredRequests
  /** Undefined: every request is taken. */
  readonly gate?: NewWorkGate | undefined
}

export interface TransactionCounters {
  retransmissionsSent: number
  retransmissionsReceived: number
  clientTimeouts: number
  serverTimeouts: number
  transportErrors: number
}

/** How long a lifetime timer runs, in ms. `answered`: a provisional response was sent already. */
export function lifetimeMs(name: TimerName, bases: TimerBases, answered: boolean): number {
  switch (name) {
    case 'D':
      // RFC 3261 table 4: at least 32 s for unreliable transports, whatever T1 is.
      return Math.max(32_000, 64 * bases.t1Ms)
    case 'I':
    case 'K':
      return bases.t4Ms
    case 'C':
      return ringingLimitMs
    case 'U':
      return answered ? unansweredRingingMs : 128 * bases.t1Ms
    default:
      return 64 * bases.t1Ms
  }
}

/**
 * The two timers one transaction can have: a retransmit timer that grows, and a lifetime timer.
 * The callbacks are made once per transaction, not once per retransmission.
 */
export class TransactionTimers {
  readonly #context: DriverContext
  readonly #fire: (event: TimerEvent) => void
  #retransmit: Timer | undefined
  #retransmitMs = 0
  #retransmitName: TimerName = 'A'
  #onRetransmit: (() => void) | undefined
  #lifetime: Timer | undefined

  constructor(context: DriverContext, fire: (event: TimerEvent) => void) {
    this.#context = context
    this.#fire = fire
  }

  /** Starts A, E or G at T1. */
  startRetransmit(name: 'A' | 'E' | 'G'): void {
    this.#retransmitName = name
    this.#onRetransmit ??= () => this.#fire(timerEvents[this.#retransmitName])
    this.#arm(this.#context.bases.t1Ms)
  }

  /** Starts T: the 100 that was put off. */
  startTrying(): void {
    this.#retransmitName = 'T'
    this.#onRetransmit ??= () => this.#fire(timerEvents[this.#retransmitName])
    this.#arm(tryingDelayMs)
  }

  /** Runs it again: A doubles without limit, E and G up to T2. */
  restartRetransmit(): void {
    const doubled = this.#retransmitMs * 2
    this.#arm(this.#retransmitName === 'A' ? doubled : Math.min(doubled, this.#context.bases.t2Ms))
  }

  /** RFC 3261 17.1.2.2: in Proceeding, E runs at T2. */
  restartAtT2(): void {
    this.#arm(this.#context.bases.t2Ms)
  }

  stopRetransmit(): void {
    this.#retransmit?.cancel()
    this.#retransmit = undefined
  }

  /** Starts a lifetime timer in place of the one before. */
  startLifetime(name: TimerName, answered = false): void {
    this.#lifetime?.cancel()
    const event = timerEvents[name]
    this.#lifetime = this.#context.clock.setTimer(lifetimeMs(name, this.#context.bases, answered), () =>
      this.#fire(event),
    )
  }

  stop(): void {
    this.stopRetransmit()
    this.#lifetime?.cancel()
    this.#lifetime = undefined
  }

  #arm(delayMs: number): void {
    if (!this.#onRetransmit) return
    this.#retransmit?.cancel()
    this.#retransmitMs = delayMs
    this.#retransmit = this.#context.clock.setTimer(delayMs, this.#onRetransmit)
  }
}
