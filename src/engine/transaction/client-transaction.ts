import { SipHeaders, type SipRequest, type SipResponse } from '#src/sip/message.ts'
import type { Flow } from '../transport/transport-port.ts'
import { TransactionTimers, type DriverContext, type TimerEvent } from './driver.ts'
import type { ClientAction } from './machine.ts'
import {
  startInviteClient,
  stepInviteClient,
  type InviteClientEvent,
  type InviteClientState,
} from './invite-client.ts'
import {
  startNonInviteClient,
  stepNonInviteClient,
  type NonInviteClientEvent,
  type NonInviteClientState,
} from './non-invite-client.ts'

/** The way up, given at birth. None of these may throw. */
export interface ClientTransactionUser {
  onResponse(response: SipResponse, bytes: number, transaction: ClientTransaction): void
  /** No final response came; the transaction is over. */
  onFailed(cause: 'timeout' | 'transport', transaction: ClientTransaction): void
}

/** One request on one flow: runs the machine's actions. */
export class ClientTransaction {
  readonly key: string
  readonly request: SipRequest
  readonly flow: Flow
  readonly #invite: boolean
  readonly #reliable: boolean
  readonly #context: DriverContext
  readonly #user: ClientTransactionUser
  readonly #onTerminated: (transaction: ClientTransaction) => void
  readonly #timers: TransactionTimers
  // Later, never inside send: a failure must not overtake what the caller does next.
  readonly #onSendError = (): void => queueMicrotask(() => this.transportError())
  #state: InviteClientState | NonInviteClientState
  #ack: SipRequest | undefined
  #sent = 0

  constructor(
    context: DriverContext,
    request: SipRequest,
    flow: Flow,
    key: string,
    user: ClientTransactionUser,
    onTerminated: (transaction: ClientTransaction) => void,
  ) {
    this.key = key
    this.request = request
    this.flow = flow
    this.#context = context
    this.#user = user
    this.#onTerminated = onTerminated
    this.#invite = request.method === 'INVITE'
    this.#reliable = flow.protocol !== 'udp'
    this.#state = this.#invite ? 'calling' : 'trying'
    this.#timers = new TransactionTimers(context, (event) => this.#onTimer(event))
  }

  get state(): InviteClientState | NonInviteClientState {
    return this.#state
  }

  /** Sends the request; returns the bytes on the wire. */
  start(): number {
    const step = this.#invite ? startInviteClient(this.#reliable) : startNonInviteClient(this.#reliable)
    this.#run(step.state, step.actions, undefined, 0)
    return this.#sent
  }

  /** A response whose branch and method are ours. */
  receive(response: SipResponse, bytes: number): void {
    const event = response.status < 200 ? 'provisional' : response.status < 300 ? 'success' : 'failure'
    this.#step(event, response, bytes)
  }

  transportError(): void {
    if (this.#state === 'terminated') return
    this.#context.counters.transportErrors++
    this.#step('transportError', undefined, 0)
  }

  /** Forgets everything without a word to anybody: the engine stops, or the user lost interest. */
  abandon(): void {
    if (this.#state === 'terminated') return
    this.#state = 'terminated'
    this.#timers.stop()
    this.#onTerminated(this)
  }

  #onTimer(event: TimerEvent): void {
    this.#step(event as InviteClientEvent | NonInviteClientEvent, undefined, 0)
  }

  #step(
    event: InviteClientEvent | NonInviteClientEvent,
    response: SipResponse | undefined,
    bytes: number,
  ): void {
    const step = this.#invite
      ? stepInviteClient(this.#state as InviteClientState, event as InviteClientEvent, this.#reliable)
      : stepNonInviteClient(
          this.#state as NonInviteClientState,
          event as NonInviteClientEvent,
          this.#reliable,
        )
    this.#run(step.state, step.actions, response, bytes)
  }

  #run(
    state: InviteClientState | NonInviteClientState,
    actions: readonly ClientAction[],
    response: SipResponse | undefined,
    bytes: number,
  ): void {
    const before = this.#state
    // The state moves first: an action that calls up may come back to us.
    this.#state = state
    for (const action of actions) this.#act(action, response, bytes)
    if (state === 'terminated' && before !== 'terminated') this.#onTerminated(this)
  }

  #act(action: ClientAction, response: SipResponse | undefined, bytes: number): void {
    const { counters } = this.#context
    switch (action) {
      case 'sendRequest': {
        const again = this.#sent !== 0
        if (again) counters.retransmissionsSent++
        this.#sent = this.#context.transport.send(this.request, this.flow, this.#onSendError)
        return
      }
      case 'sendAck':
        if (this.#ack) counters.retransmissionsSent++
        else if (response) this.#ack = ackForFailure(this.request, response)
        if (this.#ack) this.#context.transport.send(this.#ack, this.flow, this.#onSendError)
        return
      case 'deliver':
        if (response) this.#user.onResponse(response, bytes, this)
        return
      case 'reportTimeout':
        counters.clientTimeouts++
        this.#user.onFailed('timeout', this)
        return
      case 'reportTransportError':
        this.#user.onFailed('transport', this)
        return
      case 'stopTimers':
        this.#timers.stop()
        return
      case 'startA':
        this.#timers.startRetransmit('A')
        return
      case 'startE':
        this.#timers.startRetransmit('E')
        return
      case 'restartA':
      case 'restartE':
        this.#timers.restartRetransmit()
        return
      case 'restartEAtT2':
        this.#timers.restartAtT2()
        return
      case 'startB':
        this.#timers.startLifetime('B')
        return
      case 'startC':
        this.#timers.startLifetime('C')
        return
      case 'startD':
        this.#timers.startLifetime('D')
        return
      case 'startF':
        this.#timers.startLifetime('F')
        return
      case 'startK':
        this.#timers.startLifetime('K')
        return
      case 'startM':
        this.#timers.startLifetime('M')
    }
  }
}

/**
 * RFC 3261 17.1.1.3: the ACK to a non-2xx keeps request URI, top Via, From, Call-ID and Route of the INVITE
 * and takes the To of the response; resolving the target again could reach another host.
 */
export function ackForFailure(invite: SipRequest, response: SipResponse): SipRequest {
  const headers = new SipHeaders()
  const via = invite.headers.get('Via')
  if (via !== undefined) headers.append('Via', via)
  headers.append('Max-Forwards', '70')
  for (const route of invite.headers.getAll('Route')) headers.append('Route', route)
  headers.append('From', invite.headers.get('From') ?? '')
  headers.append('To', response.headers.get('To') ?? invite.headers.get('To') ?? '')
  headers.append('Call-ID', invite.headers.get('Call-ID') ?? '')
  headers.append('CSeq', `${Number.parseInt(invite.headers.get('CSeq') ?? '0', 10)} ACK`)
  return { kind: 'request', method: 'ACK', uri: invite.uri, headers, body: Buffer.alloc(0) }
}
