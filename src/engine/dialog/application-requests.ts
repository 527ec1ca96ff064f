import { parseUri } from '#src/sip/uri.ts'
import { tagOf, uriOf } from '#src/sip/name-addr.ts'
import type { SipRequest } from '#src/sip/message.ts'
import type { Target, TransportProtocol } from '../transport/transport-port.ts'
import type { Application } from './application.ts'
import { composeInDialog, composeRequest } from './compose-request.ts'
import { isSdp } from './compose-response.ts'
import type { RequestContext } from './request-context.ts'
import type { Dialog } from './dialog.ts'
import { nextSequence } from './dialog-state.ts'
import { bareRequest, type DialogKeeper } from './dialog-keeper.ts'
import { sequenceOf, uriParameter } from './header-values.ts'
import { preloadedRoute } from './preloaded-route.ts'
import type { ResponseJudges } from './response-judges.ts'
import { sentMeta, UacRequest } from './uac-request.ts'

/** One `sip` command that is a request. */
export interface RequestCommand {
  commandId: string
  /** Names the INVITE to cancel. */
  transaction: string
  dialog: string
  proxyUri: string | undefined
  request: SipRequest
}

const noDialog = 'Server error: unable to find dialog for dialog id provided'
/** RFC 7118 knows only `ws` in URIs; `wss` is what the hop to a phone's own connection says. */
const transports: ReadonlySet<string> = new Set<TransportProtocol>(['udp', 'tcp', 'tls', 'ws', 'wss'])
const inDialogMethods = new Set(['BYE', 'INFO', 'NOTIFY', 'REFER', 'UPDATE', 'PRACK', 'ACK', 'MESSAGE'])

/** Turns what applications ask for into requests on the network. */
export class ApplicationRequests {
  readonly #context: RequestContext
  readonly #keeper: DialogKeeper
  readonly #judges: ResponseJudges

  constructor(context: RequestContext, keeper: DialogKeeper, judges: ResponseJudges) {
    this.#context = context
    this.#keeper = keeper
    this.#judges = judges
  }

  /** Dispatches in the order of the protocol: dialog, CANCEL, Call-ID of a live dialog, new request. */
  handle(application: Application, command: RequestCommand): void {
    const { request } = command
    if (command.dialog !== '') {
      const dialog = this.#context.dialogs.findById(command.dialog)
      if (dialog && dialog.application === application) this.#inDialog(application, command, dialog)
      else this.#noDialog(application, command)
      return
    }
    if (command.transaction !== '') {
      const invite = this.#context.asking.get(command.transaction)
      if (request.method !== 'CANCEL' || invite?.application !== application) {
        application.refused(command.commandId, 'Server error: unknown transaction')
      } else invite.cancel(command.commandId, request)
      return
    }
    const dialog = this.#byCallId(application, request)
    if (dialog) this.#inDialog(application, command, dialog)
    else if (request.method === 'ACK' || request.method === 'PRACK') this.#noDialog(application, command)
    else this.#outside(application, command)
  }

