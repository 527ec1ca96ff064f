import type { Timer } from '#src/base/clock.ts'
import type { SipRequest, SipResponse } from '#src/sip/message.ts'
import type { ClientTransaction } from '../transaction/client-transaction.ts'
import type { OutgoingRequest, RequestUser } from '../transaction/transaction-layer.ts'
import type { Flow } from '../transport/transport-port.ts'
import type { Application } from './application.ts'
import { localResponse } from './compose-response.ts'
import type { UserAgentContext } from './context.ts'
import type { Dialog } from './dialog.ts'
import { networkMeta, nowhere, sentMeta } from './message-meta.ts'
import { sendCancel } from './send-cancel.ts'

/** Who judges the responses of a request before the application sees them. */
export interface ResponseJudge {
  /** Returns the dialog id to show with the response, or undefined to keep it from the application. */
  judge(response: SipResponse, request: UacRequest): string | undefined
  /** No response came, or none will: the same for what we made ourselves. */
  failed(status: number, request: UacRequest): void
}

/** A request an application sent, until its final response. */
export class UacRequest implements RequestUser {
  readonly id: string
  readonly method: string
  readonly application: Application
  /** Undefined outside dialogs. */
  readonly dialog: Dialog | undefined
  readonly #context: UserAgentContext
  readonly #commandId: string
  readonly #judge: ResponseJudge
  readonly #prepare: (flow: Flow) => SipRequest
  outgoing: OutgoingRequest | undefined
  request: SipRequest | undefined
  flow: Flow | undefined
  cancelled = false
  /** Its first hop can be reached over the peer's own connection only (WebSocket). */
  flowOnly = false
  /** The largest Min-SE that a 422 named, seconds (RFC 4028 7.3). */
  minSeS = 0
  /** Status of the final response; 0 before. */
  finalStatus = 0
  /** Sends the request once more because of a 422 (RFC 4028 7.3); false when that would lead nowhere. */
  again: ((response: SipResponse) => boolean) | undefined
  /** The fork whose 2xx won. */
  winner: Dialog | undefined
  #echoed = false
  #over = false
  #provisional = false
  #heldCancel: { commandId: string; request: SipRequest } | undefined
  #cancelTimer: Timer | undefined
  #whenAnswered: (() => void)[] = []

  constructor(
    context: UserAgentContext,
    application: Application,
    commandId: string,
    method: string,
    dialog: Dialog | undefined,
    prepare: (flow: Flow) => SipRequest,
    judge: ResponseJudge,
  ) {
    this.id = context.random.token(32)
    this.#context = context
    this.application = application
    this.#commandId = commandId
    this.method = method
    this.dialog = dialog
    this.#prepare = prepare
    this.#judge = judge
  }

  get over(): boolean {
    return this.#over
  }

