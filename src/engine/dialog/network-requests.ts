import { tagOf } from '#src/sip/name-addr.ts'
import type { SipRequest, SipResponse } from '#src/sip/message.ts'
import type { ServerTransaction } from '../transaction/server-transaction.ts'
import type { TransactionUser } from '../transaction/transaction-layer.ts'
import type { Flow } from '../transport/transport-port.ts'
import type { Application } from './application.ts'
import type { AwaitedNotifies } from './awaited-notifies.ts'
import { ownResponse } from './compose-response.ts'
import { Deliveries } from './deliveries.ts'
import type { DialogKeeper } from './dialog-keeper.ts'
import { sequenceOf } from './header-values.ts'
import { InDialogRequests } from './in-dialog-requests.ts'
import { inspectOutside, inspectRequest } from './inspect-request.ts'
import { MergedRequests } from './merged-requests.ts'
import { judgeReplaces, replacedDialogHeader } from './replaces.ts'
import type { RequestContext } from './request-context.ts'
import type { ResponseJudges } from './response-judges.ts'
import { isTooShort, leastIntervalS } from './session-agreement.ts'
import { networkMeta } from './message-meta.ts'
import { UasRequest } from './uas-request.ts'

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
  readonly #deliveries: Deliveries
  readonly #inside: InDialogRequests
  readonly #merged = new MergedRequests()
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
    const { extensions } = context.policy
    this.#extensions = extensions && new Set(extensions.map((tag) => tag.toLowerCase()))
    this.#deliveries = new Deliveries(context, {
      context,
      keeper,
      onAck: (ack, transaction, bytes) => this.onAck(ack, transaction.flow, bytes),
      onByeAnswered: (dialog) => this.#inside.byeAnswered(dialog),
      onPrackAnswered: (dialog) => this.#inside.prackAnswered(dialog),
    })
    this.#inside = new InDialogRequests({ context, keeper, deliveries: this.#deliveries, awaited })
  }

  onRequest(transaction: ServerTransaction): void {
    const { request } = transaction
    const problem = inspectRequest(request, this.#extensions)
    if (problem) this.#deliveries.refuse(transaction, problem.status, problem.fields)
    // A REGISTER never belongs to a dialog; some phones repeat the tag of our last answer.
    else if (request.method === 'REGISTER' || tagOf(request.headers.get('To') ?? '') === undefined)
      this.#outside(transaction)
    else this.#inside.receive(transaction)
  }

  onCancel(transaction: ServerTransaction, invite: ServerTransaction | undefined): void {
    const user = invite?.user
    if (!invite || !(user instanceof UasRequest)) {
      this.#deliveries.refuse(transaction, invite && invite.finalStatus >= 300 ? 200 : 481)
      return
    }
    if (invite.finalStatus === 0) {
      transaction.respond(ownResponse(transaction.request, 200, transaction.flow, user.tag))
      this.#deliveries.tellCancel(user, transaction.request, transaction)
      user.refuse(487)
      return
    }
    const dialog = user.dialog
    if (invite.finalStatus < 300 && dialog?.accepted && dialog.inviteTransaction === user.id) {
      // The caller never saw our 2xx and gives up: a call that nobody is in must not stay.
      this.#deliveries.refuse(transaction, 481)
      dialog.accepted.stop()
      dialog.accepted = undefined
      this.#keeper.bye(dialog, 487, 'CANCEL after 200 OK', true)
      return
    }
    transaction.respond(ownResponse(transaction.request, 200, transaction.flow, user.tag))
  }

  onAck(ack: SipRequest, flow: Flow, bytes: number): void {
    const dialog = this.#inside.dialogOf(ack)
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
      this.#deliveries.refuse(transaction, 481)
      return
    }
    const key = this.#merged.admit(transaction)
    if (key === undefined) {
      this.#context.counters.mergedRequests++
      this.#deliveries.refuse(transaction, 482)
      return
    }
    this.#serve(transaction)
    this.#merged.remember(key, transaction)
  }

  #serve(transaction: ServerTransaction): void {
    const { request } = transaction
    const { method } = request
    const application = this.#context.applications.choose(method.toLowerCase())
    if (!application) {
      this.#unserved(transaction)
      return
    }
    const problem = inspectOutside(request)
    if (problem) {
      this.#deliveries.refuse(transaction, problem.status, problem.fields)
      return
    }
    if (method !== 'INVITE') {
      this.#give(transaction, application)
      return
    }
    const { sessionTimers } = this.#context.policy
    if (sessionTimers && isTooShort(request.headers, leastIntervalS(sessionTimers))) {
      this.#deliveries.refuseTooShort(transaction)
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
    if (!knownMethods.has(method)) this.#deliveries.refuse(transaction, 501)
    else if (served.length === 0 || applications.everServed(method.toLowerCase()))
      this.#deliveries.refuse(transaction, 503)
    else this.#deliveries.refuse(transaction, 405, ['Allow', allowOf(served)])
  }

  #give(transaction: ServerTransaction, application: Application): void {
    if (!this.#deliveries.refusesBody(transaction, application))
      this.#deliveries.deliver(transaction, application, undefined)
  }

  // RFC 3891 3; an application is told which of its dialogs is meant, and gets the INVITE before any other.
  #replaces(transaction: ServerTransaction, chosen: Application): void {
    const { request } = transaction
    const verdict = judgeReplaces(request.headers, this.#context.dialogs)
    if ('dialog' in verdict && !verdict.dialog.application.gone) {
      request.headers.append(replacedDialogHeader, verdict.dialog.id)
      this.#give(transaction, verdict.dialog.application)
    } else if (this.#context.policy.replaces !== 'engine') this.#give(transaction, chosen)
    else this.#deliveries.refuse(transaction, 'status' in verdict ? verdict.status : 481)
  }
}

// The engine itself serves what belongs to dialogs (RFC 3261 20.5).
function allowOf(served: readonly string[]): string {
  const methods = new Set(served.map((method) => method.toUpperCase()))
  if (methods.has('INVITE'))
    for (const method of ['ACK', 'CANCEL', 'BYE', 'PRACK', 'UPDATE']) methods.add(method)
  return [...methods].sort().join(', ')
}
