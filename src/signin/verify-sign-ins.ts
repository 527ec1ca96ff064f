import { secondsToMs } from '#src/base/clock.ts'
import type { TenantPerson } from '#src/microsoft/graph-client.ts'
import type { SignIn } from '#src/model/sign-in.ts'
import { judgePerson, policyRefusal, type Refusal } from './judge-person.ts'
import type { SignInContext, TenantPort } from './ports.ts'

/** What a round came to. */
export interface VerifyRound {
  confirmed: number
  signedOut: number
  /** Not asked, or asked without a definite answer; these sign-ins stay as they are. */
  left: number
}

/** Teams refreshes policies within an hour; so do we, and no line is asked about more often. */
export const verifyEveryMs = secondsToMs(3600)

/** How often the loop looks for sign-ins that are due. */
export const verifyTickMs = secondsToMs(300)

/**
 * Keeps sign-ins true without a token cliff: only a definite answer (policy off, account ended, licence or
 * number gone, another tenant) ends one; an unreachable tenant or a stale token never does.
 */
export class SignInVerifier {
  readonly #context: SignInContext
  readonly #signOut: (signIn: SignIn, refusal: Refusal) => void
  /** When each line was last asked about, also without success; epoch ms. */
  readonly #askedAtMs = new Map<string, number>()

  constructor(context: SignInContext, signOut: (signIn: SignIn, refusal: Refusal) => void) {
    this.#context = context
    this.#signOut = signOut
  }

  /** Goes through all sign-ins once: the policy of each, and the tenant for those that are due. */
  async round(signal: AbortSignal): Promise<VerifyRound> {
    const { store, tenant, clock, logger } = this.#context
    const result: VerifyRound = { confirmed: 0, signedOut: 0, left: 0 }
    const all = store.signIns.list()
    this.#forgetOthers(all)
    let reachable = true
    for (const signIn of all) {
      signal.throwIfAborted()
      const refusal = this.#judgeLocally(signIn)
      if (refusal) {
        this.#signOut(signIn, refusal)
        result.signedOut++
      } else if (tenant && reachable && this.#isDue(signIn, clock.nowMs())) {
        this.#askedAtMs.set(signIn.lineId, clock.nowMs())
        const outcome = await this.#ask(signIn, tenant, signal)
        // One unanswered question is enough; the other lines stay due for the next round.
        if (outcome === 'unreachable') reachable = false
        result[outcome === 'confirmed' || outcome === 'signedOut' ? outcome : 'left']++
      } else {
        result.left++
      }
    }
    if (!reachable) logger.warn({}, 'the tenant cannot be reached, all sign-ins stay valid')
    return result
  }

  /** What is known without asking anybody. */
  #judgeLocally(signIn: SignIn): Refusal | undefined {
    const { store, tenant } = this.#context
    const user = store.users.find(signIn.userId)
    if (user && tenant && user.tenantId !== tenant.tenantId) {
      return { code: 'SIGN_IN_FAILED', text: `${user.displayName} belongs to another tenant.` }
    }
    const allowed = store.callingPolicies.forUser(signIn.userId).allowSipDevicesCalling
    return allowed ? undefined : policyRefusal(user?.displayName ?? 'This person')
  }

  #isDue(signIn: SignIn, nowMs: number): boolean {
    const askedAtMs = this.#askedAtMs.get(signIn.lineId) ?? 0
    return Math.max(signIn.verifiedAtMs, askedAtMs) + verifyEveryMs <= nowMs
  }

  async #ask(
    signIn: SignIn,
    tenant: TenantPort,
    signal: AbortSignal,
  ): Promise<'confirmed' | 'signedOut' | 'unknown' | 'unreachable'> {
    const { store, logger } = this.#context
    const { lineId, userId } = signIn
    const tokenCache = store.signIns.tokenCache(lineId)
    if (tokenCache === undefined) {
      logger.warn({ lineId, userId }, 'a sign-in has no tokens, it cannot be verified')
      return 'unknown'
    }
    const answer = await tenant.verify(tokenCache, signal)
    // Somebody may have signed out, or another person in, while the tenant thought about it.
    const current = store.signIns.forLine(lineId)
    if (current?.userId !== userId || current.signedInAtMs !== signIn.signedInAtMs) return 'unknown'
    switch (answer.kind) {
      case 'confirmed':
        return this.#take(current, answer.person, answer.tokenCache)
      case 'ended':
        this.#signOut(current, { code: 'SIGN_IN_FAILED', text: answer.text })
        return 'signedOut'
      case 'unknown': {
        const { code, message, details } = answer.error
        logger.warn({ lineId, userId, code, ...details }, `a sign-in could not be verified: ${message}`)
        const user = store.users.find(userId)
        // Entra has rotated the refresh token: the new one is kept even without a verification.
        if (answer.tokenCache !== undefined && user) store.signIns.save(current, user, answer.tokenCache)
        return code === 'TENANT_UNREACHABLE' ? 'unreachable' : 'unknown'
      }
    }
  }

  #take(signIn: SignIn, person: TenantPerson, tokenCache: string): 'confirmed' | 'signedOut' {
    const { store, clock } = this.#context
    const refusal = judgePerson(person, store.callingPolicies.forUser(person.id))
    if (refusal) {
      this.#signOut(signIn, refusal)
      return 'signedOut'
    }
    const nowMs = clock.nowMs()
    store.signIns.save({ ...signIn, verifiedAtMs: nowMs }, { ...person, updatedAtMs: nowMs }, tokenCache)
    return 'confirmed'
  }

  #forgetOthers(signIns: SignIn[]): void {
    const lines = new Set(signIns.map(({ lineId }) => lineId))
    for (const lineId of this.#askedAtMs.keys()) if (!lines.has(lineId)) this.#askedAtMs.delete(lineId)
  }
}
