import { ApplianceError } from '#src/base/errors.ts'
import { EventSource } from '#src/base/events.ts'
import { Lifetime } from '#src/base/lifetime.ts'
import type { TenantPerson } from '#src/microsoft/graph-client.ts'
import type { SignIn } from '#src/model/sign-in.ts'
import type { PendingSignIn, SignInEvents, SignInPort, SignInStatus } from '#src/pbx/ports.ts'
import type { Refusal } from './judge-person.ts'
import type { SignInContext } from './ports.ts'
import { SignInFlow } from './sign-in-flow.ts'
import { SignInVerifier, verifyTickMs, type VerifyRound } from './verify-sign-ins.ts'

/** More codes than this are never waited for at once. */
const maxOpenFlows = 500

/** The pairing of lines with people: starts and ends it, keeps it true, and tells the rest of the box. */
export class SignInService implements SignInPort {
  readonly #context: SignInContext
  readonly #lifetime: Lifetime
  readonly #events: EventSource<SignInEvents>
  readonly #verifier: SignInVerifier
  readonly #flows = new Map<string, SignInFlow>()
  /** How each line's last flow, or the box's own sign-out, came out. */
  readonly #results = new Map<string, SignInStatus>()

  constructor(context: SignInContext) {
    this.#context = context
    this.#lifetime = new Lifetime('sign-in', context.logger)
    this.#events = new EventSource<SignInEvents>(context.logger)
    this.#verifier = new SignInVerifier(context, (signIn, refusal) => this.#end(signIn, refusal))
  }

  on<Name extends keyof SignInEvents>(name: Name, listener: (fact: SignInEvents[Name]) => void): () => void {
    return this.#events.on(name, listener)
  }

