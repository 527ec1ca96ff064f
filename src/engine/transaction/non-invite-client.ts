import { transition, type ClientAction, type Transition } from './machine.ts'

/** States of RFC 3261 17.1.2. */
export type NonInviteClientState = 'trying' | 'proceeding' | 'completed' | 'terminated'

export type NonInviteClientEvent =
  'provisional' | 'success' | 'failure' | 'timerE' | 'timerF' | 'timerK' | 'transportError'

type Step = Transition<NonInviteClientState, ClientAction>

const startUnreliable: Step = transition('trying', 'sendRequest', 'startE', 'startF')
const startReliable: Step = transition('trying', 'sendRequest', 'startF')
const stay: Record<NonInviteClientState, Step> = {
  trying: transition('trying'),
  proceeding: transition('proceeding'),
  completed: transition('completed'),
  terminated: transition('terminated'),
}
const resendTrying: Step = transition('trying', 'sendRequest', 'restartE')
const resendProceeding: Step = transition('proceeding', 'sendRequest', 'restartEAtT2')
const timedOut: Step = transition('terminated', 'stopTimers', 'reportTimeout')
const broken: Step = transition('terminated', 'stopTimers', 'reportTransportError')
const ended: Step = transition('terminated', 'stopTimers')
const progress: Step = transition('proceeding', 'deliver')
const doneUnreliable: Step = transition('completed', 'stopTimers', 'startK', 'deliver')
const doneReliable: Step = transition('terminated', 'stopTimers', 'deliver')

/** The first step: what happens when the transaction is made. */
export function startNonInviteClient(reliable: boolean): Step {
  return reliable ? startReliable : startUnreliable
}

/** RFC 3261 figure 6. */
export function stepNonInviteClient(
  state: NonInviteClientState,
  event: NonInviteClientEvent,
  reliable: boolean,
): Step {
  switch (state) {
    case 'trying':
    case 'proceeding':
      switch (event) {
        case 'provisional':
          return progress
        case 'success':
        case 'failure':
          return reliable ? doneReliable : doneUnreliable
        case 'timerE':
          return state === 'trying' ? resendTrying : resendProceeding
        case 'timerF':
          return timedOut
        case 'transportError':
          return broken
        default:
          return stay[state]
      }
    case 'completed':
      return event === 'timerK' ? ended : stay.completed
    case 'terminated':
      return stay.terminated
  }
}