  #noDialog(application: Application, command: RequestCommand): void {
    // The library sends ACK after each final response, also where the transaction has done it.
    const text =
      command.request.method === 'ACK'
        ? 'Server error: ACK for non-success final response is automatically generated'
        : noDialog
    application.refused(command.commandId, text)
  }

  #byCallId(application: Application, request: SipRequest): Dialog | undefined {
    const callId = request.headers.get('Call-ID')
    if (callId === undefined || !inDialogMethods.has(request.method)) return undefined
    const tag = tagOf(request.headers.get('From') ?? '')
    if (tag === undefined) return undefined
    const dialog = this.#context.dialogs.findById(`${callId};from-tag=${tag}`)
    return dialog?.application === application && dialog.state.phase === 'confirmed' ? dialog : undefined
  }

  #outside(application: Application, command: RequestCommand): void {
    const routes = preloadedRoute(command.request.headers, this.#context.listeners())
    const firstHop = command.proxyUri ?? (routes[0] === undefined ? undefined : uriOf(routes[0]))
    const wanted = this.#checked(application, command, firstHop)
    if (!wanted) return
    const { headers } = wanted
    const identity = {
      callId: headers.get('Call-ID') ?? `${this.#context.random.token(24)}`,
      fromTag: this.#context.random.token(16),
      // Large, so that a digest retry and a restart never meet a number of before; below 2^31 by far.
      sequence: sequenceOf(headers.get('CSeq')) ?? this.#firstSequence(),
      routes,
    }
    const request = new UacRequest(
      this.#context,
      application,
      command.commandId,
      wanted.method,
      undefined,
      (flow) => composeRequest(wanted, flow, identity, this.#context.userAgent),
      this.#judges.outside,
    )
    this.#context.asking.set(request.id, request)
    const hop = firstHop ?? wanted.uri
    request.outgoing = this.#context.transactions.send(
      async () => this.#notToMyself(await this.#context.resolve(hop), request),
      undefined,
      (flow) => composeRequest(wanted, flow, identity, this.#context.userAgent),
      request,
    )
  }

  #inDialog(application: Application, command: RequestCommand, dialog: Dialog): void {
    const { request: wanted } = command
    if (wanted.method === 'ACK') {
      this.#acknowledge(application, command, dialog)
      return
    }
    if (wanted.method === 'CANCEL') {
      application.refused(command.commandId, 'Server error: CANCEL needs a transaction id')
      return
    }
    if (!this.#hasType(application, command)) return
    if (wanted.method === 'BYE') {
      this.#bye(application, command, dialog)
      return
    }
    this.#sendInDialog(application, command, dialog)
  }

  #bye(application: Application, command: RequestCommand, dialog: Dialog): void {
    const pending = dialog.openClientInvite
    if (pending !== undefined) this.#context.asking.get(pending)?.cancel(undefined, bareRequest('CANCEL'))
    if (dialog.accepted) {
      // RFC 3261 15: the callee must not send BYE before the ACK is there or given up.
      dialog.heldBye = () => {
        if (dialog.state.phase === 'terminated') application.refused(command.commandId, noDialog)
        else this.#sendInDialog(application, command, dialog)
      }
      return
    }
    this.#sendInDialog(application, command, dialog)
  }

  #sendInDialog(application: Application, command: RequestCommand, dialog: Dialog): void {
    const { request: wanted } = command
    const given = wanted.uri
    const target = given === '' || given === 'sip:placeholder' ? undefined : given
    dialog.state = nextSequence(dialog.state, sequenceOf(wanted.headers.get('CSeq')))
    const { state } = dialog
    const isPrack = wanted.method === 'PRACK'
    const owner = isPrack ? (this.#judges.forkOfPrack(dialog, wanted) ?? dialog) : dialog
    if (owner !== dialog) owner.state = { ...owner.state, localSequence: state.localSequence }
    const sent = owner === dialog ? state : owner.state
    const request = new UacRequest(
      this.#context,
      application,
      command.commandId,
      wanted.method,
      owner,
      (flow) => composeInDialog(wanted, target, flow, sent, this.#context.userAgent),
      this.#judges.inside,
    )
    this.#context.asking.set(request.id, request)
    if (wanted.method === 'INVITE') owner.openClientInvite = request.id
    if (isSdp(wanted.body)) owner.localSdp = wanted.body
    request.outgoing = this.#keeper.send(
      owner,
      (flow) => composeInDialog(wanted, target, flow, sent, this.#context.userAgent),
      target,
      command.proxyUri,
      request,
    )
  }

  #acknowledge(application: Application, command: RequestCommand, dialog: Dialog): void {
    const { answered } = dialog
    if (!answered || answered.ack) {
      this.#noDialog(application, command)
      return
    }
    if (isSdp(command.request.body)) dialog.localSdp = command.request.body
    this.#keeper.acknowledge(
      dialog,
      answered,
      command.request,
      (ack, flow, bytes) => {
        application.sent(
          command.commandId,
          sentMeta(flow, bytes),
          { transaction: this.#context.random.token(32), dialog: dialog.id },
          ack,
        )
        if (answered.endAfterAck) this.#keeper.bye(dialog, 487, 'ACK-BYE due to cancel race condition', true)
      },
      () => application.refused(command.commandId, 'Server error: the peer cannot be reached'),
    )
  }

  #checked(
    application: Application,
    command: RequestCommand,
    firstHop: string | undefined,
  ): SipRequest | undefined {
    let { request } = command
    // The library passes bare addresses on as they are.
    if (!/^[a-z][a-z0-9+.-]*:/i.test(request.uri) || /^[^:@;]+:\d+(;|$)/.test(request.uri)) {
      request = { ...request, uri: `sip:${request.uri}` }
    }
    const uri = parseUri(request.uri)
    // What is no SIP address (tel, urn:service:sos) can be sent to a first hop, which knows more.
    if (firstHop === undefined ? !uri || uri.scheme === 'tel' : !uri && /^(sips?|tel):/i.test(request.uri)) {
      application.refused(command.commandId, `invalid request-uri: ${command.request.uri}`)
      return undefined
    }
    const transport = uriParameter(firstHop ?? request.uri, 'transport')?.toLowerCase()
    if (transport !== undefined && !transports.has(transport)) {
      application.refused(command.commandId, 'requested protocol/transport not available')
      return undefined
    }
    return this.#hasType(application, command) ? request : undefined
  }

  #hasType(application: Application, command: RequestCommand): boolean {
    const { request } = command
    if (request.body.length === 0 || request.headers.has('Content-Type') || isSdp(request.body)) return true
    application.refused(command.commandId, 'missing content-type')
    return false
  }

  #notToMyself(targets: Target[], request: UacRequest): Target[] {
    const mine = this.#context.listeners()
    const others = targets.filter(
      (target) =>
        !mine.some(
          (own) =>
            own.protocol === target.protocol &&
            own.port === target.port &&
            (own.host === target.host || own.advertisedHost === target.host),
        ),
    )
    if (others.length === 0 && targets.length > 0) request.refuse('can not send request to myself')
    return others
  }

  #firstSequence(): number {
    return 1_000_000 + (this.#context.random.bytes(4).readUInt32BE() % 100_000_000)
  }
}
