import { tagOf } from '#src/sip/name-addr.ts'
import type { SipRequest, SipResponse } from '#src/sip/message.ts'
import type { ServerTransaction } from '../transaction/server-transaction.ts'
import type { TransactionUser } from '../transaction/transaction-layer.ts'
import type { Flow } from '../transport/transport-port.ts'
import type { Application } from './application.ts'
import { ownResponse } from './compose-response.ts'
import type { RequestContext } from './request-context.ts'
import type { Dialog } from './dialog.ts'
import { isOutOfOrder, withRequest } from './dialog-state.ts'
import type { DialogKeeper } from './dialog-keeper.ts'
import { listHas, sequenceOf } from './header-values.ts'
import { MergedRequests } from './merged-requests.ts'
import type { ResponseJudges } from './response-judges.ts'
import { isTooShort, minimumIntervalS } from './session-timer.ts'
import { networkMeta, type UacRequest } from './uac-request.ts'
import { formsDialog, UasRequest, type UasParts } from './uas-request.ts'

// RFC 3261 8.2.1: what an application may be given outside dialogs without having asked for it by name.
const commonMethods = new Set([
  'INVITE',
  'REGISTER',
  'MESSAGE',
  'OPTIONS',
  'INFO',
  'NOTIFY',
  'SUBSCRIBE',
  'PUBLISH',
])
const insideOnly = new Set(['BYE', 'UPDATE', 'PRACK'])

/** Decides what becomes of each request from the network. */
export class NetworkRequests implements TransactionUser {
  readonly #context: RequestContext
  readonly #keeper: DialogKeeper
  readonly #judges: ResponseJudges
  readonly #parts: UasParts
  readonly #merged = new MergedRequests()

  constructor(context: RequestContext, keeper: DialogKeeper, judges: ResponseJudges) {
    this.#context = context
    this.#keeper = keeper
    this.#judges = judges
    this.#parts = {
      context,
      keeper,
      judges,
      onAck: (ack, transaction, bytes) => this.onAck(ack, transaction.flow, bytes),
    }
  }

  onRequest(transaction: ServerTransaction): void {
    const { request } = transaction
    const problem = problemOf(request)
    if (problem !== undefined) this.#refuse(transaction, 400)
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
    // RFC 3261 12.1.1: without a Contact no dialog can be made.
    if (formsDialog(method) && !request.headers.has('Contact')) {
      this.#refuse(transaction, 400)
      return
    }
    if (method === 'REGISTER' && isBadWildcard(request)) {
      this.#refuse(transaction, 400)
      return
    }
    const application = this.#context.applications.choose(method.toLowerCase())
    if (application) this.#deliver(transaction, application, undefined)
    else if (commonMethods.has(method)) this.#refuse(transaction, 503)
    else this.#refuse(transaction, method === 'REFER' ? 405 : 501)
  }

  #inside(transaction: ServerTransaction): void {
    const { request } = transaction
    const dialog = this.#dialogOf(request)
    const subscribe = dialog ? undefined : this.#openSubscribe(request)
    if (subscribe) {
      // RFC 6665 4.1.2.4: a NOTIFY may overtake the 200 of its SUBSCRIBE; it waits for it.
      subscribe.whenAnswered(() => this.#inside(transaction))
      return
    }
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
    if (request.method === 'INVITE' || request.method === 'UPDATE') {
      if (!this.#mayModify(transaction, dialog)) return
    }
    dialog.state = withRequest(dialog.state, request)
    dialog.flow = transaction.flow
    if (request.method === 'PRACK' && !this.#acknowledges(dialog, request)) {
      this.#refuse(transaction, 481)
      return
    }
    if (request.method === 'BYE' && dialog.state.phase === 'early' && dialog.state.role === 'uas') {
      this.#byeBeforeAnswer(transaction, dialog)
      return
    }
    this.#deliver(transaction, dialog.application, dialog)
  }

  // RFC 3261 14.2, RFC 3311 5.2: one offer at a time; each refusal leaves the session as it is.
  #mayModify(transaction: ServerTransaction, dialog: Dialog): boolean {
    const { request } = transaction
    const invite = request.method === 'INVITE'
    if (invite && !request.headers.has('Contact')) {
      this.#refuse(transaction, 400)
      return false
    }
    if (invite && dialog.openServerInvite) {
      this.#refuse(transaction, 500, ['Retry-After', String(this.#context.random.bytes(1).readUInt8() % 11)])
      return false
    }
    const confirmed = dialog.state.phase === 'confirmed'
    if (dialog.openClientInvite !== undefined && confirmed && (invite || request.body.length > 0)) {
      this.#refuse(transaction, 491)
      return false
    }
    if (isTooShort(request.headers) && listHas(request.headers.get('Supported'), 'timer')) {
      this.#refuse(transaction, 422, ['Min-SE', String(minimumIntervalS)])
      return false
    }
    if (invite) dialog.openServerInvite = true
    return true
  }

  #acknowledges(dialog: Dialog, prack: SipRequest): boolean {
    const invite = this.#context.serving.get(dialog.inviteTransaction)
    const sequence = sequenceOf(invite?.request.headers.get('CSeq'))
    return dialog.reliable?.acknowledge(prack.headers.get('RAck'), sequence) ?? false
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

  #openSubscribe(notify: SipRequest): UacRequest | undefined {
    if (notify.method !== 'NOTIFY') return undefined
    const callId = notify.headers.get('Call-ID')
    const tag = tagOf(notify.headers.get('To') ?? '')
    for (const request of this.#context.asking.values()) {
      if (request.method !== 'SUBSCRIBE' || request.dialog) continue
      const sent = request.request?.headers
      if (sent?.get('Call-ID') === callId && tagOf(sent?.get('From') ?? '') === tag) return request
    }
    return undefined
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

function problemOf(request: SipRequest): string | undefined {
  const { headers } = request
  if (!headers.has('Call-ID')) return 'no Call-ID'
  if (tagOf(headers.get('From') ?? '') === undefined) return 'no From tag'
  return undefined
}

// RFC 3261 10.3: the wildcard stands alone and with Expires: 0, else bindings would be lost by accident.
function isBadWildcard(request: SipRequest): boolean {
  const contacts = request.headers.getAll('Contact')
  if (!contacts.some((contact) => contact.trim() === '*')) return false
  return contacts.length > 1 || request.headers.get('Expires')?.trim() !== '0'
}
