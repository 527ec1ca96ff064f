import { parseUri } from '#src/sip/uri.ts'
import { tagOf, uriOf } from '#src/sip/name-addr.ts'
import type { SipRequest } from '#src/sip/message.ts'
import type { Flow, Target, TransportProtocol } from '../transport/transport-port.ts'
import type { Application } from './application.ts'
import type { AwaitedNotifies } from './awaited-notifies.ts'
import { bareRequest, composeInDialog, composeRequest, type RequestIdentity } from './compose-request.ts'
import { isSdp } from './compose-response.ts'
import type { RequestContext } from './request-context.ts'
import type { Dialog } from './dialog.ts'
import { nextSequence } from './dialog-state.ts'
import type { DialogKeeper } from './dialog-keeper.ts'
import { sequenceOf, uriParameter } from './header-values.ts'
import { longerSession, withRack } from './mend-request.ts'
import { sentMeta } from './message-meta.ts'
import { preloadedRoute } from './preloaded-route.ts'
import type { ResponseJudges } from './response-judges.ts'
import type { SessionWish } from './session-agreement.ts'
import { UacRequest } from './uac-request.ts'

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

  readonly #awaited: AwaitedNotifies

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
    const { method } = wanted
    const identity: RequestIdentity = {
      callId: headers.get('Call-ID') ?? `${this.#context.random.token(24)}`,
      fromTag: tagOf(headers.get('From') ?? '') ?? this.#context.random.token(16),
      // Large, so that a digest retry and a restart never meet a number of before; below 2^31 by far.
      sequence: sequenceOf(headers.get('CSeq')) ?? this.#firstSequence(),
      routes,
      session: { policy: this.#context.policy.sessionTimers, current: undefined, minSeS: 0 },
    }
    const prepare = (flow: Flow): SipRequest =>
      composeRequest(wanted, flow, identity, this.#context.userAgent)
    const request = new UacRequest(
      this.#context,
      application,
      command.commandId,
      method,
      undefined,
      prepare,
      this.#judges.outside,
    )
    this.#context.asking.set(request.id, request)
    const hop = firstHop ?? wanted.uri
    request.flowOnly = /;transport=wss?(?:[;>?]|$)/i.test(hop)
    const send = (): void => {
      request.outgoing = this.#context.transactions.send(
        async () => this.#notToMyself(await this.#context.resolve(hop), request),
        undefined,
        prepare,
        request,
      )
    }
    if (method === 'INVITE') {
      request.again = (response) => {
        if (!longerSession(request, response)) return false
        this.#judges.dropEarly(request)
        identity.sequence++
        identity.session.minSeS = request.minSeS
        send()
        return true
      }
    } else if (method === 'SUBSCRIBE' || method === 'REFER') {
      this.#awaited.add(identity.callId, identity.fromTag, request)
    }
    send()
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
    // One that waits for the ACK is enough.
    if (dialog.inviteOver || dialog.heldBye) {
      this.#noDialog(application, command)
      return
    }
    if (dialog.state.phase === 'early' && dialog.state.role === 'uas') {
      // RFC 3261 15: before the answer only the caller may say BYE; the callee refuses instead.
      application.refused(command.commandId, 'Server error: BYE is not allowed before the answer')
      return
    }
    const pending = dialog.openClientInvite
    if (pending !== undefined) this.#context.asking.get(pending)?.cancel(undefined, bareRequest('CANCEL'))
    if (dialog.accepted) {
      // RFC 3261 15: the callee must not send BYE before the ACK is there or given up.
      dialog.heldBye = () => {
        if (dialog.inviteOver) application.refused(command.commandId, noDialog)
        else this.#sendInDialog(application, command, dialog)
      }
      return
    }
    this.#sendInDialog(application, command, dialog)
  }

  #sendInDialog(application: Application, command: RequestCommand, named: Dialog): void {
    const { request } = command
    const { method } = request
    const prack = method === 'PRACK'
    const dialog = this.#forkOf(named, request)
    const wanted = prack ? withRack(request, dialog) : request
    const given = wanted.uri
    // The library writes its INVITE's URI into PRACK; RFC 3262 7.2 sends it to the fork that rang.
    const target = given === '' || given === 'sip:placeholder' || prack ? undefined : given
    dialog.state = nextSequence(dialog.state, sequenceOf(wanted.headers.get('CSeq')))
    const changes = method === 'INVITE' || (method === 'UPDATE' && dialog.state.phase === 'confirmed')
    let sent = dialog.state
    const session = (): SessionWish => ({
      policy: this.#context.policy.sessionTimers,
      current: dialog.session?.agreement,
      minSeS: dialog.minSeS,
    })
    const prepare = (flow: Flow): SipRequest =>
      composeInDialog(wanted, target, flow, sent, this.#context.userAgent, changes ? session() : undefined)
    const asked = new UacRequest(
      this.#context,
      application,
      command.commandId,
      method,
      dialog,
      prepare,
      this.#judges.inside,
    )
    this.#context.asking.set(asked.id, asked)
    this.#noteOffer(dialog, wanted, asked)
    const send = (): void => {
      asked.outgoing = this.#keeper.send(dialog, prepare, target, command.proxyUri, asked)
    }
    if (changes) {
      asked.again = (response) => {
        if (!longerSession(asked, response)) return false
        dialog.minSeS = Math.max(dialog.minSeS, asked.minSeS)
        dialog.state = nextSequence(dialog.state, undefined)
        sent = dialog.state
        send()
        return true
      }
    }
    send()
  }

  // Forks share one name toward the application; a PRACK says by its RAck which it means, any other request may say
  // it by the tag of its To. Each fork counts by itself (RFC 3261 12.1.2).
  #forkOf(dialog: Dialog, wanted: SipRequest): Dialog {
    if (wanted.method === 'PRACK') return this.#judges.forkOfPrack(dialog, wanted) ?? dialog
    const tag = tagOf(wanted.headers.get('To') ?? '')
    if (tag === undefined || tag === dialog.state.remoteTag) return dialog
    return this.#context.dialogs.forks(dialog.id).find((fork) => fork.state.remoteTag === tag) ?? dialog
  }

  #noteOffer(dialog: Dialog, wanted: SipRequest, asked: UacRequest): void {
    if (wanted.method === 'INVITE') {
      dialog.openClientInvite = asked.id
      // RFC 3262 4: every INVITE has an order of its own.
      dialog.lastRSeq = undefined
      dialog.inviteSequence = dialog.state.localSequence
    } else if (wanted.method === 'UPDATE' && wanted.body.length > 0) dialog.openClientOffer = asked.id
    if (isSdp(wanted.body)) dialog.localSdp = wanted.body
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
