import { transition, type ServerAction, type Transition } from './machine.ts'

/** States of RFC 3261 17.2.1 with Accepted of RFC 6026 8.5. */
export type InviteServerState = 'proceeding' | 'completed' | 'confirmed' | 'accepted' | 'terminated'

export type InviteServerEvent =
  | 'request'
  | 'provisional'
  | 'success'
  | 'failure'
  | 'ack'
  | 'timerG'
  | 'timerH'
  | 'timerI'
  | 'timerL'
  | 'timerT'
  | 'timerU'
  | 'transportError'

type Step = Transition<InviteServerState, ServerAction>

const start: Step = transition('proceeding', 'sendTrying', 'startU')
const startLate: Step = transition('proceeding', 'startT', 'startU')
const trying: Step = transition('proceeding', 'sendTrying')
const stay: Record<InviteServerState, Step> = {
  proceeding: transition('proceeding'),
  completed: transition('completed'),
  confirmed: transition('confirmed'),
  accepted: transition('accepted'),
  terminated: transition('terminated'),
}
const resendProvisional: Step = transition('proceeding', 'resend')
const ring: Step = transition('proceeding', 'sendResponse', 'startU')
const accept: Step = transition('accepted', 'sendResponse', 'startL')
const acceptAgain: Step = transition('accepted', 'sendResponse')
const refuseUnreliable: Step = transition('completed', 'sendResponse', 'startG', 'startH')
const refuseReliable: Step = transition('completed', 'sendResponse', 'startH')
const unanswered: Step = transition('proceeding', 'reportUnanswered')
// RFC 6026 7.1: a transport error ends nothing, or the INVITE's next repetition would be a new call. The timers end it.
const broken: Record<'proceeding' | 'completed' | 'accepted', Step> = {
  proceeding: transition('proceeding', 'reportTransportError'),
  completed: transition('completed', 'reportTransportError'),
  accepted: transition('accepted', 'reportTransportError'),
}
const resendFinal: Step = transition('completed', 'resend')
const resendFinalG: Step = transition('completed', 'resend', 'restartG')
const confirmUnreliable: Step = transition('confirmed', 'stopG', 'startI')
const ended: Step = transition('terminated', 'stopTimers')
const timedOut: Step = transition('terminated', 'stopTimers', 'reportTimeout')
const passAck: Step = transition('accepted', 'deliverAck')

/**
 * The first step: 100 goes out at once, because the application may be slow (RFC 3261 17.2.1), or `later`, when
 * a challenge is likely to come first.
 */
export function startInviteServer(later = false): Step {
  return later ? startLate : start
}

/** RFC 3261 figure 7 as amended by RFC 6026; timer U tells our user that it never answered. */
export function stepInviteServer(
  state: InviteServerState,
  event: InviteServerEvent,
  reliable: boolean,
): Step {
  switch (state) {
    case 'proceeding':
      switch (event) {
        case 'request':
          return resendProvisional
        case 'provisional':
          return ring
        case 'success':
          return accept
        case 'failure':
          return reliable ? refuseReliable : refuseUnreliable
        case 'timerT':
          return trying
        case 'timerU':
          return unanswered
        case 'transportError':
          return broken.proceeding
        default:
          return stay.proceeding
      }
    case 'completed':
      switch (event) {
        case 'request':
          return resendFinal
        case 'timerG':
          return resendFinalG
        case 'ack':
          return reliable ? ended : confirmUnreliable
        case 'timerH':
          return timedOut
        case 'transportError':
          return broken.completed
        default:
          return stay.completed
      }
    case 'confirmed':
      return event === 'timerI' ? ended : stay.confirmed
    case 'accepted':
      // RFC 6026 7.1: retransmitted INVITEs are absorbed, the 2xx is repeated by our user.
      if (event === 'success') return acceptAgain
      if (event === 'ack') return passAck
      if (event === 'transportError') return broken.accepted
      return event === 'timerL' ? ended : stay.accepted
    case 'terminated':
      return stay.terminated
  }
}
