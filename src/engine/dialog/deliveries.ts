import { isUtf8 } from 'node:buffer'
import type { SipRequest } from '#src/sip/message.ts'
import type { ServerTransaction } from '../transaction/server-transaction.ts'
import type { Application } from './application.ts'
import { ownResponse } from './compose-response.ts'
import type { Dialog } from './dialog.ts'
import { DirectServing, isServedDirectly } from './direct-serving.ts'
import type { RequestContext } from './request-context.ts'
import { leastIntervalS } from './session-agreement.ts'
import { networkMeta } from './message-meta.ts'
import { UasRequest, type UasParts } from './uas-request.ts'

/** Hands requests of the network to applications, or refuses them in the engine's name. */
export class Deliveries {
  readonly #context: RequestContext
  readonly #parts: UasParts

  constructor(context: RequestContext, parts: UasParts) {
    this.#context = context
    this.#parts = parts
  }

  /** The application serves it from here on; `dialog` is undefined outside dialogs. */
  deliver(transaction: ServerTransaction, application: Application, dialog: Dialog | undefined): void {
    if (application.takeDirectly && !dialog && isServedDirectly(transaction.request.method)) {
      const serving = new DirectServing(this.#context, transaction)
      transaction.user = serving
      application.takeDirectly(serving)
      return
    }
    const uas = new UasRequest(this.#parts, transaction, application, dialog)
    transaction.user = uas
    this.#context.serving.set(uas.id, uas)
    const { flow } = transaction
    application.request(
      networkMeta(flow, transaction.receivedBytes),
      { transaction: uas.id, dialog: dialog?.id ?? '' },
      dialog ? undefined : { host: flow.localHost, port: flow.localPort },
      transaction.request,
    )
  }

  /** Nobody is asked. */
  refuse(transaction: ServerTransaction, status: number, extra: readonly string[] = []): void {
    const tag = this.#context.random.token(16)
    transaction.respond(ownResponse(transaction.request, status, transaction.flow, tag, extra))
  }

  /** RFC 4028 9: the interval is below what is accepted here. */
  refuseTooShort(transaction: ServerTransaction): void {
    const minSeS = leastIntervalS(this.#context.policy.sessionTimers)
    this.refuse(transaction, 422, ['Min-SE', String(minSeS)])
  }

  /**
   * drachtio's wire is UTF-8 text: other bytes would reach the application, and through it the other leg, as rubble.
   * A call that is to end ends all the same. True when the request was refused.
   */
  refusesBody(transaction: ServerTransaction, application: Application): boolean {
    const { body, method } = transaction.request
    if (body.length === 0 || !application.readsText || method === 'BYE' || isUtf8(body)) return false
    this.refuse(transaction, 415, ['Accept', '*/*;charset=UTF-8'])
    return true
  }

  /** The application hears that an INVITE it was given is cancelled. */
  tellCancel(invite: UasRequest, cancel: SipRequest, transaction: ServerTransaction): void {
    invite.application.request(
      networkMeta(transaction.flow, transaction.receivedBytes),
      { transaction: invite.id, dialog: invite.dialog?.id ?? '' },
      undefined,
      cancel,
    )
  }
}
