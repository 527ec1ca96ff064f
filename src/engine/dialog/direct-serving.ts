import { tagOf } from '#src/sip/name-addr.ts'
import type { SipRequest, SipResponse } from '#src/sip/message.ts'
import type { DirectRequest } from '../direct-door.ts'
import type { ServerTransaction, ServerTransactionUser } from '../transaction/server-transaction.ts'
import { composeResponse, ownResponse } from './compose-response.ts'

/** What an answer takes from the engine. */
interface ServingContext {
  readonly random: { token(length: number): string }
  readonly userAgent: string | undefined
}

const nothing: readonly string[] = []
// RFC 3261 12.1, RFC 6665 4.4.1, RFC 3515: what a 2xx to these makes is a dialog, and that is the business of UasRequest.
const makesDialog = new Set(['INVITE', 'SUBSCRIBE', 'REFER'])

/** Whether a request of this method may be answered through the direct door without a dialog being thought of. */
export function isServedDirectly(method: string): boolean {
  return !makesDialog.has(method)
}

/**
 * A request that a part of this process answers by itself. No id, no echo, no dialog: what is left of UasRequest where a
 * REGISTER has to be cheap.
 */
export class DirectServing implements ServerTransactionUser, DirectRequest {
  readonly request: SipRequest
  readonly #context: ServingContext
  readonly #transaction: ServerTransaction
  #tag: string | undefined

  constructor(context: ServingContext, transaction: ServerTransaction) {
    this.#context = context
    this.#transaction = transaction
    this.request = transaction.request
    transaction.forgetOnceAnswered()
  }

  get peer(): DirectRequest['peer'] {
    const { protocol, remoteHost: host, remotePort: port } = this.#transaction.flow
    return { protocol, host, port }
  }

  /** Nothing more can be said: there was a final response, or the request timed out. */
  get over(): boolean {
    return this.#transaction.finalStatus !== 0 || this.#transaction.state === 'terminated'
  }

  readonly respond = (wanted: SipResponse): void => {
    if (this.over) return
    this.#tag ??= tagOf(wanted.headers.get('To') ?? '') ?? this.#context.random.token(16)
    const transaction = this.#transaction
    const { status, reason, headers, body } = wanted
    transaction.respond(
      composeResponse({
        request: this.request,
        status,
        reason,
        headers,
        body,
        localTag: this.#tag,
        flow: transaction.flow,
        userAgent: this.#context.userAgent,
        extra: nothing,
      }),
    )
  }

  /** An answer of the engine: the one who would have answered is gone. */
  refuse(status: number): void {
    if (this.over) return
    this.#tag ??= this.#context.random.token(16)
    this.#transaction.respond(ownResponse(this.request, status, this.#transaction.flow, this.#tag))
  }

  onAck(): void {
    // Only an INVITE is acknowledged.
  }

  onFailed(): void {
    // After a timeout whoever answers finds it over; after an error of the transport the answer may get through.
  }

  onUnanswered(): void {
    // RFC 4320 4.2: a request other than INVITE that nobody answered is forgotten without a word.
  }

  onTerminated(): void {
    // Nothing is kept here.
  }
}
