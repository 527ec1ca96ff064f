import { tagOf } from '#src/sip/name-addr.ts'
import { parseDecimal } from '#src/sip/cseq.ts'
import type { SipRequest, SipResponse } from '#src/sip/message.ts'
import type { UserAgentContext } from './context.ts'
import type { AnsweredInvite, Dialog } from './dialog.ts'
import { confirm, dialogFromResponse, isReliableProvisional, withRefreshResponse } from './dialog-state.ts'
import type { DialogKeeper } from './dialog-keeper.ts'
import { isSdp } from './compose-response.ts'
import { subscribesByRefer } from './event-key.ts'
import { sequenceOf } from './header-values.ts'
import { acceptSession } from './session-agreement.ts'
import { noteNotified, noteSubscribed, noteUnnotified, noteUnsubscribed } from './subscription-usage.ts'
import type { ResponseJudge, UacRequest } from './uac-request.ts'

/** What responses do to dialogs: one judge for requests outside dialogs, one for those inside. */
export class ResponseJudges {
  readonly outside: ResponseJudge
  readonly inside: ResponseJudge
  readonly #context: UserAgentContext
  readonly #keeper: DialogKeeper

  constructor(context: UserAgentContext, keeper: DialogKeeper) {
    this.#context = context
    this.#keeper = keeper
    this.outside = {
      judge: (response, request) => this.#judgeOutside(response, request),
      failed: (_status, request) => this.dropEarly(request),
    }
    this.inside = {
      judge: (response, request) => this.#judgeInside(response, request),
      failed: (status, request) => this.#insideFailed(status, request),
    }
  }

  /** The early dialog whose reliable provisional a PRACK of the application acknowledges (RFC 3262 7.2). */
  forkOfPrack(dialog: Dialog, prack: SipRequest): Dialog | undefined {
    const rseq = parseDecimal((prack.headers.get('RAck') ?? '').split(' ')[0] ?? '', 2 ** 32 - 1)
    if (rseq === undefined) return undefined
    return this.#context.dialogs.forks(dialog.id).findLast((fork) => fork.lastRSeq === rseq)
  }

