import { transition, type ServerAction, type Transition } from './machine.ts'

/** States of RFC 3261 17.2.2. */
export type NonInviteServerState = 'trying' | 'proceeding' | 'completed' | 'terminated'

export type NonInviteServerEvent =
  'request' | 'provisional' | 'success' | 'failure' | 'timerJ' | 'timerU' | 'transportError'

type Step = Transition<NonInviteServerState, ServerAction>

const start: Step = transition('trying', 'startU')
const stay: Record<NonInviteServerState, Step> = {
  trying: transition('trying'),
  proceeding: transition('proceeding'),
  completed: transition('completed'),
  terminated: transition('terminated'),
}
const progress: Step = transition('proceeding', 'sendResponse')
const doneUnreliable: Step = transition('completed', 'sendResponse', 'startJ')
const doneReliable: Step = transition('terminated', 'sendResponse', 'stopTimers')
const resendProvisional: Step = transition('proceeding', 'resend')
const resendFinal: Step = transition('completed', 'resend')
// RFC 6026 8.8: a transport error ends nothing; J or U does.
const broken: Record<'trying' | 'proceeding' | 'completed', Step> = {
  trying: transition('trying', 'reportTransportError'),
  proceeding: transition('proceeding', 'reportTransportError'),
  completed: transition('completed', 'reportTransportError'),
}
const unanswered: Step = transition('terminated', 'stopTimers', 'reportTimeout')
const ended: Step = transition('terminated', 'stopTimers')

/** The first step: nothing is sent, no 100 (RFC 4320 4.1). */
export function startNonInviteServer(): Step {
  return start
}

/** RFC 3261 figure 8; timer U forgets a request that our user never answered (no 408: RFC 4320 4.2). */
export function stepNonInviteServer(
  state: NonInviteServerState,
  event: NonInviteServerEvent,
  reliable: boolean,
): Step {
  switch (state) {
    case 'trying':
    case 'proceeding':
      switch (event) {
        case 'request':
          return state === 'proceeding' ? resendProvisional : stay.trying
        case 'provisional':
          return progress
        case 'success':
        case 'failure':
          return reliable ? doneReliable : doneUnreliable
        case 'timerU':
          return unanswered
        case 'transportError':
          return broken[state]
        default:
          return stay[state]
      }
    case 'completed':
      if (event === 'request') return resendFinal
      if (event === 'transportError') return broken.completed
      return event === 'timerJ' ? ended : stay.completed
    case 'terminated':
      return stay.terminated
  }
}
