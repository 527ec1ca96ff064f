import { tagOf } from '#src/sip/name-addr.ts'
import type { SipRequest, SipResponse } from '#src/sip/message.ts'
import type { ServerTransaction, ServerTransactionUser } from '../transaction/server-transaction.ts'
import { AcceptedInvite } from './accepted-invite.ts'
import type { Application } from './application.ts'
import { composeResponse, isSdp, ownResponse } from './compose-response.ts'
import type { UserAgentContext } from './context.ts'
import type { Dialog } from './dialog.ts'
import type { DialogKeeper } from './dialog-keeper.ts'
import { dialogFromRequest, withPhase } from './dialog-state.ts'
import { listHas, sequenceOf } from './header-values.ts'
import { ReliableProvisionals } from './reliable-provisional.ts'
import { isTerminated, type ResponseJudges } from './response-judges.ts'
import { answerSession } from './session-timer.ts'
import { networkMeta } from './uac-request.ts'

/** What a request of the network needs to be answered. */
export interface UasParts {
  context: UserAgentContext
  keeper: DialogKeeper
  judges: ResponseJudges
  /** ACK of a 2xx, wherever it turned up. */
  onAck(ack: SipRequest, transaction: ServerTransaction, bytes: number): void
}

const unknownTransaction = 'Response not sent due to unknown transaction'

/** A request an application was given, until its final response and (INVITE) the ACK. */
export class UasRequest implements ServerTransactionUser {
  readonly id: string
  readonly transaction: ServerTransaction
  readonly application: Application
  dialog: Dialog | undefined
  readonly #parts: UasParts
  readonly #inDialog: boolean
  #localTag: string
  #agreed: ReturnType<typeof answerSession>
  #onReliableSent: ((bytes: number) => void) | undefined

  constructor(
    parts: UasParts,
    transaction: ServerTransaction,
    application: Application,
    dialog: Dialog | undefined,
  ) {
    this.#parts = parts
    this.transaction = transaction
    this.application = application
    this.dialog = dialog
    this.#inDialog = dialog !== undefined
    this.id = parts.context.random.token(32)
    this.#localTag = parts.context.random.token(16)
  }

  get request(): SipRequest {
    return this.transaction.request
  }

  /** The application's answer. */
  respond(commandId: string, wanted: SipResponse): void {
    const { context } = this.#parts
    const { transaction } = this
    const { status } = wanted
    if (transaction.finalStatus !== 0 || transaction.state === 'terminated') {
      this.application.refused(commandId, unknownTransaction)
      return
    }
    const wantedTag = tagOf(wanted.headers.get('To') ?? '')
    if (!this.dialog && wantedTag !== undefined) this.#localTag = wantedTag
    const forms = !this.#inDialog && formsDialog(this.request.method) && status > 100 && status < 300
    if (forms) this.#makeDialog(status)
    const reliable = status > 100 && status < 200 && listHas(wanted.headers.get('Require'), '100rel')
    if (reliable && !this.#peerTakesReliable()) {
      this.application.refused(commandId, 'Response not sent: the peer does not support 100rel')
      return
    }
    const response = this.#compose(wanted, reliable)
    const bytes = reliable ? this.#sendReliable(response) : this.#send(response)
    if (status >= 200) context.serving.delete(this.id)
    if (bytes === 0 && transaction.flow.closed) {
      this.application.refused(commandId, 'Response not sent: the connection is gone')
      return
    }
    const withDialog = status > 100 && !(this.request.method === 'BYE' && status >= 200)
    this.application.sent(
      commandId,
      { ...networkMeta(transaction.flow, bytes), source: 'application' },
      { transaction: this.id, dialog: withDialog ? (this.dialog?.id ?? '') : '' },
      response,
    )
  }

  /** An answer of our own; the application is not asked. */
  refuse(status: number, extra: readonly string[] = []): void {
    const { transaction } = this
    if (transaction.finalStatus !== 0) return
    this.#parts.context.serving.delete(this.id)
    this.#send(ownResponse(this.request, status, transaction.flow, this.tag, extra))
  }

  /** Our tag in the To of this request. */
  get tag(): string {
    return this.dialog?.state.localTag ?? this.#localTag
  }

  onAck(ack: SipRequest, bytes: number, transaction: ServerTransaction): void {
    this.#parts.onAck(ack, transaction, bytes)
  }

  onFailed(): void {
    this.#parts.context.serving.delete(this.id)
    // A 2xx that cannot be delivered is the business of its own timer: the application must hear of the end.
    const accepted = this.transaction.finalStatus >= 200 && this.transaction.finalStatus < 300
    if (this.request.method === 'INVITE' && !accepted) this.#closeInvite(0)
  }

  onUnanswered(): void {
    this.refuse(408)
  }

  onTerminated(): void {
    this.#parts.context.serving.delete(this.id)
  }

