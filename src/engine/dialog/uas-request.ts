import { tagOf } from '#src/sip/name-addr.ts'
import type { SipRequest, SipResponse } from '#src/sip/message.ts'
import type { ServerTransaction, ServerTransactionUser } from '../transaction/server-transaction.ts'
import { AcceptedInvite } from './accepted-invite.ts'
import type { Application } from './application.ts'
import { composeResponse, isSdp, ownResponse } from './compose-response.ts'
import type { UserAgentContext } from './context.ts'
import type { Dialog } from './dialog.ts'
import type { DialogKeeper } from './dialog-keeper.ts'
import { dialogFromRequest, withPhase, withRefreshRequest } from './dialog-state.ts'
import { isTerminated, subscribesByRefer } from './event-key.ts'
import { listHas, sequenceOf } from './header-values.ts'
import { isReliable, ReliableProvisionals, takesReliable } from './reliable-provisional.ts'
import { answerSession } from './session-agreement.ts'
import { noteNotified, noteSubscribed } from './subscription-usage.ts'
import { networkMeta } from './message-meta.ts'

/** What a request of the network needs to be answered. */
export interface UasParts {
  context: UserAgentContext
  keeper: DialogKeeper
  /** ACK of a 2xx, wherever it turned up. */
  onAck(ack: SipRequest, transaction: ServerTransaction, bytes: number): void
  /** The application has answered a BYE; the call is still in its table. */
  onByeAnswered(dialog: Dialog): void
  /** The application has answered a PRACK. */
  onPrackAnswered(dialog: Dialog): void
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
  #reliable: ReliableProvisionals | undefined
  #held: { commandId: string; wanted: SipResponse } | undefined
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
    const success = status >= 200 && status < 300
    if (success && this.#reliable?.holdsSuccess) {
      // RFC 3262 3: an answer that the caller has not acknowledged comes before the 2xx.
      if (this.#held) this.application.refused(commandId, unknownTransaction)
      else this.#held = { commandId, wanted }
      return
    }
    const wantedTag = tagOf(wanted.headers.get('To') ?? '')
    if (!this.dialog && wantedTag !== undefined) this.#localTag = wantedTag
    if (!this.#inDialog && this.#formsDialog(wanted)) this.#makeDialog(status)
    const reliable = isReliable(this.request, wanted)
    if (reliable && !takesReliable(this.request.headers)) {
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

  /** A PRACK has been dealt with: what waited for it may go out. */
  releaseHeld(): void {
    const held = this.#held
    if (!held || this.#reliable?.holdsSuccess) return
    this.#held = undefined
    this.respond(held.commandId, held.wanted)
  }

  /** An answer of our own; the application is not asked. */
  refuse(status: number, extra: readonly string[] = []): void {
    const { transaction } = this
    if (transaction.finalStatus !== 0) return
    this.#dropHeld()
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

  onFailed(cause: 'timeout' | 'transport'): void {
    // RFC 6026 7.1: the transaction goes on, so the application may still answer, and may get through. If it does not, U,
    // H or the missing ACK of a 2xx ends the request as for any other peer that is gone.
    if (cause === 'transport') return
    this.#parts.context.serving.delete(this.id)
    this.#dropHeld()
    if (this.request.method === 'UPDATE' && this.dialog) this.dialog.openServerUpdate = false
    if (this.request.method !== 'INVITE') return
    this.#closeInvite(0)
    this.application.gaveUp?.(this.id)
  }

  onUnanswered(): void {
    this.#giveUp(408)
  }

  onTerminated(): void {
    this.#parts.context.serving.delete(this.id)
  }

  #compose(wanted: SipResponse, reliable: boolean): SipResponse {
    const { context } = this.#parts
    const extra: string[] = []
    const { status } = wanted
    if (status >= 200 && status < 300 && refreshesSession(this.request.method, this.dialog)) {
      const setting = { policy: context.policy.sessionTimers, current: this.dialog?.session?.agreement }
      this.#agreed = answerSession(this.request.headers, wanted.headers, setting)
      if (this.#agreed) extra.push(...this.#agreed.fields)
    }
    if (reliable) {
      if (!listHas(wanted.headers.get('Require'), '100rel')) extra.push('Require', '100rel')
      extra.push('RSeq', String(this.#reliables().take()))
    }
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
    if (this.#inDialog && this.dialog && status >= 200 && status < 300) {
      this.dialog.state = withRefreshRequest(this.dialog.state, this.request)
    }
    if (status >= 200 && this.request.method === 'INVITE') {
      this.#closeInvite(status)
      if (status < 300) this.#accept(response)
    } else if (status >= 200) this.#finishOther(response)
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
    const { dialog } = this
    if (dialog) {
      // RFC 6141 4.5: a reliable provisional accepts a target refresh as a 2xx does.
      if (this.#inDialog) dialog.state = withRefreshRequest(dialog.state, this.request)
      if (isSdp(response.body)) dialog.localSdp = response.body
    }
    return bytes
  }

  #reliables(): ReliableProvisionals {
    if (this.#reliable) return this.#reliable
    const { context } = this.#parts
    const dialog = this.dialog ?? this.#makeDialog(183)
    this.#reliable = new ReliableProvisionals(
      context.clock,
      context.bases,
      {
        first: 1 + (context.random.bytes(2).readUInt16BE() & 0x7fff),
        invite: sequenceOf(this.request.headers.get('CSeq')),
      },
      (response, again) => {
        if (this.transaction.finalStatus !== 0) return
        if (again) context.counters.repeatedProvisionals++
        const bytes = this.transaction.respond(response)
        this.#onReliableSent?.(bytes)
      },
      // RFC 3262 3: no PRACK in 64*T1 means the INVITE should be refused.
      () => this.#giveUp(504),
    )
    dialog.reliable?.stop()
    dialog.reliable = this.#reliable
    return this.#reliable
  }

  #giveUp(status: number): void {
    this.refuse(status)
    this.application.gaveUp?.(this.id)
  }

  #dropHeld(): void {
    const held = this.#held
    this.#held = undefined
    if (held) this.application.refused(held.commandId, unknownTransaction)
  }

  #formsDialog({ status, headers }: SipResponse): boolean {
    const { method } = this.request
    if (method === 'INVITE') return status > 100 && status < 300
    if (status < 200 || status >= 300) return false
    return method === 'SUBSCRIBE' || (method === 'REFER' && subscribesByRefer(this.request, headers))
  }

  #makeDialog(status: number): Dialog {
    const phase = status >= 200 ? 'confirmed' : 'early'
    if (this.dialog) {
      this.dialog.state = withPhase(this.dialog.state, phase)
      return this.dialog
    }
    const { keeper } = this.#parts
    const kind = this.request.method === 'INVITE' ? 'INVITE' : 'SUBSCRIBE'
    const state = dialogFromRequest(this.request, this.#localTag, phase)
    const dialog = keeper.create(state, kind, this.application, this.transaction.flow, this.id)
    dialog.openServerInvite = kind === 'INVITE'
    dialog.inviteHadOffer = this.request.body.length > 0
    dialog.noteAllow(this.request.headers)
    this.dialog = dialog
    return dialog
  }

  // The INVITE has its final answer (status 0: it never will); an early dialog dies with a refusal.
  #closeInvite(status: number): void {
    const { dialog } = this
    if (!dialog) return
    dialog.openServerInvite = false
    this.#reliable?.settle()
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

  #finishOther(response: SipResponse): void {
    const { keeper } = this.#parts
    const { dialog, request } = this
    if (!dialog) return
    const accepted = response.status < 300
    switch (request.method) {
      case 'BYE':
        this.#parts.onByeAnswered(dialog)
        keeper.endInvite(dialog)
        break
      case 'UPDATE':
        dialog.openServerUpdate = false
        if (accepted && dialog.state.phase === 'confirmed') keeper.armSession(dialog, this.#agreed?.agreement)
        break
      case 'PRACK':
        this.#parts.onPrackAnswered(dialog)
        break
      case 'NOTIFY':
        // RFC 6665 4.4.1: whatever we say to the last one, it is the last.
        if (accepted || isTerminated(request)) noteNotified(keeper, dialog, 'ours', request)
        break
      case 'SUBSCRIBE':
      case 'REFER':
        if (accepted) noteSubscribed(keeper, dialog, 'peers', request, response.headers)
    }
  }
}

// RFC 4028 9: INVITE always; UPDATE once there is a session to be timed.
function refreshesSession(method: string, dialog: Dialog | undefined): boolean {
  return method === 'INVITE' || (method === 'UPDATE' && dialog?.state.phase === 'confirmed')
}
