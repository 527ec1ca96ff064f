import { parseDecimal } from '#src/sip/cseq.ts'
import { secondsToMs } from '#src/base/clock.ts'
import { SipHeaders, type SipRequest, type SipResponse } from '#src/sip/message.ts'
import type { RequestUser } from '../transaction/transaction-layer.ts'
import type { Flow } from '../transport/transport-port.ts'
import { composeInDialog } from './compose-request.ts'
import type { UserAgentContext } from './context.ts'
import type { AnsweredInvite, Dialog } from './dialog.ts'
import { nextSequence, withRefreshResponse } from './dialog-state.ts'
import { sequenceOf } from './header-values.ts'
import { acceptSession, parseMinSe, type SessionAgreement } from './session-agreement.ts'

/** What a refresh does to its dialog. */
export interface RefreshActions {
  send(dialog: Dialog, prepare: (flow: Flow) => SipRequest, user: RequestUser): void
  acknowledge(dialog: Dialog, answered: AnsweredInvite): void
  repeatAck(answered: AnsweredInvite): void
  arm(dialog: Dialog, agreement: SessionAgreement | undefined): void
  /** The peer does not know the session any more, or does not answer. */
  expire(dialog: Dialog): void
}

type Method = 'INVITE' | 'UPDATE'

/**
 * Session refreshes of our own (RFC 4028 7.4, 10): an UPDATE without offer where the peer takes one, else a re-INVITE
 * with the session description in force. The application is not troubled with them.
 */
export class SessionRefresh {
  readonly #context: UserAgentContext
  readonly #actions: RefreshActions

  constructor(context: UserAgentContext, actions: RefreshActions) {
    this.#context = context
    this.#actions = actions
  }

  /** Half the interval is over. */
  run(dialog: Dialog): void {
    if (dialog.state.phase !== 'confirmed' || dialog.inviteOver) return
    if (dialog.openClientInvite !== undefined || dialog.openServerInvite || dialog.openServerUpdate) {
      dialog.session?.retryAfter(glareDelayMs)
      return
    }
    this.#send(dialog, dialog.peerTakesUpdate ? 'UPDATE' : 'INVITE')
  }

  #send(dialog: Dialog, method: Method): void {
    const transaction = this.#context.random.token(32)
    if (method === 'INVITE') dialog.openClientInvite = transaction
    dialog.state = nextSequence(dialog.state, undefined)
    const { state } = dialog
    const body = method === 'INVITE' ? (dialog.localSdp ?? noBody) : noBody
    const headers = new SipHeaders(body.length > 0 ? ['Content-Type', 'application/sdp'] : [])
    const wanted: SipRequest = { kind: 'request', method, uri: '', headers, body }
    const session = {
      policy: this.#context.policy.sessionTimers,
      current: dialog.session?.agreement,
      minSeS: dialog.minSeS,
    }
    let sent: SipRequest | undefined
    const done = (): void => {
      if (dialog.openClientInvite === transaction) dialog.openClientInvite = undefined
    }
    this.#actions.send(
      dialog,
      (flow) => composeInDialog(wanted, undefined, flow, state, this.#context.userAgent, session),
      {
        onSent: (request) => {
          sent = request
        },
        onResponse: (response) => {
          if (response.status < 200) return
          done()
          if (dialog.inviteOver || !sent) return
          if (response.status < 300) this.#refreshed(dialog, sent, response)
          else this.#refused(dialog, method, response)
        },
        // RFC 4028 10: no answer at all is 408. A way that is broken now may be whole again before the session expires.
        onFailed: (cause) => {
          done()
          if (dialog.inviteOver) return
          if (cause === 'timeout') this.#actions.expire(dialog)
          else dialog.session?.retryAfter(brokenWayDelayMs)
        },
      },
    )
  }

  #refreshed(dialog: Dialog, request: SipRequest, response: SipResponse): void {
    if (request.method === 'INVITE') {
      const before = dialog.answered
      if (before?.request === request) {
        this.#actions.repeatAck(before)
        return
      }
      before?.timer?.cancel()
      const sequence = sequenceOf(request.headers.get('CSeq')) ?? 0
      dialog.answered = { request, sequence, ack: undefined, timer: undefined, endAfterAck: false }
    }
    dialog.state = withRefreshResponse(dialog.state, response)
    dialog.noteAllow(response.headers)
    if (request.method === 'INVITE' && dialog.answered) this.#actions.acknowledge(dialog, dialog.answered)
    this.#actions.arm(dialog, acceptSession(response.headers))
  }

  // What is not named here leaves the session as it is until it expires.
  #refused(dialog: Dialog, method: Method, response: SipResponse): void {
    switch (response.status) {
      case 408:
      case 481:
        this.#actions.expire(dialog)
        return
      case 422: {
        const minSeS = parseMinSe(response.headers.get('Min-SE')) ?? 0
        if (minSeS <= dialog.minSeS) return
        dialog.minSeS = minSeS
        this.#send(dialog, method)
        return
      }
      case 491:
        dialog.session?.retryAfter(this.#afterGlareMs(dialog))
        return
      default: {
        const laterS = parseDecimal(
          /^\s*\d+/.exec(response.headers.get('Retry-After') ?? '')?.[0].trim() ?? '',
          3600,
        )
        if (laterS !== undefined) dialog.session?.retryAfter(secondsToMs(laterS))
        else if (method === 'UPDATE') {
          dialog.peerTakesUpdate = false
          this.#send(dialog, 'INVITE')
        }
      }
    }
  }

  // RFC 3261 14.1: whoever made the Call-ID waits longer, so that the two do not meet again; steps of 10 ms.
  #afterGlareMs(dialog: Dialog): number {
    const draw = this.#context.random.bytes(2).readUInt16BE() / 65_536
    return dialog.state.role === 'uac' ? 2100 + Math.floor(draw * 190) * 10 : Math.floor(draw * 200) * 10
  }
}

const noBody = Buffer.alloc(0)
const glareDelayMs = 2000
const brokenWayDelayMs = 10_000
