import { secondsToMs } from '#src/base/clock.ts'
import type { SipRequest, SipResponse } from '#src/sip/message.ts'
import type { Flow, Target, TransportLayer } from '../transport/transport-port.ts'
import type { ClientTransaction, ClientTransactionUser } from './client-transaction.ts'

/** What the user of a request hears; the transaction may change when a target fails over to the next. */
export interface RequestUser {
  /** The request as it goes out now, for the first and each later target. */
  onSent(request: SipRequest, flow: Flow, bytes: number): void
  onResponse(response: SipResponse, bytes: number, transaction: ClientTransaction): void
  /** All targets are spent. */
  onFailed(cause: 'timeout' | 'transport'): void
}

/** A request under way to one of its targets. */
export interface OutgoingRequest {
  /** The transaction that is alive now; undefined while a connection is being made. */
  readonly transaction: ClientTransaction | undefined
  /** Stops trying further targets. */
  stopFailover(): void
}

// RFC 3261 20.33: seconds, perhaps with a comment and parameters behind; undefined when it says nothing.
function retryAfterMs(response: SipResponse): number | undefined {
  const seconds = /^\s*(\d{1,6})/.exec(response.headers.get('Retry-After') ?? '')?.[1]
  return seconds === undefined ? undefined : secondsToMs(Number(seconds))
}

/** What a request under way needs of the layer that owns all transactions. */
export interface Sender {
  readonly stopped: boolean
  monotonicMs(): number
  newBranch(): string
  /** The flow that is open to a target already. */
  openTo(target: Target): Flow | undefined
  hasRoomFor(request: SipRequest): boolean
  createClient(
    request: SipRequest,
    flow: Flow,
    user: ClientTransactionUser,
    branch?: string,
  ): ClientTransaction
}

/** Takes one request to its targets, one after the other, until one of them takes it (RFC 3263 4.3). */
export class Outgoing implements OutgoingRequest, ClientTransactionUser {
  transaction: ClientTransaction | undefined
  readonly #layer: Sender
  readonly #transport: TransportLayer
  readonly #resolve: () => Promise<readonly Target[]>
  readonly #prepare: (flow: Flow) => SipRequest
  readonly #user: RequestUser
  readonly #branchTail: string
  #targets: readonly Target[] | undefined
  #target: Target | undefined
  #next = 0
  #sentAtMs = 0
  #answered = false
  /** The peer said more than 100: it has taken the request up. */
  #progressed = false
  /** A 503 that is told only when no other target does better. */
  #refusal: { response: SipResponse; bytes: number; transaction: ClientTransaction } | undefined
  #stopped = false

  constructor(
    layer: Sender,
    transport: TransportLayer,
    resolve: () => Promise<readonly Target[]>,
    prepare: (flow: Flow) => SipRequest,
    user: RequestUser,
    branchTail: string,
  ) {
    this.#layer = layer
    this.#transport = transport
    this.#resolve = resolve
    this.#prepare = prepare
    this.#user = user
    this.#branchTail = branchTail
  }

  begin(openFlow: Flow | undefined): void {
    if (openFlow) this.#start(openFlow)
    else this.#tryNext('transport')
  }

  stopFailover(): void {
    this.#stopped = true
  }

  onResponse(response: SipResponse, bytes: number, transaction: ClientTransaction): void {
    if (transaction !== this.transaction) return
    this.#answered = true
    if (response.status === 503) {
      // RFC 3263 4.3: the host is overloaded or down, and others serve the same name.
      if (this.#target) this.#transport.noteFailed(this.#target, retryAfterMs(response))
      if (!this.#progressed && !this.#stopped && this.#targets?.[this.#next]) {
        this.#refusal = { response, bytes, transaction }
        this.#tryNext('transport')
        return
      }
    } else if (response.status > 100) this.#progressed = true
    this.#user.onResponse(response, bytes, transaction)
  }

  onFailed(cause: 'timeout' | 'transport', transaction: ClientTransaction): void {
    if (transaction !== this.transaction) return
    if (cause === 'timeout') this.#transport.noteUnanswered(transaction.flow, this.#sentAtMs)
    if (this.#target && !this.#answered) this.#transport.noteFailed(this.#target)
    // A peer that has answered something has our request: another host would get it twice.
    if (this.#answered) this.#user.onFailed(cause)
    else this.#tryNext(cause)
  }

  #tryNext(cause: 'timeout' | 'transport'): void {
    if (!this.#targets && cause === 'transport' && !this.#stopped) {
      this.#resolve().then(
        (targets) => {
          this.#targets = this.#transport.livingFirst(targets)
          this.#tryNext(cause)
        },
        () => {
          this.#targets = []
          this.#tryNext(cause)
        },
      )
      return
    }
    const target = this.#stopped ? undefined : this.#targets?.[this.#next]
    this.#next++
    this.#target = target
    if (!target) {
      this.#fail(cause)
      return
    }
    this.#answered = false
    const open = this.#layer.openTo(target)
    if (open) {
      this.#start(open)
      return
    }
    this.#transport.connect(target).then(
      (flow) => this.#start(flow),
      () => this.#tryNext('transport'),
    )
  }

  #fail(cause: 'timeout' | 'transport'): void {
    const refusal = this.#refusal
    if (!refusal) this.#user.onFailed(cause)
    else this.#user.onResponse(refusal.response, refusal.bytes, refusal.transaction)
  }

  #start(flow: Flow): void {
    if (this.#stopped || this.#layer.stopped) {
      this.#fail('transport')
      return
    }
    const request = this.#prepare(flow)
    const stream = this.#target && this.#transport.connectLarge(request, this.#target)
    if (!stream) {
      this.#send(request, flow)
      return
    }
    // RFC 3261 18.1.1: Via and Contact name the transport that is used in the end.
    stream.then(
      (other) => (this.#stopped ? this.#fail('transport') : this.#send(this.#prepare(other), other)),
      () => (this.#stopped ? this.#fail('transport') : this.#send(request, flow)),
    )
  }

  #send(request: SipRequest, flow: Flow): void {
    if (!this.#layer.hasRoomFor(request)) {
      // Later: whoever sends does not expect to hear of it before it has what it sends.
      queueMicrotask(() => this.#user.onFailed('transport'))
      return
    }
    this.#sentAtMs = this.#layer.monotonicMs()
    const branch = this.#layer.newBranch() + this.#branchTail
    const transaction = this.#layer.createClient(request, flow, this, branch)
    this.transaction = transaction
    this.#user.onSent(transaction.request, flow, transaction.start())
  }
}
