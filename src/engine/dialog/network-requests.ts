import { isUtf8 } from 'node:buffer'
import { tagOf } from '#src/sip/name-addr.ts'
import type { SipRequest, SipResponse } from '#src/sip/message.ts'
import type { ServerTransaction } from '../transaction/server-transaction.ts'
import type { TransactionUser } from '../transaction/transaction-layer.ts'
import type { Flow } from '../transport/transport-port.ts'
import type { Application } from './application.ts'
import { ownResponse } from './compose-response.ts'
import type { RequestContext } from './request-context.ts'
import type { Dialog } from './dialog.ts'
import { dialogFromNotify, wantedKey, type AwaitedNotifies } from './awaited-notifies.ts'
import { isOutOfOrder, withRequest } from './dialog-state.ts'
import type { DialogKeeper } from './dialog-keeper.ts'
import { eventKey, packageOf, stateExpiresS } from './event-key.ts'
import { glareOf } from './glare.ts'
import { sequenceOf } from './header-values.ts'
import { inspectOutside, inspectRequest } from './inspect-request.ts'
import { MergedRequests } from './merged-requests.ts'
import { judgeReplaces, replacedDialogHeader } from './replaces.ts'
import { implicitSubscriptionS, type ResponseJudges } from './response-judges.ts'
import { isTooShort, leastIntervalS } from './session-agreement.ts'
import { networkMeta } from './uac-request.ts'
import { UasRequest, type UasParts } from './uas-request.ts'

// RFC 3261 8.2.1: methods that everybody knows; one of them that nobody serves is 405, any other 501.
const knownMethods = new Set([
  'INVITE',
  'REGISTER',
  'MESSAGE',
  'OPTIONS',
  'INFO',
  'NOTIFY',
  'SUBSCRIBE',
  'PUBLISH',
  'REFER',
])
const insideOnly = new Set(['BYE', 'UPDATE', 'PRACK'])

/** Decides what becomes of each request from the network. */
export class NetworkRequests implements TransactionUser {
  readonly #context: RequestContext
  readonly #keeper: DialogKeeper
  readonly #judges: ResponseJudges
  readonly #parts: UasParts
  readonly #merged = new MergedRequests()
  readonly #awaited: AwaitedNotifies
  readonly #extensions: ReadonlySet<string> | undefined