  /** Refuses the command; nothing was or will be sent. */
  refuse(text: string): void {
    if (this.#over) return
    this.#over = true
    this.#context.counters.refusedRequests++
    this.#context.asking.delete(this.id)
    if (!this.#echoed) this.application.refused(this.#commandId, text)
  }

  onSent(request: SipRequest, flow: Flow, bytes: number): void {
    this.request = request
    this.flow = flow
    this.#echo(request, flow, bytes)
  }

  onResponse(response: SipResponse, bytes: number, transaction: ClientTransaction): void {
    this.#provisional = true
    const held = this.#heldCancel
    if (held && response.status < 200) {
      this.#heldCancel = undefined
      this.#sendCancel(held.commandId, held.request)
    }
    const { status } = response
    if (status === 100) return
    if (status === 422 && !this.cancelled && !this.#over && this.again?.(response)) {
      this.#provisional = false
      return
    }
    if (status >= 200) {
      this.#settle()
      this.finalStatus = status
    }
    const dialogId = this.#judge.judge(response, this)
    if (dialogId === undefined) return
    this.application.response(
      networkMeta(transaction.flow, bytes),
      { transaction: this.id, dialog: dialogId },
      this.method === 'INVITE' ? asKnown(response) : response,
    )
    if (this.#over) this.#runWaiting()
  }

  /** Runs `then` once the application has been shown the final response. */
  whenAnswered(then: () => void): void {
    this.#whenAnswered.push(then)
  }

  onFailed(cause: 'timeout' | 'transport'): void {
    if (this.cancelled) this.#fail(487)
    else if (cause === 'timeout') this.#fail(408)
    // RFC 5626 5.3.1: nobody can dial a browser; without its connection there is no way to it.
    else this.#fail(this.flowOnly ? 430 : 503)
  }

  /** `commandId` undefined: our own wish. CANCEL waits for the first provisional (RFC 3261 9.1). */
  cancel(commandId: string | undefined, wanted: SipRequest): void {
    if (this.#over || this.method !== 'INVITE' || !this.request || !this.flow) {
      if (commandId !== undefined)
        this.application.refused(commandId, 'Server error: no transaction to cancel')
      return
    }
    this.cancelled = true
    this.outgoing?.stopFailover()
    if (this.#provisional) this.#sendCancel(commandId ?? '', wanted)
    else this.#heldCancel = { commandId: commandId ?? '', request: wanted }
    // RFC 3261 9.1: after 64*T1 without an answer the client considers it cancelled.
    this.#cancelTimer ??= this.#context.clock.setTimer(64 * this.#context.bases.t1Ms, () => {
      this.outgoing?.transaction?.abandon()
      this.#fail(487)
    })
  }

  /** Lets go without a word: the engine stops. */
  abandon(): void {
    this.#over = true
    this.#cancelTimer?.cancel()
    this.outgoing?.stopFailover()
    this.#context.asking.delete(this.id)
  }

  #sendCancel(commandId: string, wanted: SipRequest): void {
    const invite = this.outgoing?.transaction
    if (!invite) return
    const reasons = wanted.headers.getAll('Reason')
    const { cancel, bytes } = sendCancel(this.#context.transactions, invite, reasons)
    if (commandId === '') return
    this.application.sent(
      commandId,
      sentMeta(invite.flow, bytes),
      { transaction: this.#context.random.token(32), dialog: '' },
      cancel.request,
    )
  }

  #fail(status: number): void {
    if (this.#over) return
    let { request } = this
    if (!request) {
      // Nothing could be opened: the application still has to see the request before its answer.
      const flow = this.#context.nominalFlow()
      request = this.#prepare(flow)
      this.request = request
      this.#echo(request, flow, 0)
    }
    this.#settle()
    this.finalStatus = status
    this.#judge.failed(status, this)
    const dialog = this.dialog?.id ?? ''
    this.application.response(nowhere, { transaction: this.id, dialog }, localResponse(request, status))
    this.#runWaiting()
  }

  #runWaiting(): void {
    for (const then of this.#whenAnswered.splice(0)) then()
  }

  #echo(request: SipRequest, flow: Flow, bytes: number): void {
    if (this.#echoed) return
    this.#echoed = true
    this.application.sent(
      this.#commandId,
      sentMeta(flow, bytes),
      { transaction: this.id, dialog: '' },
      request,
    )
  }

  #settle(): void {
    if (this.#over) return
    this.#over = true
    this.#cancelTimer?.cancel()
    const held = this.#heldCancel
    this.#heldCancel = undefined
    if (held && held.commandId !== '') {
      this.application.refused(held.commandId, 'Server error: the request has its final response')
    }
    this.#context.asking.delete(this.id)
  }
}

// RFC 3261 8.1.3.2: a final response that nobody knows counts as the x00 of its class. An application that knows only the
// 200 of an INVITE (drachtio-srf) acknowledges a 202 and then forgets the call.
function asKnown(response: SipResponse): SipResponse {
  return response.status > 200 && response.status < 300 ? { ...response, status: 200 } : response
}
