import { ChurningMap } from '#src/base/churning-map.ts'
import type { Clock, Timer } from '#src/base/clock.ts'
import { tagOf } from '#src/sip/name-addr.ts'
import type { SipMessage, SipRequest, SipResponse } from '#src/sip/message.ts'
import { unsolicited } from '../dialog/application.ts'
import { RouteTable } from './route-table.ts'

type Source = 'network' | 'application'
type Role = 'uac' | 'uas' | 'proxy-uac' | 'proxy-uas'

/** Why a call is over, in drachtio's words; its own server lacks `ackbye` and gives wrong names from there on. */
export type StopReason =
  | 'call-rejected'
  | 'call-canceled'
  | 'normal-release'
  | 'session-expired'
  | 'ackbye'
  | 'system-initiated-termination'
  | 'system-error-initiated-termination'

/** Who gets the records: one of those that routed the verb, in turn. */
export interface RecordReader {
  record(verb: string, source: Source, detail: Role | StopReason | undefined, message: SipMessage): void
}

/** Transaction and dialog of a message, as the application knows them. */
export interface MessageIds {
  transaction: string
  dialog: string
}

interface Call {
  /** The application whose call it is. */
  owner: object
  /** Call-ID and the caller's tag: what BYE is known by, whoever sends it. */
  key: string
  role: Role
  last: SipMessage
  /** Runs out for an INVITE that got no final answer that anybody told us of. */
  timer: Timer | undefined
}

const unansweredMs = 6 * 60_000

/** What our own BYE says in its Reason, and what it means here. */
const ownReasons: readonly [text: string, reason: StopReason][] = [
  ['Session timer expired', 'session-expired'],
  ['ACK-BYE', 'ackbye'],
  ['CANCEL after 200 OK', 'ackbye'],
  ['ACK timeout', 'system-error-initiated-termination'],
]

/**
 * Call records (`cdr:attempt`, `cdr:start`, `cdr:stop`), made of what passes between the engine and its applications.
 * Nothing is looked at or kept while nobody has routed one of these verbs.
 */
export class CallRecords {
  readonly #clock: Clock
  readonly #readers = new RouteTable<RecordReader>()
  readonly #trying = new ChurningMap<string, Call>()
  readonly #up = new ChurningMap<string, Call>()
  readonly #maxCalls: number
  #wanted = false

  constructor(clock: Clock, maxCalls = 50_000) {
    this.#clock = clock
    this.#maxCalls = maxCalls
  }

  /** Whether there is anybody to tell; asked before each call of the members below. */
  get wanted(): boolean {
    return this.#wanted
  }

  /** How many pairs of verb and reader there are. */
  get readers(): number {
    return this.#readers.size
  }

  /** How many calls are being followed. */
  get size(): number {
    return this.#trying.size + this.#up.size
  }

  add(verb: string, reader: RecordReader): void {
    this.#readers.add(verb, reader)
    this.#wanted = true
  }

  remove(verb: string, reader: RecordReader): void {
    this.#readers.remove(verb, reader)
    this.#settle()
  }

  /** A request was given to an application. */
  given(owner: object, ids: MessageIds, request: SipRequest, outside: boolean): void {
    if (request.method === 'INVITE' && outside) this.#attempt(owner, ids, request, 'network', 'uas')
    else if (request.method === 'CANCEL') this.#failed(ids, request, 'network', 'call-canceled')
    else if (request.method === 'BYE') {
      const own = ids.transaction === unsolicited
      this.#ended(request, own ? 'application' : 'network', own ? ownReason(request) : 'normal-release')
    }
  }

  /** A message of an application went out. */
  sent(owner: object, ids: MessageIds, message: SipMessage): void {
    if (message.kind === 'response') this.#answered(ids, message, 'application')
    else if (message.method === 'BYE') this.#ended(message, 'application', 'normal-release')
    else if (message.method === 'INVITE' && tagOf(message.headers.get('To') ?? '') === undefined) {
      this.#attempt(owner, ids, message, 'application', 'uac')
    }
  }

  /** A response was given to an application. */
  answered(ids: MessageIds, response: SipResponse): void {
    this.#answered(ids, response, 'network')
  }

  /** An INVITE was handed to the proxy: its application may go, the call will not. */
  proxying(transaction: string): void {
    const call = this.#trying.get(transaction)
    if (call) call.role = 'proxy-uas'
  }

