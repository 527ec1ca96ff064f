/** Where a machine goes and what its driver must do on the way. Values are shared constants: never change them. */
export interface Transition<State extends string, Action extends string> {
  readonly state: State
  readonly actions: readonly Action[]
}

/** Makes the constant transitions of one machine. */
export function transition<State extends string, Action extends string>(
  state: State,
  ...actions: Action[]
): Transition<State, Action> {
  return Object.freeze({ state, actions: Object.freeze(actions) })
}

/**
 * What a driver can be told to do. One retransmit timer (A, E or G) and one lifetime timer run at a time;
 * `start…` replaces the lifetime timer that ran before.
 */
export type ClientAction =
  | 'sendRequest'
  | 'sendAck'
  | 'deliver'
  | 'reportTimeout'
  | 'reportTransportError'
  | 'stopTimers'
  | 'startA'
  | 'restartA'
  | 'startE'
  | 'restartE'
  | 'restartEAtT2'
  | 'startB'
  | 'startC'
  | 'startD'
  | 'startF'
  | 'startK'
  | 'startM'

/** The same for server transactions; timer U is ours, see `serverLifetimes`. */
export type ServerAction =
  | 'sendTrying'
  | 'startT'
  | 'sendResponse'
  | 'resend'
  | 'deliverAck'
  | 'reportTimeout'
  | 'reportTransportError'
  | 'reportUnanswered'
  | 'stopTimers'
  | 'stopG'
  | 'startG'
  | 'restartG'
  | 'startH'
  | 'startI'
  | 'startJ'
  | 'startL'
  | 'startU'
