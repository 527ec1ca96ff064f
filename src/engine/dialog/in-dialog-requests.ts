import { tagOf } from '#src/sip/name-addr.ts'
import type { SipRequest } from '#src/sip/message.ts'
import type { ServerTransaction } from '../transaction/server-transaction.ts'
import { dialogFromNotify, wantedKey, type AwaitedNotifies } from './awaited-notifies.ts'
import { ownResponse } from './compose-response.ts'
import type { Deliveries } from './deliveries.ts'
import type { Dialog } from './dialog.ts'
import type { DialogKeeper } from './dialog-keeper.ts'
import { isOutOfOrder, withRequest } from './dialog-state.ts'
import { eventKey, packageOf, stateExpiresS } from './event-key.ts'
import { glareOf } from './glare.ts'
import { sequenceOf } from './header-values.ts'
import type { RequestContext } from './request-context.ts'
import { isTooShort, leastIntervalS } from './session-agreement.ts'
import { implicitSubscriptionS } from './subscription-usage.ts'

/** What inside a dialog needs of the layer around it. */
export interface InDialogParts {
  context: RequestContext
  keeper: DialogKeeper
  deliveries: Deliveries
  awaited: AwaitedNotifies
}

/** Decides what becomes of a request with a To tag (RFC 3261 12.2.2). */
export class InDialogRequests {
  readonly #context: RequestContext
  readonly #keeper: DialogKeeper
  readonly #deliveries: Deliveries
  readonly #awaited: AwaitedNotifies

  constructor({ context, keeper, deliveries, awaited }: InDialogParts) {
    this.#context = context
    this.#keeper = keeper
    this.#deliveries = deliveries
    this.#awaited = awaited
  }

  receive(transaction: ServerTransaction): void {
    const { request } = transaction
    const dialog = this.dialogOf(request) ?? this.#awaitedDialog(transaction)
    if (dialog === 'later') return
    if (!dialog || dialog.application.gone) {
      this.#deliveries.refuse(transaction, 481)
      if (dialog && request.method === 'BYE') this.#keeper.remove(dialog)
      return
    }
    const sequence = sequenceOf(request.headers.get('CSeq')) ?? 0
    if (isOutOfOrder(dialog.state, sequence)) {
      this.#deliveries.refuse(transaction, 500)
      return
    }
    dialog.state = withRequest(dialog.state, request)
    dialog.flow = transaction.flow
    if (this.#deliveries.refusesBody(transaction, dialog.application) || !this.#mayCome(transaction, dialog))
      return
    if (request.method === 'BYE' && dialog.state.phase === 'early' && dialog.state.role === 'uas') {
      this.#byeBeforeAnswer(transaction, dialog)
      return
    }
    this.#deliveries.deliver(transaction, dialog.application, dialog)
    // RFC 3262 5: an offer in the PRACK is answered before the 2xx that waited for it.
    if (request.method === 'PRACK' && request.body.length === 0) this.prackAnswered(dialog)
  }

  // What its usages allow (RFC 5057) and the state of the session; each refusal leaves both as they are.
  #mayCome(transaction: ServerTransaction, dialog: Dialog): boolean {
    const { request } = transaction
    switch (request.method) {
      case 'INVITE':
      case 'UPDATE':
        return !this.#callIsOver(transaction, dialog) && this.#mayModify(transaction, dialog)
      case 'BYE':
      case 'INFO':
        return !this.#callIsOver(transaction, dialog)
      case 'PRACK':
        if (dialog.reliable?.acknowledge(request.headers.get('RAck'))) return true
        this.#deliveries.refuse(transaction, 481)
        return false
      case 'SUBSCRIBE':
        if (request.headers.has('Event')) return true
        this.#deliveries.refuse(transaction, 489)
        return false
      case 'NOTIFY':
        // RFC 6665 4.1.3. A call may carry NOTIFYs that nobody asked for; the application knows them.
        if (dialog.kind === 'INVITE' && !dialog.inviteOver) return true
        if (dialog.subscriptions?.has('ours', eventKey(request.headers) ?? '')) return true
        this.#deliveries.refuse(transaction, 481)
        return false
      default:
        return true
    }
  }

