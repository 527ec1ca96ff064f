import { transition, type ClientAction, type Transition } from './machine.ts'

/** States of RFC 3261 17.1.1 with Accepted of RFC 6026 8.4. */
export type InviteClientState = 'calling' | 'proceeding' | 'completed' | 'accepted' | 'terminated'

export type InviteClientEvent =
  | 'provisional'
  | 'success'
  | 'failure'
  | 'timerA'
  | 'timerB'
  | 'timerC'
  | 'timerD'
  | 'timerM'
  | 'transportError'

type Step = Transition<InviteClientState, ClientAction>

const startUnreliable: Step = transition('calling', 'sendRequest', 'startA', 'startB')
const startReliable: Step = transition('calling', 'sendRequest', 'startB')
const stay: Record<InviteClientState, Step> = {
  calling: transition('calling'),
  proceeding: transition('proceeding'),
  completed: transition('completed'),
  accepted: transition('accepted'),
  terminated: transition('terminated'),
}
const resend: Step = transition('calling', 'sendRequest', 'restartA')
const timedOut: Step = transition('terminated', 'stopTimers', 'reportTimeout')
const broken: Step = transition('terminated', 'stopTimers', 'reportTransportError')
const ended: Step = transition('terminated', 'stopTimers')
const ring: Step = transition('proceeding', 'stopTimers', 'startC', 'deliver')
const accept: Step = transition('accepted', 'stopTimers', 'startM', 'deliver')
const fork: Step = transition('accepted', 'deliver')
const failUnreliable: Step = transition('completed', 'stopTimers', 'sendAck', 'startD', 'deliver')
const failReliable: Step = transition('terminated', 'stopTimers', 'sendAck', 'deliver')
const ackAgain: Step = transition('completed', 'sendAck')

/** The first step: what happens when the transaction is made. */
export function startInviteClient(reliable: boolean): Step {
  return reliable ? startReliable : startUnreliable
}

/** RFC 3261 figure 5 as amended by RFC 6026 figure 8; events that mean nothing in a state change nothing. */
export function stepInviteClient(
  state: InviteClientState,
  event: InviteClientEvent,
  reliable: boolean,
): Step {
  switch (state) {
    case 'calling':
    case 'proceeding':
      switch (event) {
        case 'provisional':
          return ring
        case 'success':
          return accept
        case 'failure':
          return reliable ? failReliable : failUnreliable
        case 'transportError':
          return broken
        case 'timerA':
          return state === 'calling' ? resend : stay[state]
        case 'timerB':
          return state === 'calling' ? timedOut : stay[state]
        case 'timerC':
          // RFC 3261 has no limit for a client that waits after a provisional; without one it would wait for ever.
          return state === 'proceeding' ? timedOut : stay[state]
        default:
          return stay[state]
      }
    case 'completed':
      if (event === 'failure') return ackAgain
      return event === 'timerD' || event === 'transportError' ? ended : stay.completed
    case 'accepted':
      // RFC 6026 7.2: each 2xx goes up (forks and retransmissions); our user answers with ACK.
      if (event === 'success') return fork
      return event === 'timerM' ? ended : stay.accepted
    case 'terminated':
      return stay.terminated
  }
}