  /** A proxied INVITE was answered by one of its destinations; `stays`: its BYE will pass through us. */
  proxied(transaction: string, response: SipResponse, stays: boolean): void {
    const call = response.status < 300 ? this.#take(transaction) : undefined
    if (!call) return
    this.#tell('cdr:start', 'network', 'proxy-uas', response)
    this.#tell('cdr:start', 'application', 'proxy-uac', response)
    if (stays) this.#up.set(call.key, { ...call, role: 'proxy-uas', last: response })
  }

  /** The search of a proxied INVITE is over; without an answer before, it has failed. */
  proxyDone(transaction: string, last: SipResponse | undefined): void {
    const call = this.#take(transaction)
    if (!call) return
    const reason = last?.status === 487 ? 'call-canceled' : 'call-rejected'
    this.#tell('cdr:stop', 'network', reason, last ?? call.last)
  }

  /** A BYE passed through the proxy, or ended the call of an application that is awaited. */
  passed(bye: SipRequest): void {
    this.#ended(bye, 'network', 'normal-release')
  }

  /** An application is gone: what it had not answered is over; of its calls we hear by `abandoned`. */
  lost(owner: object): void {
    for (const [transaction, call] of this.#trying) {
      if (call.owner !== owner || call.role.startsWith('proxy')) continue
      this.#take(transaction)
      this.#tell('cdr:stop', 'application', 'system-initiated-termination', call.last)
    }
  }

  /** An INVITE is over without a word of its application. */
  gaveUp(transaction: string): void {
    const call = this.#take(transaction)
    if (call) this.#tell('cdr:stop', 'application', 'system-error-initiated-termination', call.last)
  }

  /** A call was ended because its application was lost. */
  abandoned(callId: string, tags: readonly string[]): void {
    for (const tag of tags) {
      const key = `${callId} ${tag}`
      const call = this.#up.get(key)
      if (!call) continue
      this.#up.delete(key)
      this.#tell('cdr:stop', 'application', 'system-initiated-termination', call.last)
      return
    }
  }

  /** Forgets everything. */
  stop(): void {
    for (const call of this.#trying.values()) call.timer?.cancel()
    this.#trying.clear()
    this.#up.clear()
  }

  #attempt(owner: object, ids: MessageIds, invite: SipRequest, source: Source, role: Role): void {
    this.#tell('cdr:attempt', source, undefined, invite)
    if (this.size >= this.#maxCalls && !this.#forgetOldest()) return
    const call: Call = { owner, key: keyOf(invite, 'From'), role, last: invite, timer: undefined }
    call.timer = this.#clock.setTimer(unansweredMs, () => this.gaveUp(ids.transaction))
    this.#trying.set(ids.transaction, call)
  }

  // A call whose BYE never passed here must not keep the next ones out.
  #forgetOldest(): boolean {
    for (const key of this.#up.keys()) return this.#up.delete(key)
    return false
  }

  #answered(ids: MessageIds, response: SipResponse, source: Source): void {
    const { status } = response
    if (status < 200) return
    if (status >= 300) {
      this.#failed(ids, response, source, status === 487 ? 'call-canceled' : 'call-rejected')
      return
    }
    const call = this.#take(ids.transaction)
    if (!call) return
    this.#tell('cdr:start', source, call.role, response)
    call.last = response
    this.#up.set(call.key, call)
  }

  #failed(ids: MessageIds, message: SipMessage, source: Source, reason: StopReason): void {
    if (this.#take(ids.transaction)) this.#tell('cdr:stop', source, reason, message)
  }

  #ended(bye: SipRequest, source: Source, reason: StopReason): void {
    for (const side of ['From', 'To'] as const) {
      const key = keyOf(bye, side)
      const call = this.#up.get(key)
      if (!call) continue
      this.#up.delete(key)
      this.#tell('cdr:stop', source, reason, bye)
      return
    }
  }

  #take(transaction: string): Call | undefined {
    const call = this.#trying.get(transaction)
    if (!call) return undefined
    this.#trying.delete(transaction)
    call.timer?.cancel()
    call.timer = undefined
    return call
  }

  #tell(verb: string, source: Source, detail: Role | StopReason | undefined, message: SipMessage): void {
    this.#readers.choose(verb)?.record(verb, source, detail, message)
  }

  #settle(): void {
    this.#wanted = this.#readers.size > 0
    if (!this.#wanted) this.stop()
  }
}

function keyOf(message: SipMessage, side: 'From' | 'To'): string {
  return `${message.headers.get('Call-ID') ?? ''} ${tagOf(message.headers.get(side) ?? '') ?? ''}`
}

function ownReason(bye: SipRequest): StopReason {
  const reason = bye.headers.get('Reason') ?? ''
  return ownReasons.find(([text]) => reason.includes(text))?.[1] ?? 'system-initiated-termination'
}