  #compose(wanted: SipResponse, reliable: boolean): SipResponse {
    const { context } = this.#parts
    const extra: string[] = []
    const { status } = wanted
    if (status >= 200 && status < 300 && refreshesSession(this.request.method, this.dialog)) {
      this.#agreed = answerSession(this.request.headers, wanted.headers)
      if (this.#agreed) extra.push(...this.#agreed.fields)
    }
    if (reliable) extra.push('RSeq', String(this.#reliables().take()))
    return composeResponse({
      request: this.request,
      status,
      reason: wanted.reason,
      headers: wanted.headers,
      body: wanted.body,
      localTag: this.tag,
      flow: this.transaction.flow,
      userAgent: context.userAgent,
      extra,
    })
  }

  #send(response: SipResponse): number {
    const { status } = response
    const bytes = this.transaction.respond(response)
    if (status >= 200 && this.request.method === 'INVITE') {
      this.#closeInvite(status)
      if (status < 300) this.#accept(response)
    } else if (status >= 200) this.#finishOther(status)
    if (this.dialog && isSdp(response.body)) this.dialog.localSdp = response.body
    return bytes
  }

  #sendReliable(response: SipResponse): number {
    const reliables = this.#reliables()
    const sequence = sequenceOf(response.headers.get('RSeq')) ?? 0
    let bytes = 0
    this.#onReliableSent = (sent) => (bytes = sent)
    reliables.push(sequence, response)
    this.#onReliableSent = undefined
    return bytes
  }

  #reliables(): ReliableProvisionals {
    const { context } = this.#parts
    const dialog = this.dialog ?? this.#makeDialog(183)
    dialog.reliable ??= new ReliableProvisionals(
      context.clock,
      context.bases,
      1 + (context.random.bytes(2).readUInt16BE() & 0x7fff),
      (response, again) => {
        if (this.transaction.finalStatus !== 0) return
        if (again) context.counters.repeatedProvisionals++
        const bytes = this.transaction.respond(response)
        this.#onReliableSent?.(bytes)
      },
      // RFC 3262 3: no PRACK in 64*T1 means the INVITE should be refused.
      () => this.refuse(504),
    )
    return dialog.reliable
  }

  #peerTakesReliable(): boolean {
    const { headers } = this.request
    return listHas(headers.get('Supported'), '100rel') || listHas(headers.get('Require'), '100rel')
  }

  #makeDialog(status: number): Dialog {
    const phase = status >= 200 ? 'confirmed' : 'early'
    if (this.dialog) {
      this.dialog.state = withPhase(this.dialog.state, phase)
      return this.dialog
    }
    const { keeper } = this.#parts
    const kind = this.request.method === 'SUBSCRIBE' ? 'SUBSCRIBE' : 'INVITE'
    const state = dialogFromRequest(this.request, this.#localTag, phase)
    const dialog = keeper.create(state, kind, this.application, this.transaction.flow, this.id)
    dialog.openServerInvite = kind === 'INVITE'
    this.dialog = dialog
    return dialog
  }

  // The INVITE has its final answer (status 0: it never will); an early dialog dies with a refusal.
  #closeInvite(status: number): void {
    const { dialog } = this
    if (!dialog) return
    dialog.openServerInvite = false
    dialog.reliable?.stop()
    dialog.reliable = undefined
    if (!this.#inDialog && (status === 0 || status >= 300)) this.#parts.keeper.remove(dialog)
  }

  #accept(response: SipResponse): void {
    const { context, keeper } = this.#parts
    const { dialog, transaction } = this
    if (!dialog) return
    dialog.inviteTransaction = this.id
    dialog.acceptedSequence = sequenceOf(this.request.headers.get('CSeq'))
    dialog.accepted?.stop()
    const accepted = new AcceptedInvite(
      context.clock,
      context.bases,
      () => {
        context.counters.repeatedSuccess++
        transaction.respond(response)
      },
      () => {
        context.counters.ackTimeouts++
        dialog.accepted = undefined
        keeper.bye(dialog, 408, 'ACK timeout', true)
      },
    )
    dialog.accepted = accepted
    accepted.start()
    keeper.armSession(dialog, this.#agreed?.agreement)
  }

  #finishOther(status: number): void {
    const { judges, keeper } = this.#parts
    const { dialog, request } = this
    if (!dialog) return
    switch (request.method) {
      case 'BYE':
        keeper.remove(dialog)
        break
      case 'UPDATE':
        if (status < 300 && dialog.session) keeper.armSession(dialog, this.#agreed?.agreement)
        break
      case 'NOTIFY':
        // RFC 6665 4.4.1; a REFER's subscription lives inside an INVITE dialog and must not end it.
        if (dialog.kind === 'SUBSCRIBE' && isTerminated(request)) keeper.remove(dialog)
        break
      case 'SUBSCRIBE':
        if (dialog.kind !== 'SUBSCRIBE') break
        if (status < 300) judges.keepSubscription(dialog, request.headers.get('Expires'))
        else if (!this.#inDialog) keeper.remove(dialog)
    }
  }
}

/** RFC 3261 12.1, RFC 6665 4.4.1: methods whose 2xx makes a dialog. */
export function formsDialog(method: string): boolean {
  return method === 'INVITE' || method === 'SUBSCRIBE'
}

// RFC 4028 9: INVITE always; UPDATE when a session is being timed.
function refreshesSession(method: string, dialog: Dialog | undefined): boolean {
  return method === 'INVITE' || (method === 'UPDATE' && dialog?.session !== undefined)
}
