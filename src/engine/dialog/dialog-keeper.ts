import { secondsToMs } from '#src/base/clock.ts'
import type { SipRequest } from '#src/sip/message.ts'
import type { OutgoingRequest, RequestUser } from '../transaction/transaction-layer.ts'
import type { Flow, Target } from '../transport/transport-port.ts'
import { unsolicited, type Application } from './application.ts'
import { bareRequest, composeAck, composeInDialog } from './compose-request.ts'
import type { UserAgentContext } from './context.ts'
import { Dialog, shouldPin, type AnsweredInvite } from './dialog.ts'
import { dialogId, nextSequence, routing, type DialogState } from './dialog-state.ts'
import type { SessionAgreement } from './session-agreement.ts'
import { SessionRefresh } from './session-refresh.ts'
import { SessionTimer } from './session-timer.ts'
import { Subscriptions, type SubscriptionSide } from './subscriptions.ts'
import { sentMeta } from './message-meta.ts'

// RFC 5393 5.3.3.1 lets a request fork into 60.
const maxForks = 64

/** Makes, ends and refreshes dialogs, and sends what the engine itself has to say in them. */
export class DialogKeeper {
  readonly #context: UserAgentContext
  readonly #refresh: SessionRefresh

  constructor(context: UserAgentContext) {
    this.#context = context
    this.#refresh = new SessionRefresh(context, {
      send: (dialog, prepare, user) => void this.send(dialog, prepare, undefined, undefined, user),
      acknowledge: (dialog, answered) => this.acknowledge(dialog, answered, undefined, ignore, ignore),
      repeatAck: (answered) => this.repeatAck(answered),
      arm: (dialog, agreement) => this.armSession(dialog, agreement),
      expire: (dialog) => this.#sessionExpired(dialog),
    })
  }

  /** Whether one more fork of a request may have its dialog; a peer can make up as many tags as it likes. */
  hasRoomForFork(state: DialogState): boolean {
    return this.#context.dialogs.forks(dialogId(state)).length < maxForks
  }

  create(
    state: DialogState,
    kind: Dialog['kind'],
    application: Application,
    flow: Flow,
    inviteTransaction: string,
  ): Dialog {
    const dialog = new Dialog(state, kind, application, flow, inviteTransaction)
    dialog.pinned = shouldPin(state, flow)
    this.#context.dialogs.add(dialog)
    return dialog
  }

  /** Takes the dialog out of the table and stops its timers. */
  remove(dialog: Dialog): void {
    this.#context.dialogs.remove(dialog)
    dialog.end()
  }

  /** RFC 5057: the call is over; the dialog stays while a subscription lives in it. */
  endInvite(dialog: Dialog): void {
    if ((dialog.subscriptions?.size ?? 0) > 0 && !dialog.application.gone) dialog.endInvite()
    else this.remove(dialog)
  }

  /** Ends the call when the application does not ask again for what was challenged (RFC 3261 15.1.1, 22.3). */
  endUnlessAskedAgain(dialog: Dialog): void {
    dialog.farewell ??= this.#context.clock.setTimer(64 * this.#context.bases.t1Ms, () =>
      this.endInvite(dialog),
    )
  }

  /**
   * Begins or refreshes a subscription; it is forgotten one transaction life after its end. The last one takes along
   * a dialog that carries no call.
   */
  keepSubscription(dialog: Dialog, side: SubscriptionSide, key: string, expiresS: number): void {
    dialog.subscriptions ??= new Subscriptions(this.#context.clock, () => {
      if (dialog.kind !== 'INVITE' || dialog.inviteOver) this.remove(dialog)
    })
    dialog.subscriptions.keep(side, key, this.#lifeMs(expiresS))
  }

  /** Its notifier says how long it lives on. */
  prolongSubscription(dialog: Dialog, side: SubscriptionSide, key: string, expiresS: number): void {
    dialog.subscriptions?.prolong(side, key, this.#lifeMs(expiresS))
  }

  #lifeMs(expiresS: number): number {
    return secondsToMs(expiresS) + 64 * this.#context.bases.t1Ms
  }

  /** The flow that in-dialog requests must use, if there is one. */
  pinnedFlow(dialog: Dialog): Flow | undefined {
    return dialog.pinned && !dialog.flow.closed && mayCarry(dialog, dialog.flow) ? dialog.flow : undefined
  }

  /** Sends a request in the dialog: to the proxy given, else over the pinned flow, else along the route. */
  send(
    dialog: Dialog,
    prepare: (flow: Flow) => SipRequest,
    target: string | undefined,
    proxyUri: string | undefined,
    user: RequestUser,
  ): OutgoingRequest {
    const hop = proxyUri ?? routing(dialog.state, target).nextHop
    const flow = proxyUri === undefined ? this.pinnedFlow(dialog) : undefined
    // An application that ends a call at once gives ACK and BYE in one breath; the callee knows no BYE before ACK.
    const ack = dialog.answered?.underway
    const targets = (): Promise<readonly Target[]> => this.#targets(dialog, hop)
    return this.#context.transactions.send(ack ? () => ack.then(targets) : targets, flow, prepare, user)
  }

  // A softphone's Contact may name a host that nobody else knows; what it called from still reaches it.
  async #targets(dialog: Dialog, hop: string): Promise<readonly Target[]> {
    const targets = await this.#context.resolve(hop).catch(() => [])
    if (targets.length > 0 || dialog.flow.closed || !mayCarry(dialog, dialog.flow)) return targets
    const { protocol, remoteHost: host, remotePort: port } = dialog.flow
    return [{ protocol, host, port, serverName: undefined }]
  }

  /** Acknowledges the 2xx of an INVITE of ours, with the application's body or none. */
  acknowledge(
    dialog: Dialog,
    answered: AnsweredInvite,
    wanted: SipRequest | undefined,
    onSent: (ack: SipRequest, flow: Flow, bytes: number) => void,
    onFailed: () => void,
  ): void {
    answered.timer?.cancel()
    answered.timer = undefined
    const go = (flow: Flow): void => {
      const ack = composeAck(wanted, answered.request, flow, dialog.state)
      answered.ack = { request: ack, flow }
      const bytes = this.#context.transactions.sendAck(ack, flow, onSendError)
      onSent(ack, flow, bytes)
    }
    const flow = this.pinnedFlow(dialog)
    if (flow) {
      go(flow)
      return
    }
    answered.underway = this.#context.transactions
      .openFlow(() => this.#targets(dialog, routing(dialog.state).nextHop))
      .then(go, onFailed)
      .finally(() => {
        answered.underway = undefined
      })
  }

  /** RFC 3261 13.2.2.4: a repeated 2xx means that our ACK was lost. */
  repeatAck(answered: AnsweredInvite): void {
    this.#context.counters.repeatedSuccess++
    if (answered.ack) this.#context.transactions.sendAck(answered.ack.request, answered.ack.flow, onSendError)
  }

  /**
   * Ends a dialog by our own BYE. `text` becomes the Reason; with `tell` the application sees the BYE as an
   * unsolicited one, which is how it learns that the call is over.
   */
  bye(dialog: Dialog, cause: number, text: string, tell: boolean): void {
    if (dialog.state.phase === 'terminated' || dialog.inviteOver) return
    const wanted = bareRequest('BYE', ['Reason', `SIP;cause=${cause};text="${text}"`])
    const prepare = this.#prepare(dialog, wanted)
    let told = false
    const user: RequestUser = {
      onSent: (request, flow, bytes) => {
        if (!told && tell) this.#tellBye(dialog, request, flow, bytes)
        told = true
      },
      onResponse: () => undefined,
      onFailed: () => {
        if (told || !tell) return
        const flow = this.#context.nominalFlow()
        this.#tellBye(dialog, prepare(flow), flow, 0)
      },
    }
    this.send(dialog, prepare, undefined, undefined, user)
    this.endInvite(dialog)
  }

  /** Sends a request of our own in the dialog, whatever becomes of it. */
  tell(dialog: Dialog, wanted: SipRequest): void {
    this.send(dialog, this.#prepare(dialog, wanted), undefined, undefined, unheard)
  }

  #prepare(dialog: Dialog, wanted: SipRequest): (flow: Flow) => SipRequest {
    dialog.state = nextSequence(dialog.state, undefined)
    const { state } = dialog
    return (flow) => composeInDialog(wanted, undefined, flow, state, this.#context.userAgent)
  }

  /** Starts, restarts or (undefined) stops the session timer of a dialog (RFC 4028). */
  armSession(dialog: Dialog, agreement: SessionAgreement | undefined): void {
    if (!agreement && !dialog.session) return
    dialog.session ??= new SessionTimer(
      this.#context.clock,
      () => this.#refresh.run(dialog),
      () => this.#sessionExpired(dialog),
    )
    dialog.session.arm(agreement)
  }

  // RFC 4028 10: BYE, whoever should have refreshed.
  #sessionExpired(dialog: Dialog): void {
    this.#context.counters.sessionsExpired++
    this.bye(dialog, 408, 'Session timer expired', true)
  }

  #tellBye(dialog: Dialog, request: SipRequest, flow: Flow, bytes: number): void {
    dialog.application.request(
      sentMeta(flow, bytes),
      { transaction: unsolicited, dialog: dialog.id },
      undefined,
      request,
    )
  }
}

// RFC 3261 26.2.2: what began as sips goes over TLS or not at all.
function mayCarry(dialog: Dialog, flow: Flow): boolean {
  return !dialog.state.secure || flow.protocol === 'tls' || flow.protocol === 'wss'
}

const ignore = (): void => undefined
const unheard: RequestUser = { onSent: ignore, onResponse: ignore, onFailed: ignore }

// An ACK that cannot be sent is asked for again by the next repetition of the 2xx.
const onSendError = (): void => undefined
