import { tagOf } from '#src/sip/name-addr.ts'
import { secondsToMs } from '#src/base/clock.ts'
import { parseDecimal } from '#src/sip/cseq.ts'
import type { SipRequest, SipResponse } from '#src/sip/message.ts'
import type { UserAgentContext } from './context.ts'
import type { AnsweredInvite, Dialog } from './dialog.ts'
import { confirm, dialogFromResponse, isReliableProvisional, withRefreshResponse } from './dialog-state.ts'
import type { DialogKeeper } from './dialog-keeper.ts'
import { isSdp } from './compose-response.ts'
import { sequenceOf } from './header-values.ts'
import { acceptSession } from './session-timer.ts'
import type { ResponseJudge, UacRequest } from './uac-request.ts'

const defaultSubscriptionS = 3600

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
      failed: (_status, request) => this.#dropEarly(request),
    }
    this.inside = {
      judge: (response, request) => this.#judgeInside(response, request),
      failed: (_status, request) => this.#insideFailed(request),
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
      this.#dropEarly(request)
      return ''
    }
    if (request.method !== 'SUBSCRIBE' || status < 200 || status >= 300) return ''
    return this.#subscribed(response, request)
  }

  #provisional(response: SipResponse, request: UacRequest): string | undefined {
    const dialog = this.#fork(response, request)
    if (!dialog) return ''
    if (response.headers.has('Contact') && dialog.state.phase === 'early') {
      dialog.state = withRefreshResponse(dialog.state, response)
    }
    return this.#inOrder(dialog, response) ? dialog.id : undefined
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
    if (isSdp(sent.body)) dialog.localSdp = sent.body
    this.#keeper.armSession(dialog, acceptSession(response.headers))
    return dialog.id
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
    return this.#keeper.create(state, 'INVITE', request.application, flow, request.id)
  }

  #subscribed(response: SipResponse, request: UacRequest): string {
    const sent = request.outgoing?.transaction?.request
    const flow = request.outgoing?.transaction?.flow
    if (!sent || !flow) return ''
    const state = dialogFromResponse(sent, response)
    if (!state) return ''
    const dialog =
      this.#context.dialogs.find(state.callId, state.localTag, state.remoteTag) ??
      this.#keeper.create(state, 'SUBSCRIBE', request.application, flow, request.id)
    this.keepSubscription(dialog, response.headers.get('Expires') ?? sent.headers.get('Expires'))
    return dialog.id
  }

  /** Forgets a subscription that nobody refreshed, one transaction life after its end (RFC 6665 4.4.1). */
  keepSubscription(dialog: Dialog, expires: string | undefined): void {
    const expiresS = parseDecimal(expires ?? '', 2 ** 31 - 1) ?? defaultSubscriptionS
    dialog.subscriptionTimer?.cancel()
    dialog.subscriptionTimer = this.#context.clock.setTimer(
      secondsToMs(expiresS) + 64 * this.#context.bases.t1Ms,
      () => this.#keeper.remove(dialog),
    )
  }

  #dropEarly(request: UacRequest): void {
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
    switch (request.method) {
      case 'INVITE':
        if (dialog.openClientInvite === request.id) dialog.openClientInvite = undefined
        if (status >= 300 || !sent) break
        if (dialog.answered?.request === sent) {
          this.#keeper.repeatAck(dialog.answered)
          return undefined
        }
        dialog.state = withRefreshResponse(dialog.state, response)
        this.#answer(dialog, sent, request.cancelled && dialog.state.phase !== 'confirmed')
        this.#keeper.armSession(dialog, acceptSession(response.headers))
        break
      case 'UPDATE':
        if (status >= 300) break
        dialog.state = withRefreshResponse(dialog.state, response)
        if (dialog.session) this.#keeper.armSession(dialog, acceptSession(response.headers))
        break
      case 'SUBSCRIBE':
        if (status < 300 && dialog.kind === 'SUBSCRIBE') {
          this.keepSubscription(dialog, response.headers.get('Expires') ?? sent?.headers.get('Expires'))
        }
        break
      case 'NOTIFY':
        if (dialog.kind === 'SUBSCRIBE' && sent && isTerminated(sent)) this.#keeper.remove(dialog)
        break
      case 'BYE':
        if (status !== 401 && status !== 407) this.#keeper.remove(dialog)
    }
    return dialog.id
  }

  #insideFailed(request: UacRequest): void {
    const { dialog } = request
    if (!dialog) return
    if (dialog.openClientInvite === request.id) dialog.openClientInvite = undefined
    if (request.method === 'BYE') this.#keeper.remove(dialog)
  }
}

/** Whether a NOTIFY says that its subscription is over. */
export function isTerminated(notify: SipRequest): boolean {
  return /^\s*terminated\b/i.test(notify.headers.get('Subscription-State') ?? '')
}
