import t from 'tap'
import type { TenantPerson } from '#src/microsoft/graph-client.ts'
import { step, type FlowInput, type FlowState } from '#src/signin/sign-in-machine.ts'

const pending = { userCode: 'ABC', verificationUri: 'https://x.example', expiresAtMs: 1 }
const refusal = { code: 'SIGN_IN_NO_NUMBER', text: 'no number' } as const
const person: TenantPerson = {
  id: 'u1',
  tenantId: 't1',
  upn: 'anna@x.example',
  displayName: 'Anna',
  number: '+4930123',
  licensed: true,
  lab: false,
}

const states: Record<string, FlowState> = {
  requesting: { name: 'requesting' },
  awaitingUser: { name: 'awaitingUser', pending },
  signedIn: { name: 'signedIn', userId: 'u1' },
  failed: { name: 'failed', refusal },
  cancelled: { name: 'cancelled' },
}
const inputs: Record<string, FlowInput> = {
  code: { kind: 'codeIssued', pending },
  good: { kind: 'personConfirmed', person, tokenCache: 'tokens', refusal: undefined },
  refused: { kind: 'personConfirmed', person, tokenCache: 'tokens', refusal },
  failure: { kind: 'flowFailed', refusal },
  cancel: { kind: 'cancelled' },
}

/** state, input -> next state and the actions, in order. */
const table: [string, string, string, string[]][] = [
  ['requesting', 'code', 'awaitingUser', ['showCode']],
  ['requesting', 'good', 'signedIn', ['pair']],
  ['requesting', 'refused', 'failed', ['rememberPerson', 'announceFailure']],
  ['requesting', 'failure', 'failed', ['announceFailure']],
  ['requesting', 'cancel', 'cancelled', ['abandon']],
  ['awaitingUser', 'code', 'awaitingUser', []],
  ['awaitingUser', 'good', 'signedIn', ['pair']],
  ['awaitingUser', 'refused', 'failed', ['rememberPerson', 'announceFailure']],
  ['awaitingUser', 'failure', 'failed', ['announceFailure']],
  ['awaitingUser', 'cancel', 'cancelled', ['abandon']],
  ...['signedIn', 'failed', 'cancelled'].flatMap((state) =>
    Object.keys(inputs).map((input): [string, string, string, string[]] => [state, input, state, []]),
  ),
]

void t.test('every input in every state', async (t) => {
  for (const [from, input, to, actions] of table) {
    const [state, given] = [states[from], inputs[input]]
    if (!state || !given) throw new Error(`${from} or ${input} is not in the tables`)
    const result = step(state, given)
    t.equal(result.state.name, to, `${from} + ${input}`)
    t.same(
      result.actions.map((action) => action.kind),
      actions,
    )
  }
  t.equal(table.length, 25)
})
