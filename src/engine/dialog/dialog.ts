import type { Timer } from '#src/base/clock.ts'
import { isIpLiteral } from '#src/base/net.ts'
import type { SipHeaders, SipRequest } from '#src/sip/message.ts'
import { parseUri } from '#src/sip/uri.ts'
import type { Flow } from '../transport/transport-port.ts'
import type { AcceptedInvite } from './accepted-invite.ts'
import type { Application } from './application.ts'
import { dialogId, withPhase, type DialogState } from './dialog-state.ts'
import { listHas } from './header-values.ts'
import type { ReliableProvisionals } from './reliable-provisional.ts'
import type { SessionTimer } from './session-timer.ts'
import type { Subscriptions } from './subscriptions.ts'

/** An INVITE of ours that was answered with 2xx: what is needed to acknowledge it, now and again. */
export interface AnsweredInvite {
  readonly request: SipRequest
  readonly sequence: number
  /** The ACK as sent; undefined until the application gave it. */
  ack: { request: SipRequest; flow: Flow } | undefined
  /** The ACK on its way to a flow; nothing in the dialog may overtake it. */
  underway?: Promise<void> | undefined
  /** Runs out when the application never acknowledges. */
  timer: Timer | undefined
  /** Set when CANCEL and 2xx crossed: BYE follows the ACK. */
  endAfterAck: boolean
}

/** A live dialog: the record of RFC 3261 12 plus everything that waits on it. */
export class Dialog {
  readonly id: string
  readonly kind: 'INVITE' | 'SUBSCRIBE'
  /** Changes when it is lost and comes back. */
  application: Application
  state: DialogState
  /** Where the peer was heard from last. */
  flow: Flow
  /** Set when in-dialog requests must follow the flow, not the Contact (NAT, phones' own connections). */
  pinned = false
  /** Transaction id under which the application knows the INVITE; ACKs carry it. */
  inviteTransaction: string
  /** CSeq of the INVITE being answered by a 2xx of ours, for its ACK. */
  acceptedSequence: number | undefined
  accepted: AcceptedInvite | undefined
  answered: AnsweredInvite | undefined
  /** An INVITE of the peer that we have not answered finally. */
  openServerInvite = false
  /** An INVITE of ours without final response: its transaction id. */
  openClientInvite: string | undefined
  reliable: ReliableProvisionals | undefined
  /** An UPDATE of the peer that we have not answered. */
  openServerUpdate = false
  /** An UPDATE of ours with an offer that was not answered: its transaction id. */
  openClientOffer: string | undefined
  /** CSeq number of our INVITE as it went out last; PRACK names it. */
  inviteSequence: number | undefined
  /** The INVITE of the peer that made this dialog brought the offer. */
  inviteHadOffer = false
  /** A session description of the peer was seen in an answer to our INVITE. */
  remoteSdpSeen = false
  /** The peer has said that it takes UPDATE (RFC 3311 4). */
  peerTakesUpdate = false
  /** RFC 5057: the call is over, what is left of the dialog belongs to subscriptions. */
  inviteOver = false
  /** RSeq of the reliable provisional that was handed up last (RFC 3262 4: in order, once). */
  lastRSeq: number | undefined
  session: SessionTimer | undefined
  /** The largest Min-SE that a 422 named here, seconds (RFC 4028 7.4). */
  minSeS = 0
  subscriptions: Subscriptions | undefined
  /** The forks of our INVITE that have not answered: given up in time, or with this one (RFC 3261 13.2.2.4). */
  losers: { timer: Timer; forget: () => void } | undefined
  localSdp: Buffer | undefined
  /** Runs since our BYE was answered by a challenge: the application may ask once more, not for ever. */
  farewell: Timer | undefined
  /** What the application asked for while RFC 3261 15 forbids BYE: run at the ACK. */
  heldBye: (() => void) | undefined

  constructor(
    state: DialogState,
    kind: 'INVITE' | 'SUBSCRIBE',
    application: Application,
    flow: Flow,
    inviteTransaction: string,
  ) {
    this.id = dialogId(state)
    this.kind = kind
    this.application = application
    this.state = state
    this.flow = flow
    this.inviteTransaction = inviteTransaction
  }

  /** What an INVITE, its answer or an UPDATE says about the methods its sender takes. */
  noteAllow(headers: SipHeaders): void {
    const allow = headers.get('Allow')
    if (allow !== undefined) this.peerTakesUpdate = listHas(allow, 'update')
  }

  /** Stops what belongs to the call; subscriptions go on. */
  endInvite(): void {
    this.inviteOver = true
    this.accepted?.stop()
    this.accepted = undefined
    this.answered?.timer?.cancel()
    if (this.answered) this.answered.timer = undefined
    this.reliable?.stop()
    this.session?.stop()
    this.losers?.timer.cancel()
    this.losers?.forget()
    this.losers = undefined
    this.farewell?.cancel()
    this.farewell = undefined
    this.openClientInvite = undefined
    const held = this.heldBye
    this.heldBye = undefined
    held?.()
  }

  /** Stops every timer; the table entry is removed by the owner. */
  end(): void {
    this.state = withPhase(this.state, 'terminated')
    this.subscriptions?.stop()
    this.endInvite()
  }
}

/**
 * Whether in-dialog requests should go back over the flow instead of to the Contact. Without a route: a Contact
 * whose address is not the peer's is behind NAT; a phone's TCP or TLS connection is the only way to it. With a
 * route: only when a public peer names a private first hop.
 */
export function shouldPin(state: DialogState, flow: Flow): boolean {
  const route = state.routeSet[0]
  if (route !== undefined) {
    const host = hostOf(route.slice(route.indexOf('<') + 1).replace(/>.*$/, ''))
    return host !== undefined && isPrivate(host) && !isPrivate(flow.remoteHost)
  }
  const host = hostOf(state.remoteTarget)
  if (host === undefined) return true
  if (host.endsWith('.invalid')) return true
  // Names are resolved: they may mean another host on purpose (Teams names the data centre in Contact).
  if (!isIpLiteral(host)) return false
  return flow.protocol !== 'udp' || host !== flow.remoteHost
}

function hostOf(uri: string): string | undefined {
  return parseUri(uri)?.host
}

/** True for addresses of RFC 1918, loopback and link-local, and IPv6 unique local. */
function isPrivate(host: string): boolean {
  if (!isIpLiteral(host)) return false
  if (/^(10\.|127\.|169\.254\.|192\.168\.)/.test(host)) return true
  const second = /^172\.(\d+)\./.exec(host)?.[1]
  if (second !== undefined) return Number(second) >= 16 && Number(second) <= 31
  return /^(::1$|fe80:|f[cd])/i.test(host)
}
