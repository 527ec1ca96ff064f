import { trialMs, type NetworkConfiguration } from './ports.ts'

/** Where a change of the network is. Only `idle` takes a new one. */
export type TrialState =
  | { at: 'idle' }
  | { at: 'applying'; configuration: NetworkConfiguration }
  | { at: 'onTrial'; configuration: NetworkConfiguration }
  /** `reason`: why it is taken back, one sentence. */
  | { at: 'rollingBack'; configuration: NetworkConfiguration; reason: string }

export type TrialInput =
  | { kind: 'start'; configuration: NetworkConfiguration }
  | { kind: 'applied' }
  /** `touched`: the host may have changed something before it failed. */
  | { kind: 'applyFailed'; text: string; touched: boolean }
  | { kind: 'confirm' }
  | { kind: 'timer' }
  | { kind: 'rollBack'; reason: string }
  | { kind: 'restored' }
  | { kind: 'restoreFailed' }

export type TrialAction =
  /** Puts the configuration into force; answers with `applied` or `applyFailed`. */
  | { kind: 'apply'; configuration: NetworkConfiguration }
  /** Puts the confirmed one, or the host's default, back; answers with `restored` or `restoreFailed`. */
  | { kind: 'restore' }
  | { kind: 'setTimer'; delayMs: number }
  | { kind: 'cancelTimer' }
  /** Leaves a note for the next start in case this process does not live to see the end. */
  | { kind: 'mark' }
  | { kind: 'unmark' }
  /** Tells everybody how it ended. */
  | { kind: 'ended'; configuration: NetworkConfiguration; kept: boolean; text: string }

export interface TrialStep {
  state: TrialState
  actions: TrialAction[]
}

/** Pause before the confirmed configuration is asked for again; it goes on until the host takes it. */
const restoreAgainMs = 10_000

/**
 * The life of a change of the network, as a pure function: applied, then kept by a confirmation or taken back by
 * the timer. What makes no sense in a state changes nothing: a confirmation that comes with the last second's
 * timer finds `rollingBack` and is too late.
 */
export function stepTrial(state: TrialState, input: TrialInput): TrialStep {
  const stay: TrialStep = { state, actions: [] }
  switch (state.at) {
    case 'idle': {
      if (input.kind !== 'start') return stay
      const { configuration } = input
      return {
        state: { at: 'applying', configuration },
        actions: [{ kind: 'mark' }, { kind: 'apply', configuration }],
      }
    }
    case 'applying': {
      const { configuration } = state
      if (input.kind === 'applied')
        return {
          state: { at: 'onTrial', configuration },
          actions: [{ kind: 'setTimer', delayMs: trialMs }],
        }
      if (input.kind === 'rollBack') return rollBack(configuration, input.reason)
      if (input.kind !== 'applyFailed') return stay
      if (input.touched) return rollBack(configuration, input.text)
      return { state: { at: 'idle' }, actions: [{ kind: 'unmark' }, ended(configuration, false, input.text)] }
    }
    case 'onTrial': {
      const { configuration } = state
      if (input.kind === 'confirm')
        return {
          state: { at: 'idle' },
          actions: [
            { kind: 'cancelTimer' },
            { kind: 'unmark' },
            ended(configuration, true, 'The new network settings are kept.'),
          ],
        }
      if (input.kind === 'timer')
        return rollBack(configuration, `Nobody confirmed within ${trialMs / 1000} seconds.`)
      return input.kind === 'rollBack' ? rollBack(configuration, input.reason) : stay
    }
    case 'rollingBack': {
      const { configuration, reason } = state
      if (input.kind === 'restoreFailed')
        return { state, actions: [{ kind: 'setTimer', delayMs: restoreAgainMs }] }
      if (input.kind === 'timer') return { state, actions: [{ kind: 'restore' }] }
      if (input.kind !== 'restored') return stay
      return {
        state: { at: 'idle' },
        actions: [
          { kind: 'unmark' },
          ended(configuration, false, `${reason} The settings from before are back.`),
        ],
      }
    }
  }
}

function rollBack(configuration: NetworkConfiguration, reason: string): TrialStep {
  return {
    state: { at: 'rollingBack', configuration, reason },
    actions: [{ kind: 'cancelTimer' }, { kind: 'restore' }],
  }
}

function ended(configuration: NetworkConfiguration, kept: boolean, text: string): TrialAction {
  return { kind: 'ended', configuration, kept, text }
}
