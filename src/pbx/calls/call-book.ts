import type { Clock } from '#src/base/clock.ts'
import type { EventSource } from '#src/base/events.ts'
import type { Logger } from '#src/base/logger.ts'
import type { CallParty, CallRecord, LiveCall } from '#src/model/call-record.ts'
import type { CallLogStore } from '#src/store/store.ts'
import type { Counters } from '../counters.ts'
import type { PbxEvents } from '../ports.ts'
import { callCauses, type Cause } from './classify-failure.ts'

interface BookContext {
  callLog: Pick<CallLogStore, 'add'>
  events: EventSource<PbxEvents>
  counters: Counters
  clock: Clock
  logger: Logger
}

/** One call while it lives. Its end is noted exactly once; whatever comes later changes nothing. */
export class Call {
  readonly id: string
  readonly logger: Logger
  readonly #book: CallBook
  readonly #live: LiveCall
  #stopper: ((cause: Cause) => void) | undefined
  #stopWanted: Cause | undefined
  #ended = false

  constructor(book: CallBook, live: LiveCall, logger: Logger) {
    this.id = live.id
    this.logger = logger
    this.#book = book
    this.#live = live
  }

  get ended(): boolean {
    return this.#ended
  }

  get live(): LiveCall {
    return { ...this.#live, callees: [...this.#live.callees] }
  }

  /** Who is being rung. */
  ringing(callees: CallParty[]): void {
    if (this.#ended) return
    this.#live.state = 'ringing'
    this.#live.callees = callees
    this.#book.changed(this)
  }

  answered(callee: CallParty): void {
    if (this.#ended) return
    this.#live.state = 'answered'
    this.#live.callees = [callee]
    this.#live.answeredAtMs = this.#book.nowMs()
    this.#book.changed(this)
  }

  /** Sets how the call is ended from outside in its present phase; a wish that came between two phases is kept. */
  onStop(stopper: (cause: Cause) => void): void {
    this.#stopper = stopper
    if (this.#stopWanted && !this.#ended) stopper(this.#stopWanted)
  }

  /** Ends the call from outside; false when it is over already. */
  stop(cause: Cause): boolean {
    if (this.#ended) return false
    this.#stopWanted ??= cause
    this.#stopper?.(cause)
    return true
  }

  /** Hands over what still goes on after the end: the BYEs. */
  wind(up: Promise<unknown>): void {
    this.#book.own(up)
  }

  /** Notes the end. `text` replaces the table's sentence where more is known. */
  end(cause: Cause, text?: string): void {
    if (this.#ended) return
    this.#ended = true
    this.#live.state = 'ending'
    this.#book.ended(this, cause, text)
  }
}

/** The live calls, and the way into the call log for every call, also a refused one. */
export class CallBook {
  readonly #context: BookContext
  readonly #calls = new Map<string, Call>()
  readonly #writes = new Set<Promise<unknown>>()
  #waiting: (() => void)[] = []

  constructor(context: BookContext) {
    this.#context = context
  }

  nowMs(): number {
    return this.#context.clock.nowMs()
  }

  begin(start: { id: string; caller: CallParty; dialled: string; logger: Logger }): Call {
    const { id, caller, dialled } = start
    const startedAtMs = this.nowMs()
    const live: LiveCall = {
      id,
      state: 'routing',
      startedAtMs,
      answeredAtMs: undefined,
      caller,
      dialled,
      callees: [],
    }
    const call = new Call(this, live, start.logger)
    this.#calls.set(id, call)
    this.#context.events.emit('callStarted', call.live)
    return call
  }

  get size(): number {
    return this.#calls.size
  }

  list(): LiveCall[] {
    return [...this.#calls.values()].map((call) => call.live)
  }

  callsOfLine(lineId: string): number {
    let count = 0
    for (const { live } of this.#calls.values()) {
      if ([live.caller, ...live.callees].some((party) => party.kind === 'line' && party.id === lineId))
        count++
    }
    return count
  }

  /** True when one of these lines is in an answered call. */
  inCall(lineIds: readonly string[]): boolean {
    return this.list().some(
      ({ state, caller, callees }) =>
        state === 'answered' &&
        [caller, ...callees].some((party) => party.kind === 'line' && lineIds.includes(party.id)),
    )
  }

  stop(id: string, cause: Cause): boolean {
    return this.#calls.get(id)?.stop(cause) ?? false
  }

  stopAll(cause: Cause): void {
    for (const call of [...this.#calls.values()]) call.stop(cause)
  }

  /** Resolves once no call is left. */
  whenEmpty(): Promise<void> {
    if (this.#calls.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Resolves once every ended call is in the log (or was given up on, and that was logged) and its BYEs are answered. */
  async settled(): Promise<void> {
    await Promise.all(this.#writes)
  }

  /** Keeps a promise until it is settled; it must not reject. */
  own(work: Promise<unknown>): void {
    this.#writes.add(work)
    void work.finally(() => this.#writes.delete(work))
  }

  changed(call: Call): void {
    this.#context.events.emit('callChanged', call.live)
  }

  ended(call: Call, cause: Cause, text: string | undefined): void {
    const { clock, events, logger, counters } = this.#context
    this.#calls.delete(call.id)
    const live = call.live
    const entry = callCauses[cause]
    const record: CallRecord = {
      id: live.id,
      startedAtMs: live.startedAtMs,
      answeredAtMs: live.answeredAtMs,
      endedAtMs: clock.nowMs(),
      caller: live.caller,
      dialled: live.dialled,
      callee: live.callees.length === 1 ? live.callees[0] : undefined,
      cause,
      sipStatus: entry.sipStatus,
      explanation: text ?? entry.text,
    }
    const write = this.#context.callLog.add(record).catch((error: unknown) => {
      counters.add('storeFailed')
      logger.error({ err: error, call: record }, 'an ended call could not be written to the log')
    })
    this.own(write)
    call.logger.info(
      { cause, sipStatus: entry.sipStatus, dialled: live.dialled, talkedMs: talkedMs(record) },
      record.explanation,
    )
    events.emit('callEnded', record)
    if (this.#calls.size === 0) for (const wake of this.#waiting.splice(0)) wake()
  }
}

function talkedMs(record: CallRecord): number | undefined {
  return record.answeredAtMs === undefined ? undefined : record.endedAtMs - record.answeredAtMs
}
