import type { Timer } from '#src/base/clock.ts'
import type { SipRequest, SipResponse } from '#src/sip/message.ts'
import { tagOf } from '#src/sip/name-addr.ts'
import { unsolicited, type Application, type MessageMeta } from './dialog/application.ts'
import { bareRequest } from './dialog/compose-request.ts'
import { bareResponse } from './dialog/compose-response.ts'
import type { Dialog } from './dialog/dialog.ts'
import type { DialogKeeper } from './dialog/dialog-keeper.ts'
import type { RequestContext } from './dialog/request-context.ts'
import { lastNotify } from './dialog/subscription-usage.ts'
import type { DialogsOfTheLost } from './options.ts'
import type { ServerTransaction } from './transaction/server-transaction.ts'

/** What goes back into the engine when an application is lost. */
export interface LossActions {
  /** Answers a request that an application was given, as that application would. */
  respond(
    this: void,
    client: Application,
    command: { commandId: string; transaction: string; response: SipResponse },
  ): void
  /** Hears of each call that is ended here. */
  abandoned(this: void, dialog: Dialog): void
  /** Hears of each BYE that nobody but the engine took. */
  ended(this: void, bye: SipRequest): void
  /** Takes a request as if it had just come. */
  redeliver(this: void, transaction: ServerTransaction): void
}

const retryAfterS = 2
// What may be done twice without harm, should the lost application have done it already (RFC 3261 10.2, 11).
const harmless = new Set(['REGISTER', 'OPTIONS'])

/**
 * Cleans up behind applications that go away. Whatever waits for an answer gets one at once, so that the peer can
 * try elsewhere; what may be asked twice is asked of another application. Dialogs are ended, or wait for an application of the same name to come back.
 */
export class ApplicationLoss {
  readonly #context: RequestContext
  readonly #keeper: DialogKeeper
  readonly #dialogs: DialogsOfTheLost
  readonly #actions: LossActions
  readonly #waiting = new Set<StandIn>()

  constructor(
    context: RequestContext,
    keeper: DialogKeeper,
    dialogs: DialogsOfTheLost,
    actions: LossActions,
  ) {
    this.#context = context
    this.#keeper = keeper
    this.#dialogs = dialogs
    this.#actions = actions
  }

  /** An application is gone; without a name it can never come back. */
  lost(client: Application, name: string | undefined): void {
    const standIn = name === undefined || this.#dialogs === 'end' ? undefined : this.#standIn(client, name)
    this.#answerOpen(client, standIn !== undefined)
    this.#takeBack(client)
    for (const dialog of this.#dialogsOf(client)) {
      if (standIn && (dialog.kind === 'SUBSCRIBE' || dialog.state.phase === 'confirmed')) {
        dialog.application = standIn
      } else this.#end(dialog)
    }
  }

