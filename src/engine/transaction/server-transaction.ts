import { tagOf } from '#src/sip/name-addr.ts'
import { formatMessage } from '#src/sip/format-message.ts'
import { SipHeaders, type SipRequest, type SipResponse } from '#src/sip/message.ts'
import type { Flow } from '../transport/transport-port.ts'
import { TransactionTimers, type DriverContext, type TimerEvent } from './driver.ts'
import type { ServerAction } from './machine.ts'
import {
  startInviteServer,
  stepInviteServer,
  type InviteServerEvent,
  type InviteServerState,
} from './invite-server.ts'
import {
  startNonInviteServer,
  stepNonInviteServer,
  type NonInviteServerEvent,
  type NonInviteServerState,
} from './non-invite-server.ts'

/** Who answers a request; set by the user when the request is handed up. None of these may throw. */
export interface ServerTransactionUser {
  /** ACK of a 2xx that came with the INVITE's own branch (broken peers do that). */
  onAck(ack: SipRequest, bytes: number, transaction: ServerTransaction): void
  /**
   * 'transport', once: the peer could not be reached with a response. The transaction stays, for the next may get through
   * (RFC 6026 7.1). 'timeout': a failure was never acknowledged, or nobody answered; this is its end.
   */
  onFailed(cause: 'timeout' | 'transport', transaction: ServerTransaction): void
  /** Timer U: nobody answered this INVITE; the user must answer it now. */
  onUnanswered(transaction: ServerTransaction): void
  /** The last call: nothing comes after it. */
  onTerminated(transaction: ServerTransaction): void
  /** It passes the request on: the same request may come again another way (RFC 3261 16.3-4, a spiral). */
  readonly forwards?: boolean
}

/** One request from one peer: absorbs its retransmissions and repeats our answer. */
export class ServerTransaction {
  readonly key: string
  /** Index for CANCEL, which is found by branch alone; undefined for everything but INVITE. */
  readonly branch: string | undefined
  request: SipRequest
  readonly flow: Flow
  readonly receivedBytes: number
  user: ServerTransactionUser | undefined
  readonly #invite: boolean
  readonly #reliable: boolean
  readonly #context: DriverContext
  readonly #onTerminated: (transaction: ServerTransaction) => void
  #timersMade: TransactionTimers | undefined
  // Later, never inside send: a failure must not overtake what the caller does next.
  readonly #onSendError = (): void => queueMicrotask(() => this.transportError())
  #state: InviteServerState | NonInviteServerState
  #last: SipResponse | undefined
  readonly #answerHash: number
  #forgetful = false
  #stateless = false
  #broken = false
  #lastBytes = 0
  #finalStatus = 0
  #ack: SipRequest | undefined
  #ackBytes = 0

  constructor(
    context: DriverContext,
    request: SipRequest,
    flow: Flow,
    bytes: number,
    keys: { key: string; branch: string | undefined; answerHash: number },
    onTerminated: (transaction: ServerTransaction) => void,
  ) {
    this.key = keys.key
    this.branch = keys.branch
    this.#answerHash = keys.answerHash
    this.request = request
    this.flow = flow
    this.receivedBytes = bytes
    this.#context = context
    this.#onTerminated = onTerminated
    this.#invite = request.method === 'INVITE'
    this.#reliable = flow.protocol !== 'udp'
    this.#state = this.#invite ? 'proceeding' : 'trying'
  }

  // Most requests are answered before any timer is due to be started.
  get #timers(): TransactionTimers {
    return (this.#timersMade ??= new TransactionTimers(this.#context, (event) => this.#step(event)))
  }

  get state(): InviteServerState | NonInviteServerState {
    return this.#state
  }

  /** Status of the final response sent, 0 before. */
  get finalStatus(): number {
    return this.#finalStatus
  }