  /** A 2xx whose transaction is gone already: acknowledge it again if we know it. */
  straySuccess(response: SipResponse): void {
    const { headers } = response
    const dialog = this.#context.dialogs.find(
      headers.get('Call-ID') ?? '',
      tagOf(headers.get('From') ?? '') ?? '',
      tagOf(headers.get('To') ?? '') ?? '',
    )
    const answered = dialog?.answered
    if (answered && answered.sequence === sequenceOf(headers.get('CSeq'))) this.#keeper.repeatAck(answered)
  }

  #judgeOutside(response: SipResponse, request: UacRequest): string | undefined {
    const { status } = response
    if (request.method === 'INVITE') {
      if (status < 200) return this.#provisional(response, request)
      if (status < 300) return this.#success(response, request)
      this.dropEarly(request)
      return ''
    }
    if (status < 200 || status >= 300) return ''
    if (request.method === 'SUBSCRIBE' || request.method === 'REFER')
      return this.#subscribed(response, request)
    return ''
  }

  #provisional(response: SipResponse, request: UacRequest): string | undefined {
    const dialog = this.#fork(response, request)
    if (!dialog) return ''
    if (!this.#inOrder(dialog, response)) return undefined
    if (dialog.state.phase === 'early') {
      dialog.state = withRefreshResponse(dialog.state, response)
      dialog.noteAllow(response.headers)
      if (response.body.length > 0) dialog.remoteSdpSeen = true
    }
    // RFC 6228 4: this fork is over; the others ring on.
    if (response.status === 199 && dialog.state.phase === 'early') this.#keeper.remove(dialog)
    return dialog.id
  }

  // RFC 3262 4: a reliable provisional is handed up once, and only behind its predecessor.
  #inOrder(dialog: Dialog, response: SipResponse): boolean {
    if (!isReliableProvisional(response)) return true
    const rseq = sequenceOf(response.headers.get('RSeq')) ?? 0
    if (dialog.lastRSeq !== undefined && rseq !== dialog.lastRSeq + 1) return false
    dialog.lastRSeq = rseq
    return true
  }

  #success(response: SipResponse, request: UacRequest): string | undefined {
    const dialog = this.#fork(response, request)
    const sent = request.outgoing?.transaction?.request ?? request.request
    if (!dialog || !sent) return request.winner ? undefined : ''
    if (request.winner === dialog || (dialog.answered && request.winner !== undefined)) {
      if (dialog.answered) this.#keeper.repeatAck(dialog.answered)
      return undefined
    }
    if (dialog.state.phase === 'terminated') return undefined
    dialog.state = confirm(dialog.state, response)
    const other = request.winner
    // Without a Contact nothing can be sent in the dialog but this; the application gives up on it as well.
    const endAfterAck = request.cancelled || !response.headers.has('Contact')
    const answered = this.#answer(dialog, sent, endAfterAck)
    if (other) {
      // The application has its dialog: the second fork is acknowledged and ended by us (RFC 3261 13.2.2.4).
      this.#context.counters.secondForksEnded++
      const end = (): void => this.#keeper.bye(dialog, 200, 'Call completed elsewhere', false)
      this.#keeper.acknowledge(dialog, answered, undefined, end, end)
      return undefined
    }
    request.winner = dialog
    if (request.application.gone) {
      // Nobody is left to acknowledge it, or to end it.
      const end = (): void => this.#keeper.bye(dialog, 503, 'Application gone', false)
      this.#keeper.acknowledge(dialog, answered, undefined, end, end)
      return undefined
    }
    if (isSdp(sent.body)) dialog.localSdp = sent.body
    dialog.noteAllow(response.headers)
    this.#keeper.armSession(dialog, acceptSession(response.headers))
    this.#forgetLosers(dialog, request)
    return dialog.id
  }

  // RFC 3261 13.2.2.4: a fork that has not answered 64*T1 after the first that did never will.
  #forgetLosers(winner: Dialog, request: UacRequest): void {
    if (this.#context.dialogs.forks(winner.id).length < 2) return
    const forget = (): void => this.dropEarly(request)
    winner.losers = { timer: this.#context.clock.setTimer(64 * this.#context.bases.t1Ms, forget), forget }
  }

  #answer(dialog: Dialog, request: SipRequest, endAfterAck: boolean): AnsweredInvite {
    dialog.answered?.timer?.cancel()
    const answered: AnsweredInvite = {
      request,
      sequence: sequenceOf(request.headers.get('CSeq')) ?? 0,
      ack: undefined,
      timer: undefined,
      endAfterAck,
    }
    answered.timer = this.#context.clock.setTimer(64 * this.#context.bases.t1Ms, () => {
      this.#context.counters.ackTimeouts++
      const end = (): void => this.#keeper.bye(dialog, 408, 'ACK timeout', true)
      this.#keeper.acknowledge(dialog, answered, undefined, end, end)
    })
    dialog.answered = answered
    return answered
  }

  #fork(response: SipResponse, request: UacRequest): Dialog | undefined {
    const sent = request.outgoing?.transaction?.request ?? request.request
    const flow = request.outgoing?.transaction?.flow ?? request.flow
    if (!sent || !flow) return undefined
    const state = dialogFromResponse(sent, response)
    if (!state) return undefined
    const known = this.#context.dialogs.find(state.callId, state.localTag, state.remoteTag)
    if (known) return known
    if (response.status < 200 && !this.#keeper.hasRoomForFork(state)) return undefined
    const dialog = this.#keeper.create(state, 'INVITE', request.application, flow, request.id)
    dialog.inviteSequence = state.localSequence
    dialog.minSeS = request.minSeS
    return dialog
  }

  #subscribed(response: SipResponse, request: UacRequest): string {
    const sent = request.outgoing?.transaction?.request
    const flow = request.outgoing?.transaction?.flow
    if (!sent || !flow) return ''
    if (sent.method === 'REFER' && !subscribesByRefer(sent, response.headers)) return ''
    const state = dialogFromResponse(sent, response)
    // Of an application that is gone: the first NOTIFY gets 481, and that ends the subscription (RFC 6665 4.1.3).
    if (!state || request.application.gone) return ''
    const dialog =
      this.#context.dialogs.find(state.callId, state.localTag, state.remoteTag) ??
      this.#keeper.create(state, 'SUBSCRIBE', request.application, flow, request.id)
    noteSubscribed(this.#keeper, dialog, 'ours', sent, response.headers)
    return dialog.id
  }

  /** The forks that never answered go, wherever one of them could still be found. */
  dropEarly(request: UacRequest): void {
    const sent = request.request
    if (request.method !== 'INVITE' || !sent) return
    const id = `${sent.headers.get('Call-ID') ?? ''};from-tag=${tagOf(sent.headers.get('From') ?? '') ?? ''}`
    for (const fork of [...this.#context.dialogs.forks(id)]) {
      if (fork.state.phase === 'early' && fork.state.role === 'uac') this.#keeper.remove(fork)
    }
  }

  #judgeInside(response: SipResponse, request: UacRequest): string | undefined {
    const { dialog } = request
    if (!dialog) return ''
    const { status } = response
    if (status < 200) {
      return request.method !== 'INVITE' || this.#inOrder(dialog, response) ? dialog.id : undefined
    }
    const sent = request.outgoing?.transaction?.request
    if (status >= 300 || !sent) {
      this.#refusedInside(status, request, dialog)
      return dialog.id
    }
    switch (request.method) {
      case 'INVITE':
        if (dialog.openClientInvite === request.id) dialog.openClientInvite = undefined
        if (dialog.answered?.request === sent) {
          this.#keeper.repeatAck(dialog.answered)
          return undefined
        }
        dialog.state = withRefreshResponse(dialog.state, response)
        dialog.noteAllow(response.headers)
        this.#answer(dialog, sent, request.cancelled && dialog.state.phase !== 'confirmed')
        // Nobody is left to acknowledge it.
        if (request.application.gone && dialog.answered)
          this.#keeper.acknowledge(dialog, dialog.answered, undefined, ignore, ignore)
        this.#keeper.armSession(dialog, acceptSession(response.headers))
        break
      case 'UPDATE':
        this.#closeOffer(dialog, request)
        dialog.state = withRefreshResponse(dialog.state, response)
        if (dialog.session) this.#keeper.armSession(dialog, acceptSession(response.headers))
        break
      case 'SUBSCRIBE':
        dialog.state = withRefreshResponse(dialog.state, response)
        noteSubscribed(this.#keeper, dialog, 'ours', sent, response.headers)
        break
      case 'REFER':
        noteSubscribed(this.#keeper, dialog, 'ours', sent, response.headers)
        break
      case 'NOTIFY':
        noteNotified(this.#keeper, dialog, 'peers', sent)
        break
      case 'BYE':
        this.#keeper.endInvite(dialog)
    }
    return dialog.id
  }

  // RFC 5057 5.1: which refusals end what they were asked in. The application is shown them first.
  #refusedInside(status: number, request: UacRequest, dialog: Dialog): void {
    const sent = request.request
    switch (request.method) {
      case 'BYE':
        // The application asks again, with credentials.
        if (status === 401 || status === 407) this.#keeper.endUnlessAskedAgain(dialog)
        else this.#keeper.endInvite(dialog)
        return
      case 'INVITE':
      case 'UPDATE':
        if (dialog.openClientInvite === request.id) dialog.openClientInvite = undefined
        this.#closeOffer(dialog, request)
        if (status === 481 || status === 408) this.#callGone(request, dialog, status)
        return
      case 'INFO':
        if (status === 481) this.#callGone(request, dialog, status)
        return
      case 'SUBSCRIBE':
        if (sent) noteUnsubscribed(dialog, sent, status)
        return
      case 'NOTIFY':
        if (sent) noteUnnotified(dialog, sent, status)
    }
  }

  // RFC 3261 12.2.1.2: the peer knows nothing of the call, or is gone; BYE, in case it is not.
  #callGone(request: UacRequest, dialog: Dialog, status: number): void {
    if (dialog.kind !== 'INVITE' || dialog.state.phase !== 'confirmed') return
    request.whenAnswered(() => this.#keeper.bye(dialog, status, 'Dialog gone at the peer', true))
  }

  #closeOffer(dialog: Dialog, request: UacRequest): void {
    if (dialog.openClientOffer === request.id) dialog.openClientOffer = undefined
  }

  #insideFailed(status: number, request: UacRequest): void {
    const { dialog } = request
    // 503 is the way's failure, not the peer's: BYE ends the call all the same, a timeout counts as 408.
    if (dialog) this.#refusedInside(status, request, dialog)
  }
}

const ignore = (): void => undefined