  /** An application has come; what its predecessor of the same name left is its own. */
  returned(client: Application, name: string): void {
    for (const standIn of [...this.#waiting]) {
      if (standIn.name !== name) continue
      this.#waiting.delete(standIn)
      for (const dialog of this.#dialogsOf(standIn)) dialog.application = client
      standIn.handTo(client)
    }
  }

  /** Forgets who was waited for. */
  stop(): void {
    for (const standIn of this.#waiting) standIn.stop()
    this.#waiting.clear()
  }

  #standIn(client: Application, name: string): StandIn | undefined {
    if (this.#dialogs === 'end' || this.#dialogsOf(client).length === 0) return undefined
    const standIn = new StandIn(name, this.#actions)
    this.#waiting.add(standIn)
    standIn.timer = this.#context.clock.setTimer(this.#dialogs.waitMs, () => {
      this.#waiting.delete(standIn)
      standIn.stop()
      for (const dialog of this.#dialogsOf(standIn)) this.#end(dialog)
    })
    return standIn
  }

  #answerOpen(client: Application, waiting: boolean): void {
    for (const request of [...this.#context.serving.values()]) {
      if (request.application !== client) continue
      const inside = tagOf(request.request.headers.get('To') ?? '') !== undefined
      if (!inside && harmless.has(request.request.method) && request.transaction.finalStatus === 0) {
        this.#context.serving.delete(request.id)
        this.#actions.redeliver(request.transaction)
      } else if (!inside) request.refuse(503)
      // Whoever hangs up is right, with or without an application.
      else if (request.request.method === 'BYE') request.refuse(200)
      else if (waiting) request.refuse(503, ['Retry-After', String(retryAfterS)])
      else request.refuse(481)
    }
  }

  #takeBack(client: Application): void {
    for (const request of [...this.#context.asking.values()]) {
      if (request.application !== client) continue
      // What waits for a connection is not sent at all; nobody would be there to end what it begins.
      if (request.request) request.cancel(undefined, bareRequest('CANCEL'))
      else request.abandon()
    }
  }

  #end(dialog: Dialog): void {
    // What the lost one had subscribed to ends when its next NOTIFY gets 481; its own subscribers would wait in vain.
    for (const key of dialog.subscriptions?.keys('peers') ?? []) {
      this.#keeper.tell(dialog, lastNotify(key, retryAfterS))
    }
    if (dialog.kind !== 'INVITE' || dialog.inviteOver || dialog.state.phase !== 'confirmed') {
      this.#keeper.remove(dialog)
      return
    }
    this.#actions.abandoned(dialog)
    const bye = (): void => this.#keeper.bye(dialog, 503, 'Application gone', false)
    const { accepted, answered } = dialog
    // RFC 3261 13.2.2.4: a 2xx is acknowledged before the call that it began is ended.
    if (answered && !answered.ack) this.#keeper.acknowledge(dialog, answered, undefined, bye, bye)
    // RFC 3261 15: the callee must not send BYE before the ACK is there or given up.
    else if (accepted) dialog.heldBye = bye
    else bye()
  }

  #dialogsOf(client: Application): Dialog[] {
    return this.#context.dialogs.all().filter((dialog) => dialog.application === client)
  }
}

/** Answers for an application that is awaited: BYE is taken, everything else should come again a little later. */
class StandIn implements Application {
  readonly name: string
  readonly readsText = true
  timer: Timer | undefined
  readonly #actions: LossActions
  readonly #ended: { meta: MessageMeta; dialog: string; request: SipRequest }[] = []
  #gone = false

  constructor(name: string, actions: LossActions) {
    this.name = name
    this.#actions = actions
  }

  get gone(): boolean {
    return this.#gone
  }

  /** Tells the returning application which of its dialogs have ended meanwhile. */
  handTo(client: Application): void {
    this.stop()
    for (const { meta, dialog, request } of this.#ended.splice(0)) {
      client.request(
        { ...meta, source: 'application' },
        { transaction: unsolicited, dialog },
        undefined,
        request,
      )
    }
  }

  stop(): void {
    this.#gone = true
    this.timer?.cancel()
  }

  request(
    meta: MessageMeta,
    ids: { transaction: string; dialog: string },
    _receivedOn: { host: string; port: number } | undefined,
    request: SipRequest,
  ): void {
    const { method } = request
    if (method === 'BYE') {
      this.#ended.push({ meta, dialog: ids.dialog, request })
      if (ids.transaction !== unsolicited) this.#actions.ended(request)
    }
    if (method === 'ACK' || method === 'CANCEL' || ids.transaction === unsolicited) return
    const response =
      method === 'BYE' ? bareResponse(200) : bareResponse(503, ['Retry-After', String(retryAfterS)])
    this.#actions.respond(this, { commandId: '', transaction: ids.transaction, response })
  }

  response(): void {
    // Nothing is asked in its name, so nothing is answered.
  }

  sent(): void {
    // Nobody wants a copy of what went out.
  }

  refused(): void {
    // The request was over before it could be answered.
  }
}
