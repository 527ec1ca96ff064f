import { SipHeaders, type SipRequest, type SipResponse } from '#src/sip/message.ts'
import type { OutgoingRequest, RequestUser } from '../transaction/transaction-layer.ts'
import type { Flow, Target } from '../transport/transport-port.ts'
import { unsolicited, type Application } from './application.ts'
import { composeAck, composeInDialog } from './compose-request.ts'
import type { UserAgentContext } from './context.ts'
import { Dialog, shouldPin, type AnsweredInvite } from './dialog.ts'
import { nextSequence, routing, withRefreshResponse, type DialogState } from './dialog-state.ts'
import { sequenceOf } from './header-values.ts'
import { acceptSession, SessionTimer, type SessionAgreement } from './session-timer.ts'
import { sentMeta } from './uac-request.ts'

const sdpType = 'application/sdp'

/** Makes, ends and refreshes dialogs, and sends what the engine itself has to say in them. */
export class DialogKeeper {
  readonly #context: UserAgentContext

  constructor(context: UserAgentContext) {
    this.#context = context
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

  /** The flow that in-dialog requests must use, if there is one. */
  pinnedFlow(dialog: Dialog): Flow | undefined {
    return dialog.pinned && !dialog.flow.closed ? dialog.flow : undefined
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
    return this.#context.transactions.send(() => this.#targets(dialog, hop), flow, prepare, user)
  }

  // A softphone's Contact may name a host that nobody else knows; what it called from still reaches it.
  async #targets(dialog: Dialog, hop: string): Promise<readonly Target[]> {
    const targets = await this.#context.resolve(hop).catch(() => [])
    if (targets.length > 0 || dialog.flow.closed) return targets
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
    this.#context.transactions
      .openFlow(() => this.#targets(dialog, routing(dialog.state).nextHop))
      .then(go, onFailed)
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
    if (dialog.state.phase === 'terminated') return
    dialog.state = nextSequence(dialog.state, undefined)
    const { state } = dialog
    const wanted = bareRequest('BYE', ['Reason', `SIP;cause=${cause};text="${text}"`])
    let told = false
    const user: RequestUser = {
      onSent: (request, flow, bytes) => {
        if (!told && tell) this.#tellBye(dialog, request, flow, bytes)
        told = true
      },
      onResponse: () => undefined,
      onFailed: () => {
        if (told || !tell) return
        const flow = this.#context.nominalFlow('')
        this.#tellBye(dialog, composeInDialog(wanted, undefined, flow, state, undefined), flow, 0)
      },
    }
    this.send(
      dialog,
      (flow) => composeInDialog(wanted, undefined, flow, state, this.#context.userAgent),
      undefined,
      undefined,
      user,
    )
    this.remove(dialog)
  }

  /** Starts, restarts or (undefined) stops the session timer of a dialog (RFC 4028). */
  armSession(dialog: Dialog, agreement: SessionAgreement | undefined): void {
    if (!agreement && !dialog.session) return
    dialog.session ??= new SessionTimer(
      this.#context.clock,
      () => this.#refresh(dialog),
      () => {
        this.#context.counters.sessionsExpired++
        this.bye(dialog, 408, 'Session timer expired', true)
      },
    )
    dialog.session.arm(agreement)
  }

  #tellBye(dialog: Dialog, request: SipRequest, flow: Flow, bytes: number): void {
    dialog.application.request(
      sentMeta(flow, bytes),
      { transaction: unsolicited, dialog: dialog.id },
      undefined,
      request,
    )
  }

  // RFC 4028 10: a re-INVITE with the session description in force; the application is not troubled with it.
  #refresh(dialog: Dialog): void {
    if (dialog.state.phase !== 'confirmed') return
    if (dialog.openClientInvite !== undefined || dialog.openServerInvite) {
      dialog.session?.retryAfter(2000)
      return
    }
    const transaction = this.#context.random.token(32)
    dialog.openClientInvite = transaction
    dialog.state = nextSequence(dialog.state, undefined)
    const { state } = dialog
    const body = dialog.localSdp ?? Buffer.alloc(0)
    const fields = ['Supported', 'timer']
    if (body.length > 0) fields.push('Content-Type', sdpType)
    const wanted = { ...bareRequest('INVITE', fields), body }
    let sent: SipRequest | undefined
    const done = (): void => {
      if (dialog.openClientInvite === transaction) dialog.openClientInvite = undefined
    }
    const user: RequestUser = {
      onSent: (request) => {
        sent = request
      },
      onResponse: (response) => {
        if (response.status < 200) return
        done()
        if (dialog.state.phase === 'terminated' || !sent) return
        if (response.status < 300) this.#refreshed(dialog, sent, response)
        else if (response.status === 491) dialog.session?.retryAfter(2100 + Math.floor(this.#spread(1900)))
        else this.bye(dialog, 408, 'Session timer expired', true)
      },
      onFailed: () => {
        done()
        this.bye(dialog, 408, 'Session timer expired', true)
      },
    }
    this.send(
      dialog,
      (flow) => composeInDialog(wanted, undefined, flow, state, this.#context.userAgent),
      undefined,
      undefined,
      user,
    )
  }

  #refreshed(dialog: Dialog, request: SipRequest, response: SipResponse): void {
    const sequence = sequenceOf(request.headers.get('CSeq')) ?? 0
    const before = dialog.answered
    if (before?.request === request) {
      this.repeatAck(before)
      return
    }
    dialog.state = withRefreshResponse(dialog.state, response)
    before?.timer?.cancel()
    dialog.answered = { request, sequence, ack: undefined, timer: undefined, endAfterAck: false }
    this.acknowledge(
      dialog,
      dialog.answered,
      undefined,
      () => undefined,
      () => undefined,
    )
    this.armSession(dialog, acceptSession(response.headers))
  }

  #spread(rangeMs: number): number {
    return (this.#context.random.bytes(2).readUInt16BE() / 65536) * rangeMs
  }
}

/** A request as an application would write it, to be completed by the composer. */
export function bareRequest(method: string, fields: string[] = []): SipRequest {
  return { kind: 'request', method, uri: '', headers: new SipHeaders(fields), body: Buffer.alloc(0) }
}

// An ACK that cannot be sent is asked for again by the next repetition of the 2xx.
const onSendError = (): void => undefined