  #callIsOver(transaction: ServerTransaction, dialog: Dialog): boolean {
    if (dialog.kind === 'INVITE' && !dialog.inviteOver) return false
    this.#deliveries.refuse(transaction, 481)
    return true
  }

  #mayModify(transaction: ServerTransaction, dialog: Dialog): boolean {
    const { request } = transaction
    const glare = glareOf(request, dialog)
    if (glare) {
      const later = ['Retry-After', String(this.#context.random.bytes(1).readUInt8() % 11)]
      this.#deliveries.refuse(transaction, glare.status, glare.later ? later : [])
      return false
    }
    if (isTooShort(request.headers, leastIntervalS(this.#context.policy.sessionTimers))) {
      this.#deliveries.refuseTooShort(transaction)
      return false
    }
    dialog.noteAllow(request.headers)
    if (request.method === 'INVITE') dialog.openServerInvite = true
    else dialog.openServerUpdate = true
    return true
  }

  // RFC 3261 15.1.2: a caller may end a ringing call by BYE; the application hears it as the CANCEL that it knows.
  #byeBeforeAnswer(transaction: ServerTransaction, dialog: Dialog): void {
    transaction.respond(ownResponse(transaction.request, 200, transaction.flow, dialog.state.localTag))
    const invite = this.#context.serving.get(dialog.inviteTransaction)
    if (!invite) {
      this.#keeper.remove(dialog)
      return
    }
    const cancel: SipRequest = {
      ...transaction.request,
      method: 'CANCEL',
      headers: transaction.request.headers.clone(),
    }
    cancel.headers.set('CSeq', `${sequenceOf(invite.request.headers.get('CSeq')) ?? 0} CANCEL`)
    this.#deliveries.tellCancel(invite, cancel, transaction)
    invite.refuse(487)
  }

  // RFC 6665 4.1.2.4, 4.4.1: a NOTIFY may overtake the 2xx of its SUBSCRIBE, then it waits for it; from another fork
  // it makes a dialog of its own.
  #awaitedDialog(transaction: ServerTransaction): Dialog | 'later' | undefined {
    const notify = transaction.request
    if (notify.method !== 'NOTIFY') return undefined
    const request = this.#awaited.find(notify)
    const sent = request?.request
    if (!request || request.application.gone || !sent || !notify.headers.has('Contact')) return undefined
    const key = wantedKey(sent)
    if (packageOf(eventKey(notify.headers) ?? '') !== packageOf(key)) return undefined
    if (!request.over) {
      request.whenAnswered(() => this.receive(transaction))
      return 'later'
    }
    const state = dialogFromNotify(sent, notify)
    if (!this.#keeper.hasRoomForFork(state)) return undefined
    const dialog = this.#keeper.create(state, 'SUBSCRIBE', request.application, transaction.flow, request.id)
    const expiresS = stateExpiresS(notify.headers) ?? implicitSubscriptionS
    this.#keeper.keepSubscription(dialog, 'ours', key, expiresS)
    return dialog
  }

  /** RFC 3261 15.1.2: a re-INVITE that the BYE overtook gets 487, for nobody will answer it any more. */
  byeAnswered(dialog: Dialog): void {
    if (!dialog.openServerInvite) return
    for (const request of [...this.#context.serving.values()]) {
      if (request.dialog === dialog && request.request.method === 'INVITE') request.refuse(487)
    }
  }

  /** A PRACK is dealt with: a 2xx that waited for it may go out (RFC 3262 3). */
  prackAnswered(dialog: Dialog): void {
    this.#context.serving.get(dialog.inviteTransaction)?.releaseHeld()
  }

  /** The dialog that a request of the peer names. */
  dialogOf(request: SipRequest): Dialog | undefined {
    const { headers } = request
    return this.#context.dialogs.find(
      headers.get('Call-ID') ?? '',
      tagOf(headers.get('To') ?? '') ?? '',
      tagOf(headers.get('From') ?? '') ?? '',
    )
  }
}