  constructor(
    context: RequestContext,
    keeper: DialogKeeper,
    judges: ResponseJudges,
    awaited: AwaitedNotifies,
  ) {
    this.#context = context
    this.#keeper = keeper
    this.#judges = judges
    this.#awaited = awaited
    const { extensions } = context.policy
    this.#extensions = extensions && new Set(extensions.map((tag) => tag.toLowerCase()))
    this.#parts = {
      context,
      keeper,
      onAck: (ack, transaction, bytes) => this.onAck(ack, transaction.flow, bytes),
      onPrackAnswered: (dialog) => context.serving.get(dialog.inviteTransaction)?.releaseHeld(),
    }
  }

  onRequest(transaction: ServerTransaction): void {
    const { request } = transaction
    const problem = inspectRequest(request, this.#extensions)
    if (problem) this.#refuse(transaction, problem.status, problem.fields)
    // A REGISTER never belongs to a dialog; some phones repeat the tag of our last answer.
    else if (request.method === 'REGISTER' || tagOf(request.headers.get('To') ?? '') === undefined)
      this.#outside(transaction)
    else this.#inside(transaction)
  }

  onCancel(transaction: ServerTransaction, invite: ServerTransaction | undefined): void {
    const user = invite?.user
    if (!invite || !(user instanceof UasRequest)) {
      this.#refuse(transaction, invite && invite.finalStatus >= 300 ? 200 : 481)
      return
    }
    if (invite.finalStatus === 0) {
      transaction.respond(ownResponse(transaction.request, 200, transaction.flow, user.tag))
      this.#tellCancel(user, transaction.request, transaction)
      user.refuse(487)
      return
    }
    const dialog = user.dialog
    if (invite.finalStatus < 300 && dialog?.accepted && dialog.inviteTransaction === user.id) {
      // The caller never saw our 2xx and gives up: a call that nobody is in must not stay.
      this.#refuse(transaction, 481)
      dialog.accepted.stop()
      dialog.accepted = undefined
      this.#keeper.bye(dialog, 487, 'CANCEL after 200 OK', true)
      return
    }
    transaction.respond(ownResponse(transaction.request, 200, transaction.flow, user.tag))
  }

  onAck(ack: SipRequest, flow: Flow, bytes: number): void {
    const dialog = this.#dialogOf(ack)
    if (!dialog?.accepted) return
    if (sequenceOf(ack.headers.get('CSeq')) !== dialog.acceptedSequence) return
    dialog.accepted.stop()
    dialog.accepted = undefined
    if (!flow.closed) dialog.flow = flow
    dialog.application.request(
      networkMeta(flow, bytes),
      { transaction: dialog.inviteTransaction, dialog: dialog.id },
      undefined,
      ack,
    )
    const held = dialog.heldBye
    dialog.heldBye = undefined
    held?.()
  }

  onStraySuccess(response: SipResponse): void {
    this.#judges.straySuccess(response)
  }

  #outside(transaction: ServerTransaction): void {
    const { request } = transaction
    const { method } = request
    if (insideOnly.has(method)) {
      this.#refuse(transaction, 481)
      return
    }
    if (!this.#merged.admit(transaction)) {
      this.#context.counters.mergedRequests++
      this.#refuse(transaction, 482)
      return
    }
    const application = this.#context.applications.choose(method.toLowerCase())
    if (!application) {
      this.#unserved(transaction)
      return
    }
    const problem = inspectOutside(request)
    if (problem) {
      this.#refuse(transaction, problem.status, problem.fields)
      return
    }
    if (method !== 'INVITE') {
      this.#give(transaction, application)
      return
    }
    const { sessionTimers } = this.#context.policy
    if (sessionTimers && isTooShort(request.headers, leastIntervalS(sessionTimers))) {
      this.#tooShort(transaction)
      return
    }
    request.headers.remove(replacedDialogHeader)
    if (request.headers.has('Replaces')) this.#replaces(transaction, application)
    else this.#give(transaction, application)
  }

  // RFC 3261 8.2.1: 405 says what is served. What was served before is missing for the moment only.
  #unserved(transaction: ServerTransaction): void {
    const { method } = transaction.request
    const { applications } = this.#context
    const served = applications.methods()
    if (!knownMethods.has(method)) this.#refuse(transaction, 501)
    else if (served.length === 0 || applications.everServed(method.toLowerCase()))
      this.#refuse(transaction, 503)
    else this.#refuse(transaction, 405, ['Allow', allowOf(served)])
  }

  #give(transaction: ServerTransaction, application: Application): void {
    if (!this.#isUnreadable(transaction, application)) this.#deliver(transaction, application, undefined)
  }

  // drachtio's wire is UTF-8 text: other bytes would reach the application, and through it the other leg, as rubble.
  // A call that is to end ends all the same.
  #isUnreadable(transaction: ServerTransaction, application: Application): boolean {
    const { body, method } = transaction.request
    if (body.length === 0 || !application.readsText || method === 'BYE' || isUtf8(body)) return false
    this.#refuse(transaction, 415, ['Accept', '*/*;charset=UTF-8'])
    return true
  }

  // RFC 3891 3; an application is told which of its dialogs is meant, and gets the INVITE before any other.
  #replaces(transaction: ServerTransaction, chosen: Application): void {
    const { request } = transaction
    const verdict = judgeReplaces(request.headers, this.#context.dialogs)
    if ('dialog' in verdict && !verdict.dialog.application.gone) {
      request.headers.append(replacedDialogHeader, verdict.dialog.id)
      this.#give(transaction, verdict.dialog.application)
    } else if (this.#context.policy.replaces !== 'engine') this.#give(transaction, chosen)
    else this.#refuse(transaction, 'status' in verdict ? verdict.status : 481)
  }

  #tooShort(transaction: ServerTransaction): void {
    const minSeS = leastIntervalS(this.#context.policy.sessionTimers)
    this.#refuse(transaction, 422, ['Min-SE', String(minSeS)])
  }

  #inside(transaction: ServerTransaction): void {
    const { request } = transaction
    const dialog = this.#dialogOf(request) ?? this.#awaitedDialog(transaction)
    if (dialog === 'later') return
    if (!dialog || dialog.application.gone) {
      this.#refuse(transaction, 481)
      if (dialog && request.method === 'BYE') this.#keeper.remove(dialog)
      return
    }
    const sequence = sequenceOf(request.headers.get('CSeq')) ?? 0
    if (isOutOfOrder(dialog.state, sequence)) {
      this.#refuse(transaction, 500)
      return
    }
    dialog.state = withRequest(dialog.state, request)
    dialog.flow = transaction.flow
    if (this.#isUnreadable(transaction, dialog.application) || !this.#mayCome(transaction, dialog)) return
    if (request.method === 'BYE' && dialog.state.phase === 'early' && dialog.state.role === 'uas') {
      this.#byeBeforeAnswer(transaction, dialog)
      return
    }
    this.#deliver(transaction, dialog.application, dialog)
    // RFC 3262 5: an offer in the PRACK is answered before the 2xx that waited for it.
    if (request.method === 'PRACK' && request.body.length === 0) this.#parts.onPrackAnswered(dialog)
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
        this.#refuse(transaction, 481)
        return false
      case 'SUBSCRIBE':
        if (request.headers.has('Event')) return true
        this.#refuse(transaction, 489)
        return false
      case 'NOTIFY':
        // RFC 6665 4.1.3. A call may carry NOTIFYs that nobody asked for; the application knows them.
        if (dialog.kind === 'INVITE' && !dialog.inviteOver) return true
        if (dialog.subscriptions?.has('ours', eventKey(request.headers) ?? '')) return true
        this.#refuse(transaction, 481)
        return false
      default:
        return true
    }
  }

  #callIsOver(transaction: ServerTransaction, dialog: Dialog): boolean {
    if (dialog.kind === 'INVITE' && !dialog.inviteOver) return false
    this.#refuse(transaction, 481)
    return true
  }

  #mayModify(transaction: ServerTransaction, dialog: Dialog): boolean {
    const { request } = transaction
    const glare = glareOf(request, dialog)
    if (glare) {
      const later = ['Retry-After', String(this.#context.random.bytes(1).readUInt8() % 11)]
      this.#refuse(transaction, glare.status, glare.later ? later : [])
      return false
    }
    if (isTooShort(request.headers, leastIntervalS(this.#context.policy.sessionTimers))) {
      this.#tooShort(transaction)
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
    this.#tellCancel(invite, cancel, transaction)
    invite.refuse(487)
  }

  #tellCancel(invite: UasRequest, cancel: SipRequest, transaction: ServerTransaction): void {
    invite.application.request(
      networkMeta(transaction.flow, transaction.receivedBytes),
      { transaction: invite.id, dialog: invite.dialog?.id ?? '' },
      undefined,
      cancel,
    )
  }

  #deliver(transaction: ServerTransaction, application: Application, dialog: Dialog | undefined): void {
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

  // RFC 6665 4.1.2.4, 4.4.1: a NOTIFY may overtake the 2xx of its SUBSCRIBE, then it waits for it; from another fork
  // it makes a dialog of its own.
  #awaitedDialog(transaction: ServerTransaction): Dialog | 'later' | undefined {
    const notify = transaction.request
    if (notify.method !== 'NOTIFY') return undefined
    const request = this.#awaited.find(notify)
    const sent = request?.request
    if (!request || !sent || !notify.headers.has('Contact')) return undefined
    const key = wantedKey(sent)
    if (packageOf(eventKey(notify.headers) ?? '') !== packageOf(key)) return undefined
    if (!request.over) {
      request.whenAnswered(() => this.#inside(transaction))
      return 'later'
    }
    const state = dialogFromNotify(sent, notify)
    const dialog = this.#keeper.create(state, 'SUBSCRIBE', request.application, transaction.flow, request.id)
    const expiresS = stateExpiresS(notify.headers) ?? implicitSubscriptionS
    this.#keeper.keepSubscription(dialog, 'ours', key, expiresS)
    return dialog
  }

  #dialogOf(request: SipRequest): Dialog | undefined {
    const { headers } = request
    return this.#context.dialogs.find(
      headers.get('Call-ID') ?? '',
      tagOf(headers.get('To') ?? '') ?? '',
      tagOf(headers.get('From') ?? '') ?? '',
    )
  }

  #refuse(transaction: ServerTransaction, status: number, extra: readonly string[] = []): void {
    const tag = this.#context.random.token(16)
    transaction.respond(ownResponse(transaction.request, status, transaction.flow, tag, extra))
  }
}

// The engine itself serves what belongs to dialogs (RFC 3261 20.5).
function allowOf(served: readonly string[]): string {
  const methods = new Set(served.map((method) => method.toUpperCase()))
  if (methods.has('INVITE'))
    for (const method of ['ACK', 'CANCEL', 'BYE', 'PRACK', 'UPDATE']) methods.add(method)
  return [...methods].sort().join(', ')
}
