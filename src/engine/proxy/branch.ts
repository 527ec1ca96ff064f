import type { Timer } from '#src/base/clock.ts'
import type { SipRequest, SipResponse } from '#src/sip/message.ts'
import type { MessageMeta } from '../dialog/application.ts'
import type { UserAgentContext } from '../dialog/context.ts'
import { networkMeta } from '../dialog/message-meta.ts'
import { sendCancel } from '../dialog/send-cancel.ts'
import type { ClientTransaction } from '../transaction/client-transaction.ts'
import type { OutgoingRequest, RequestUser } from '../transaction/transaction-layer.ts'
import type { Flow, Target } from '../transport/transport-port.ts'

/** What a proxy needs of the engine. */
export type ProxyContext = Pick<
  UserAgentContext,
  'clock' | 'bases' | 'random' | 'logger' | 'transactions' | 'resolve' | 'listeners'
> & {
  /** Branches that wait for the end of a CANCEL, also when their request is answered long since. */
  readonly cancelling: Set<Branch>
}

/** Where one copy of a request goes. */
export interface BranchTarget {
  /** As the application or a Contact named it; known by this. */
  uri: string
  /** URI whose host is the next hop. */
  nextHop: string
  /** Goes before the next hop when it is open. */
  flow: Flow | undefined
  compose(flow: Flow): SipRequest
}

/** What a branch waits for at most, ms; undefined = no limit of its own. */
export interface BranchLimits {
  provisionalMs: number | undefined
  finalMs: number | undefined
}

/** The way up; called in the order in which things arrive. */
export interface BranchUser {
  onProvisional(response: SipResponse, branch: Branch): void
  /** A 2xx, also one that came after the branch was given up; each repetition too. */
  onSuccess(response: SipResponse, meta: MessageMeta, branch: Branch): void
  /** Once: a final response of the network. */
  onFailure(response: SipResponse, meta: MessageMeta, branch: Branch): void
  /** Once, in place of it: nobody answered (408), cannot be reached (503), cancelled without an answer (487). */
  onSilence(status: number, branch: Branch): void
}

// RFC 3261 16.6-11: more than three minutes.
const timerCMs = 181_000

/** One copy of a proxied request, from its sending to its end: a client transaction with a proxy's timers. */
export class Branch implements RequestUser {
  readonly target: BranchTarget
  readonly #context: ProxyContext
  readonly #user: BranchUser
  readonly #invite: boolean
  #outgoing: OutgoingRequest | undefined
  #over = false
  #provisional = false
  #cancelled = false
  #cancelSent = false
  #reason: readonly string[] = []
  #waiting: Timer | undefined
  #final: Timer | undefined
  #timerC: Timer | undefined
  #afterCancel: Timer | undefined

  constructor(context: ProxyContext, target: BranchTarget, invite: boolean, user: BranchUser) {
    this.#context = context
    this.target = target
    this.#invite = invite
    this.#user = user
  }

  /** It has reported its final response, or that there is none. */
  get over(): boolean {
    return this.#over
  }

  start(limits: BranchLimits, branchTail: string): void {
    const { clock, transactions } = this.#context
    const giveUp = (): void => this.#giveUp()
    if (limits.provisionalMs !== undefined) this.#waiting = clock.setTimer(limits.provisionalMs, giveUp)
    if (limits.finalMs !== undefined) this.#final = clock.setTimer(limits.finalMs, giveUp)
    this.#outgoing = transactions.send(
      () => this.#resolve(),
      this.target.flow,
      (flow) => this.target.compose(flow),
      this,
      branchTail,
    )
    if (this.#invite && !this.#over) this.#timerC = clock.setTimer(timerCMs, giveUp)
  }

  /** RFC 3261 16.10: asks the callee to stop; a request that is no INVITE runs its course. */
  cancel(reason: readonly string[] = []): void {
    if (this.#over) return
    if (this.#context.transactions.stopped) {
      this.abandon()
      return
    }
    this.#outgoing?.stopFailover()
    if (this.#invite) this.#beginCancel(reason)
  }

  /** Lets go without a word: the engine stops, or nobody is left to answer. */
  abandon(): void {
    this.#over = true
    this.#stopTimers()
    this.#endCancel()
    this.#outgoing?.stopFailover()
    this.#outgoing?.transaction?.abandon()
  }

  onSent(): void {
    // The copy is on its way; what it looked like matters to nobody.
  }

  onResponse(response: SipResponse, bytes: number, transaction: ClientTransaction): void {
    const { status } = response
    if (status < 200) {
      this.#onProvisional(response)
      return
    }
    const meta = networkMeta(transaction.flow, bytes)
    const first = this.#settle()
    if (status < 300) this.#user.onSuccess(response, meta, this)
    else if (first) this.#user.onFailure(response, meta, this)
  }

  onFailed(cause: 'timeout' | 'transport'): void {
    this.#silence(this.#cancelled ? 487 : cause === 'timeout' ? 408 : 503)
  }

  #onProvisional(response: SipResponse): void {
    this.#provisional = true
    this.#waiting?.cancel()
    if (this.#cancelled) this.#sendCancel()
    if (response.status === 100 || this.#over) return
    // RFC 3261 16.7-2: every provisional but 100 starts timer C anew.
    this.#timerC?.cancel()
    if (this.#invite) this.#timerC = this.#context.clock.setTimer(timerCMs, () => this.#giveUp())
    this.#user.onProvisional(response, this)
  }

  // A limit has run out: the search goes on at once, the callee hears CANCEL as soon as it may.
  #giveUp(): void {
    if (this.#over) return
    this.#outgoing?.stopFailover()
    this.#settle()
    if (this.#invite) this.#beginCancel([])
    else this.#outgoing?.transaction?.abandon()
    this.#user.onSilence(408, this)
  }

  #beginCancel(reason: readonly string[]): void {
    if (this.#cancelled) return
    this.#cancelled = true
    this.#reason = reason
    // RFC 3261 9.1: CANCEL waits for the first provisional response.
    if (this.#provisional) this.#sendCancel()
    this.#context.cancelling.add(this)
    this.#afterCancel = this.#context.clock.setTimer(64 * this.#context.bases.t1Ms, () => {
      this.#endCancel()
      this.#outgoing?.transaction?.abandon()
      this.#silence(487)
    })
  }

  #sendCancel(): void {
    const invite = this.#outgoing?.transaction
    if (this.#cancelSent || !invite) return
    this.#cancelSent = true
    sendCancel(this.#context.transactions, invite, this.#reason)
  }

  #silence(status: number): void {
    if (this.#settle()) this.#user.onSilence(status, this)
  }

  // True the first time. The wait after a CANCEL goes on for a branch that was given up.
  #settle(): boolean {
    this.#endCancel()
    if (this.#over) return false
    this.#over = true
    this.#stopTimers()
    return true
  }

  #endCancel(): void {
    this.#afterCancel?.cancel()
    this.#context.cancelling.delete(this)
  }

  #stopTimers(): void {
    this.#waiting?.cancel()
    this.#final?.cancel()
    this.#timerC?.cancel()
  }

  async #resolve(): Promise<readonly Target[]> {
    return this.#context.resolve(this.target.nextHop)
  }
}