  /** Begins to wait for the answer. A request other than INVITE may have got it in the turn in which it came. */
  start(): void {
    if (!this.#invite && this.#state !== 'trying') {
      if (this.#state === 'proceeding') this.#act('startU')
      return
    }
    const step = this.#invite ? startInviteServer(this.#awaitsChallenge()) : startNonInviteServer()
    this.#run(step.state, step.actions)
  }

  /** The same request again. */
  receiveAgain(): void {
    this.#context.counters.retransmissionsReceived++
    this.#step('request')
  }

  receiveAck(ack: SipRequest, bytes: number): void {
    this.#ack = ack
    this.#ackBytes = bytes
    this.#step('ack')
    this.#ack = undefined
  }

  /**
   * Sends a response; a 2xx to INVITE may be sent again and again in Accepted. Returns the bytes written, or
   * 0 when the state allows no more responses.
   */
  respond(response: SipResponse): number {
    if (!this.#takes(response.status)) return 0
    // A 100 that was put off in case of a challenge goes first, as if it had never waited: callers count on it.
    if (this.#invite && response.status > 100 && response.status < 300) {
      this.#act('sendTrying')
      this.#timersMade?.stopRetransmit()
    }
    this.#stateless = this.#last === undefined && !this.#reliable && isChallenge(response.status)
    this.#last = response
    if (response.status >= 200) {
      const { gate } = this.#context
      if (gate !== undefined && this.#finalStatus === 0)
        gate.answered(this.request, this.flow, response.status)
      this.#finalStatus = response.status
    }
    this.#step(response.status < 200 ? 'provisional' : response.status < 300 ? 'success' : 'failure')
    const bytes = this.#lastBytes
    if (this.#stateless) this.abandon()
    return bytes
  }

  /**
   * Says that nobody asks for the request any more once it has its final answer: what is left of the transaction is then
   * that answer, to be repeated (17.2.2 Completed). A morning's registrations would otherwise be held for 32 s each.
   */
  forgetOnceAnswered(): void {
    this.#forgetful = !this.#invite
  }

  // RFC 3261 8.2.7: over UDP a challenge leaves nothing behind, for its sender's address may be forged, and so may be
  // credentials: no memory, and no repetitions toward somebody who never asked. If it is lost, the request comes again;
  // that takes a client that has heard nothing yet, for a provisional response stops its timer A.
  #awaitsChallenge(): boolean {
    return !this.#reliable && tagOf(this.request.headers.get('To') ?? '') === undefined
  }

  transportError(): void {
    // Each repetition of the response may fail; that is one failure.
    if (this.#state === 'terminated' || this.#broken) return
    this.#broken = true
    this.#context.counters.transportErrors++
    this.#step('transportError')
  }

  /** Forgets everything silently: the engine stops, or answering makes no sense. */
  abandon(): void {
    if (this.#state === 'terminated') return
    this.#state = 'terminated'
    this.#timersMade?.stop()
    this.#onTerminated(this)
    this.user?.onTerminated(this)
  }

  #keepAnswer(): boolean {
    const wire = this.#last?.wire
    return wire !== undefined && this.#context.answered.keep(this.#answerHash, this.key, wire)
  }

  #takes(status: number): boolean {
    if (this.#state === 'proceeding' || this.#state === 'trying') return true
    return this.#state === 'accepted' && status >= 200 && status < 300
  }

  #step(event: InviteServerEvent | NonInviteServerEvent | TimerEvent): void {
    const step = this.#invite
      ? stepInviteServer(this.#state as InviteServerState, event as InviteServerEvent, this.#reliable)
      : stepNonInviteServer(
          this.#state as NonInviteServerState,
          event as NonInviteServerEvent,
          this.#reliable,
        )
    this.#run(step.state, step.actions)
  }

  #run(state: InviteServerState | NonInviteServerState, actions: readonly ServerAction[]): void {
    const before = this.#state
    this.#state = state
    for (const action of actions) this.#act(action)
    if (state === 'terminated' && before !== 'terminated') {
      this.#onTerminated(this)
      this.user?.onTerminated(this)
    }
  }

  #act(action: ServerAction): void {
    const { counters, transport } = this.#context
    switch (action) {
      case 'startT':
        this.#timers.startTrying()
        return
      case 'sendTrying':
        if (this.#last) return
        this.#last = tryingResponse(this.request)
        this.#lastBytes = transport.send(this.#last, this.flow, this.#onSendError)
        return
      case 'sendResponse':
        if (!this.#last) return
        if (!this.#invite && this.#finalStatus !== 0) this.#last.wire = formatMessage(this.#last)
        this.#lastBytes = transport.send(this.#last, this.flow, this.#onSendError)
        return
      case 'resend': {
        const last = this.#last
        if (!last) return
        counters.retransmissionsSent++
        transport.send(last, this.flow, this.#onSendError)
        return
      }
      case 'deliverAck':
        if (this.#ack) this.user?.onAck(this.#ack, this.#ackBytes, this)
        return
      case 'reportTimeout':
        counters.serverTimeouts++
        this.user?.onFailed('timeout', this)
        return
      case 'reportTransportError':
        this.user?.onFailed('transport', this)
        return
      case 'reportUnanswered':
        counters.serverTimeouts++
        this.user?.onUnanswered(this)
        return
      case 'stopTimers':
        this.#timersMade?.stop()
        return
      case 'stopG':
        this.#timersMade?.stopRetransmit()
        return
      case 'startG':
        this.#timers.startRetransmit('G')
        return
      case 'restartG':
        this.#timers.restartRetransmit()
        return
      case 'startU':
        this.#timers.startLifetime('U', this.#invite && (this.#last?.status ?? 100) > 100)
        return
      case 'startH':
        this.#timers.startLifetime('H')
        return
      case 'startI':
        this.#timers.startLifetime('I')
        return
      case 'startJ':
        // A challenge leaves nothing behind, see `respond`.
        if (this.#stateless) return
        if (this.#forgetful && this.#keepAnswer()) this.abandon()
        else this.#timers.startLifetime('J')
        return
      case 'startL':
        this.#timers.startLifetime('L')
    }
  }
}

function isChallenge(status: number): boolean {
  return status === 401 || status === 407
}

/** RFC 3261 8.2.6.1: 100 carries no To tag and repeats the request's Timestamp. */
function tryingResponse(request: SipRequest): SipResponse {
  const headers = new SipHeaders()
  const flat = request.headers.flat
  for (let index = 0; index < flat.length; index += 2) {
    const name = flat[index] as string
    if (
      name === 'Via' ||
      name === 'From' ||
      name === 'To' ||
      name === 'Call-ID' ||
      name === 'CSeq' ||
      name === 'Timestamp'
    ) {
      headers.append(name, flat[index + 1] as string)
    }
  }
  return { kind: 'response', status: 100, reason: 'Trying', headers, body: Buffer.alloc(0) }
}
