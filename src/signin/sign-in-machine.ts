import type { TenantPerson } from '#src/microsoft/graph-client.ts'
import type { PendingSignIn } from '#src/pbx/ports.ts'
import type { Refusal } from './judge-person.ts'

/** One sign-in of one line, from the request for a code to its end. The last three are final. */
export type FlowState =
  | { name: 'requesting' }
  | { name: 'awaitingUser'; pending: PendingSignIn }
  | { name: 'signedIn'; userId: string }
  | { name: 'failed'; refusal: Refusal }
  | { name: 'cancelled' }

/** What happens to a flow. */
export type FlowInput =
  | { kind: 'codeIssued'; pending: PendingSignIn }
  /** The person approved and the tenant described them; `refusal` is what `judgePerson` said. */
  | { kind: 'personConfirmed'; person: TenantPerson; tokenCache: string; refusal: Refusal | undefined }
  | { kind: 'flowFailed'; refusal: Refusal }
  | { kind: 'cancelled' }

/** What the driver must do, in this order. */
export type FlowAction =
  | { kind: 'showCode'; pending: PendingSignIn }
  | { kind: 'pair'; person: TenantPerson; tokenCache: string }
  /** So that the admin finds a person who was refused, to change their policy. */
  | { kind: 'rememberPerson'; person: TenantPerson }
  | { kind: 'announceFailure'; refusal: Refusal }
  | { kind: 'abandon' }

/** The next state of a flow and what is to be done; an input that comes too late changes nothing. */
export function step(state: FlowState, input: FlowInput): { state: FlowState; actions: FlowAction[] } {
  if (isFinal(state)) return { state, actions: [] }
  switch (input.kind) {
    case 'codeIssued':
      if (state.name !== 'requesting') return { state, actions: [] }
      return {
        state: { name: 'awaitingUser', pending: input.pending },
        actions: [{ kind: 'showCode', pending: input.pending }],
      }
    case 'personConfirmed': {
      const { person, tokenCache, refusal } = input
      if (!refusal) {
        return {
          state: { name: 'signedIn', userId: person.id },
          actions: [{ kind: 'pair', person, tokenCache }],
        }
      }
      return {
        state: { name: 'failed', refusal },
        actions: [
          { kind: 'rememberPerson', person },
          { kind: 'announceFailure', refusal },
        ],
      }
    }
    case 'flowFailed':
      return {
        state: { name: 'failed', refusal: input.refusal },
        actions: [{ kind: 'announceFailure', refusal: input.refusal }],
      }
    case 'cancelled':
      return { state: { name: 'cancelled' }, actions: [{ kind: 'abandon' }] }
  }
}

/** True when nothing can happen to the flow any more. */
export function isFinal(state: FlowState): boolean {
  return state.name === 'signedIn' || state.name === 'failed' || state.name === 'cancelled'
}