  /** Starts the loop that keeps sign-ins true; `firstDelayMs` keeps a fleet of boxes from asking at once. */
  startVerifying(firstDelayMs: number): void {
    const { clock } = this.#context
    this.#lifetime.run('verify', async (signal) => {
      await clock.sleep(firstDelayMs, signal)
      for (;;) {
        await this.#verifySafely(signal)
        await clock.sleep(verifyTickMs, signal)
      }
    })
  }

  /** Verifies what is due, once. */
  verifyAll(): Promise<VerifyRound> {
    return this.#verifier.round(this.#lifetime.signal)
  }

  async begin(lineId: string, actor: string): Promise<PendingSignIn> {
    const { store, tenant, clock, logger } = this.#context
    if (!store.lines.find(lineId)) {
      throw new ApplianceError('NOT_FOUND', { lineId }, { text: 'There is no such line.' })
    }
    if (!tenant) {
      throw new ApplianceError(
        'TENANT_UNREACHABLE',
        { lineId },
        {
          text: 'No tenant is set up, so nobody can sign in.',
          advice: 'Choose the lab tenant or your own under Settings.',
        },
      )
    }
    const open = this.#flows.get(lineId)
    if (open?.isOpen(clock.nowMs())) return open.code
    if (this.#flows.size >= maxOpenFlows) {
      throw new ApplianceError('TOO_MANY_TRIES', { open: this.#flows.size })
    }
    open?.cancel()
    const flow = new SignInFlow(lineId, this.#context, {
      paired: (person, tokenCache) => this.#pair(lineId, actor, person, tokenCache),
      failed: (refusal) => this.#noteFailure(flow, refusal),
    })
    this.#flows.set(lineId, flow)
    this.#results.delete(lineId)
    logger.info({ lineId, actor }, 'sign-in started')
    this.#lifetime.run(`flow ${lineId}`, async (signal) => {
      await flow.run(tenant, signal)
      if (this.#flows.get(lineId) === flow) this.#flows.delete(lineId)
    })
    return flow.code
  }

  status(lineId: string): SignInStatus | undefined {
    // A new flow clears the old result, so a result is always the latest word.
    const result = this.#results.get(lineId)
    if (result) return result
    const state = this.#flows.get(lineId)?.state
    return state?.name === 'awaitingUser' ? { state: 'awaitingUser', ...state.pending } : undefined
  }

  cancel(lineId: string): void {
    this.#flows.get(lineId)?.cancel()
    this.#flows.delete(lineId)
    // A line that is removed is cancelled first: nothing may stay behind for it.
    this.#results.delete(lineId)
  }

  async signOut(lineId: string, actor: string): Promise<boolean> {
    const { store, logger } = this.#context
    this.cancel(lineId)
    const signIn = store.signIns.forLine(lineId)
    if (!signIn || !store.signIns.remove(lineId)) return false
    logger.info({ lineId, userId: signIn.userId, actor }, 'signed out')
    this.#audit(actor, 'line.signOut', lineId, { userId: signIn.userId })
    this.#events.emit('signedOut', { lineId, userId: signIn.userId })
    return true
  }

  stop(): Promise<void> {
    return this.#lifetime.stop()
  }

  #pair(lineId: string, actor: string, person: TenantPerson, tokenCache: string): void {
    const { store, clock, logger } = this.#context
    const line = store.lines.find(lineId)
    if (!line) {
      throw new ApplianceError('NOT_FOUND', { lineId }, { text: 'The line was removed meanwhile.' })
    }
    // Whoever signs in on a device makes it one that is in use; this one has lost its place.
    if (store.devices.find(line.deviceId)?.state === 'off-boarded') {
      throw new ApplianceError('CONFLICT', { lineId }, { text: 'The device was off-boarded meanwhile.' })
    }
    const before = store.signIns.forLine(lineId)
    const nowMs = clock.nowMs()
    const signIn: SignIn = { lineId, userId: person.id, signedInAtMs: nowMs, verifiedAtMs: nowMs }
    const user = { ...person, updatedAtMs: nowMs }
    store.signIns.save(signIn, user, tokenCache)
    this.#results.set(lineId, { state: 'signedIn', userId: person.id })
    logger.info({ lineId, userId: person.id, number: person.number, lab: person.lab }, 'signed in')
    this.#audit(actor, 'line.signIn', lineId, { userId: person.id, upn: person.upn })
    if (before && before.userId !== person.id) {
      this.#events.emit('signedOut', { lineId, userId: before.userId })
    }
    this.#events.emit('signedIn', { signIn, user })
  }

  #noteFailure(flow: SignInFlow, { code, text }: Refusal): void {
    const { lineId } = flow
    // A flow that was replaced has no say in the line's status any more.
    if (this.#flows.get(lineId) !== flow) return
    this.#results.set(lineId, { state: 'failed', code, text })
    this.#context.logger.info({ lineId, code }, `sign-in refused: ${text}`)
    this.#events.emit('signInFailed', { lineId, code, text })
  }

  /** Ends a sign-in because the tenant or the policy said so. */
  #end(signIn: SignIn, { code, text }: Refusal): void {
    const { store, logger } = this.#context
    const { lineId, userId } = signIn
    if (!store.signIns.remove(lineId)) return
    this.#results.set(lineId, { state: 'failed', code, text })
    logger.warn({ lineId, userId, code }, `signed out by the box: ${text}`)
    this.#audit('system', 'line.signOut', lineId, { userId, code, reason: text })
    this.#events.emit('signedOut', { lineId, userId })
  }

  async #verifySafely(signal: AbortSignal): Promise<void> {
    try {
      const round = await this.#verifier.round(signal)
      if (round.confirmed || round.signedOut) this.#context.logger.info({ ...round }, 'sign-ins verified')
    } catch (error) {
      signal.throwIfAborted()
      this.#context.logger.error({ err: error }, 'sign-ins could not be verified')
    }
  }

  #audit(actor: string, action: string, subject: string, details: Record<string, unknown>): void {
    try {
      this.#context.store.audit.add({ atMs: this.#context.clock.nowMs(), actor, action, subject, details })
    } catch (error) {
      // What was done is done and committed; the missing line in the audit is a defect of its own.
      this.#context.logger.error({ err: error, action, subject }, 'an audit entry was lost')
    }
  }
}
