import t from 'tap'
import type { NetworkConfiguration } from '#src/host/network/ports.ts'
import { stepTrial, type TrialInput, type TrialState } from '#src/host/network/trial-machine.ts'

const configuration: NetworkConfiguration = { mode: 'dhcp', vlan: 7 }
const states: TrialState[] = [
  { at: 'idle' },
  { at: 'applying', configuration },
  { at: 'onTrial', configuration },
  { at: 'rollingBack', configuration, reason: 'Because.' },
]
const inputs: TrialInput[] = [
  { kind: 'start', configuration },
  { kind: 'applied' },
  { kind: 'applyFailed', text: 'No.', touched: true },
  { kind: 'applyFailed', text: 'No.', touched: false },
  { kind: 'confirm' },
  { kind: 'timer' },
  { kind: 'rollBack', reason: 'Because.' },
  { kind: 'restored' },
  { kind: 'restoreFailed' },
]

/** State and input -> next state and actions, where anything happens at all. */
const table: Record<string, string> = {
  'idle start': 'applying: mark apply',
  'applying applied': 'onTrial: setTimer',
  'applying applyFailed touched': 'rollingBack: cancelTimer restore',
  'applying applyFailed': 'idle: unmark ended-lost',
  'applying rollBack': 'rollingBack: cancelTimer restore',
  'onTrial confirm': 'idle: cancelTimer unmark ended-kept',
  'onTrial timer': 'rollingBack: cancelTimer restore',
  'onTrial rollBack': 'rollingBack: cancelTimer restore',
  'rollingBack timer': 'rollingBack: restore',
  'rollingBack restored': 'idle: unmark ended-lost',
  'rollingBack restoreFailed': 'rollingBack: setTimer',
}

t.test('every state with every input', async (t) => {
  const seen = new Set<string>()
  for (const before of states) {
    for (const input of inputs) {
      const touched = input.kind === 'applyFailed' && input.touched ? ' touched' : ''
      const name = `${before.at} ${input.kind}${touched}`
      const { state, actions } = stepTrial(before, input)
      const done = actions.map((action) =>
        action.kind === 'ended' ? `ended-${action.kept ? 'kept' : 'lost'}` : action.kind,
      )
      const result = done.length > 0 ? `${state.at}: ${done.join(' ')}` : 'nothing'
      t.equal(result, table[name] ?? 'nothing', name)
      if (table[name]) seen.add(name)
      else t.equal(state, before, `${name} leaves the state alone`)
    }
  }
  t.equal(seen.size, Object.keys(table).length)
})

t.test('a trial lasts 60 s; a confirmation after them is too late', async (t) => {
  const { actions } = stepTrial({ at: 'applying', configuration }, { kind: 'applied' })
  t.strictSame(actions, [{ kind: 'setTimer', delayMs: 60_000 }])
  const late = stepTrial({ at: 'onTrial', configuration }, { kind: 'timer' }).state
  t.strictSame(stepTrial(late, { kind: 'confirm' }), { state: late, actions: [] })
})
