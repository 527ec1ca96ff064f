import { ApplianceError, errorTable, type ErrorCode } from '#src/base/errors.ts'
import type { TenantPerson } from '#src/microsoft/graph-client.ts'
import type { PendingSignIn } from '#src/pbx/ports.ts'
import { judgePerson, type Refusal } from './judge-person.ts'
import type { SignInContext, TenantPort } from './ports.ts'
import { isFinal, step, type FlowAction, type FlowInput, type FlowState } from './sign-in-machine.ts'

/** What a flow reports to its owner; each is called at most once, `paired` before the state is final. */
export interface FlowOwner {
  /** Saves the pairing; a throw makes the flow fail with that error. */
  paired(person: TenantPerson, tokenCache: string): void
  failed(refusal: Refusal): void
}

/** Runs one sign-in of one line: asks the tenant, feeds the machine, does what it says. */
export class SignInFlow {
  readonly lineId: string
  readonly #context: SignInContext
  readonly #owner: FlowOwner
  readonly #abort = new AbortController()
  readonly #code = Promise.withResolvers<PendingSignIn>()
  #state: FlowState = { name: 'requesting' }

  constructor(lineId: string, context: SignInContext, owner: FlowOwner) {
    this.lineId = lineId
    this.#context = context
    this.#owner = owner
    // Nobody may be waiting for the code any more when the flow fails.
    this.#code.promise.catch(() => undefined)
  }

  get state(): FlowState {
    return this.#state
  }

  /** Resolves with the code to show; rejects when the flow ends before there is one. */
  get code(): Promise<PendingSignIn> {
    return this.#code.promise
  }

  /** True while somebody else may join; a code that has expired is not worth joining. */
  isOpen(nowMs: number): boolean {
    if (this.#state.name === 'awaitingUser') return this.#state.pending.expiresAtMs > nowMs
    return !isFinal(this.#state)
  }

  /** Runs to the end; never rejects. */
  async run(tenant: TenantPort, signal: AbortSignal): Promise<void> {
    const both = AbortSignal.any([signal, this.#abort.signal])
    try {
      const { person, tokenCache } = await tenant.signIn(
        (pending) => this.#input({ kind: 'codeIssued', pending }),
        both,
      )
      const refusal = judgePerson(person, this.#context.store.callingPolicies.forUser(person.id))
      this.#input({ kind: 'personConfirmed', person, tokenCache, refusal })
    } catch (error) {
      if (both.aborted) this.#input({ kind: 'cancelled' })
      else this.#fail(error)
    }
  }

  cancel(): void {
    this.#input({ kind: 'cancelled' })
  }

  #fail(error: unknown): void {
    // Waiters for the code get the whole error, with its status and advice; the status keeps the sentence.
    this.#code.reject(asApplianceError(error))
    this.#input({ kind: 'flowFailed', refusal: this.#refusalOf(error) })
  }

  #input(input: FlowInput): void {
    const { state, actions } = step(this.#state, input)
    try {
      for (const action of actions) this.#do(action)
      this.#state = state
    } catch (error) {
      const refusal = this.#refusalOf(error)
      // The old state stands, so the failure is not too late; a failing failure ends here.
      if (input.kind === 'flowFailed') this.#state = state
      else this.#input({ kind: 'flowFailed', refusal })
    }
  }

  #do(action: FlowAction): void {
    switch (action.kind) {
      case 'showCode':
        this.#code.resolve(action.pending)
        break
      case 'pair':
        this.#owner.paired(action.person, action.tokenCache)
        break
      case 'rememberPerson':
        this.#remember(action.person)
        break
      case 'announceFailure':
        this.#owner.failed(action.refusal)
        break
      case 'abandon':
        this.#code.reject(new ApplianceError('SIGN_IN_FAILED', {}, { text: 'The sign-in was cancelled.' }))
        this.#abort.abort(new Error('the sign-in was cancelled'))
        break
    }
  }

  #remember(person: TenantPerson): void {
    try {
      this.#context.store.users.save({ ...person, updatedAtMs: this.#context.clock.nowMs() })
    } catch (error) {
      // The refusal matters more than the note.
      this.#context.logger.warn({ err: error, userId: person.id }, 'a refused person could not be noted')
    }
  }

  #refusalOf(error: unknown): Refusal {
    const { lineId } = this
    if (!(error instanceof ApplianceError)) {
      this.#context.logger.error({ err: error, lineId }, 'sign-in failed in an unexpected way')
      return { code: 'INTERNAL', text: errorTable.INTERNAL.text }
    }
    this.#context.logger.warn({ lineId, code: error.code, ...error.details }, error.message)
    return { code: error.code, text: sentence(error) }
  }
}

function asApplianceError(error: unknown): ApplianceError {
  return error instanceof ApplianceError ? error : new ApplianceError('INTERNAL', {}, { cause: error })
}

function sentence(error: ApplianceError): string {
  const code: ErrorCode = error.code
  const text = error.message === '' ? errorTable[code].text : error.message
  return error.advice === undefined ? text : `${text} ${error.advice}`
}
