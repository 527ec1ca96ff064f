import { parseNameAddr } from '#src/sip/name-addr.ts'
import type { SipRequest, SipResponse } from '#src/sip/message.ts'
import type { MessageMeta } from '../dialog/application.ts'
import { localResponse, ownResponse } from '../dialog/compose-response.ts'
import { nowhere } from '../dialog/message-meta.ts'
import type { ServerTransaction, ServerTransactionUser } from '../transaction/server-transaction.ts'
import { chooseBest, contactsOf, finishBest, type Collected } from './best-response.ts'
import { Branch, type BranchLimits, type BranchTarget, type BranchUser, type ProxyContext } from './branch.ts'

/** How a request is forwarded, decided before the first branch. */
export interface ForwardPlan {
  targets: BranchTarget[]
  simultaneous: boolean
  limits: BranchLimits
  /** How many branches may be open at once (RFC 5393 5). */
  breadth: number
  /** Ends each branch parameter, for loop detection. */
  branchTail: string
  /** Makes a target of a Contact of a 3xx; undefined when redirects are passed on. */
  redirect: ((uri: string) => BranchTarget | undefined) | undefined
}

/** Who hears how it went; nobody in the case of requests inside dialogs. */
export interface ProxyObserver {
  /** A final response arrived, or was made by us in its place. */
  onFinal(response: SipResponse, meta: MessageMeta, target: BranchTarget): void
  /** The caller has a final response, or never will. */
  onDone(): void
}

const maxTargets = 32
const elsewhere = ['SIP;cause=200;text="Call completed elsewhere"']

/** A request and its response context (RFC 3261 16.7): one server transaction, a branch for each target tried. */
export class ProxiedRequest implements ServerTransactionUser, BranchUser {
  readonly transaction: ServerTransaction
  readonly forwards = true
  readonly #context: ProxyContext
  readonly #plan: ForwardPlan
  readonly #observer: ProxyObserver | undefined
  readonly #onAck: (ack: SipRequest, transaction: ServerTransaction) => void
  readonly #onEnded: (request: ProxiedRequest) => void
  readonly #waiting: BranchTarget[]
  readonly #tried = new Set<string>()
  readonly #open = new Set<Branch>()
  readonly #collected: Collected[] = []
  #cancelled = false
  #answered = false

  constructor(
    context: ProxyContext,
    transaction: ServerTransaction,
    plan: ForwardPlan,
    observer: ProxyObserver | undefined,
    way: {
      onAck: (ack: SipRequest, transaction: ServerTransaction) => void
      onEnded: (request: ProxiedRequest) => void
    },
  ) {
    this.#context = context
    this.transaction = transaction
    this.#plan = plan
    this.#observer = observer
    this.#onAck = way.onAck
    this.#onEnded = way.onEnded
    this.#waiting = plan.targets.slice(0, maxTargets)
    for (const { uri } of this.#waiting) this.#tried.add(uri)
  }

  /** Begins the search. */
  start(): void {
    this.#advance()
  }

  /** RFC 3261 16.10: the caller gives up; the branches answer for themselves. */
  cancel(cancel: SipRequest): void {
    if (this.#answered) return
    this.#cancelled = true
    this.#waiting.length = 0
    const reason = cancel.headers.getAll('Reason')
    for (const branch of [...this.#open]) branch.cancel(reason)
    this.#advance()
  }

  /** Drops everything without a word. */
  abandon(): void {
    for (const branch of this.#open) branch.abandon()
    this.#open.clear()
    this.#done()
  }

  onProvisional(response: SipResponse): void {
    if (!this.#answered) this.transaction.respond(withoutVia(response))
  }

  onSuccess(response: SipResponse, meta: MessageMeta, branch: Branch): void {
    const first = this.#open.delete(branch)
    if (first) this.#observer?.onFinal(response, meta, branch.target)
    // RFC 3261 16.7-5: every 2xx of an INVITE goes up, whatever was there before; the transaction keeps the rest out.
    this.transaction.respond(withoutVia(response))
    if (this.#answered) return
    this.#answered = true
    this.#stopSearch(elsewhere)
    this.#done()
  }

  onFailure(response: SipResponse, meta: MessageMeta, branch: Branch): void {
    this.#open.delete(branch)
    this.#observer?.onFinal(response, meta, branch.target)
    const { status } = response
    if (status >= 300 && status < 400 && this.#follow(response)) {
      this.#advance()
      return
    }
    this.#collected.push({ response: withoutVia(response), local: false })
    if (status >= 600) this.#stopSearch([])
    // Who asks for credentials wants to be asked again before anybody else rings.
    else if ((status === 401 || status === 407) && !this.#plan.simultaneous) this.#waiting.length = 0
    this.#advance()
  }

  onSilence(status: number, branch: Branch): void {
    this.#open.delete(branch)
    const { request } = this.transaction
    this.#observer?.onFinal(localResponse(request, status), nowhere, branch.target)
    const response = ownResponse(request, status, this.transaction.flow, this.#context.random.token(16))
    this.#collected.push({ response, local: true })
    this.#advance()
  }

  onAck(ack: SipRequest, _bytes: number, transaction: ServerTransaction): void {
    this.#onAck(ack, transaction)
  }

  onFailed(cause: 'timeout' | 'transport'): void {
    // RFC 3261 16.9: a response that cannot be forwarded is dropped, and no branch is cancelled for it: else whoever writes
    // a false address into a Via could end all searches.
    if (cause === 'transport') return
    if (!this.#answered) this.#stopSearch([])
    this.#done()
  }

  onUnanswered(transaction: ServerTransaction): void {
    // Several targets in a row may take longer than one is waited for; another 100 starts that time anew.
    if (this.#open.size === 0) return
    transaction.respond(ownResponse(transaction.request, 100, transaction.flow, ''))
  }

  onTerminated(): void {
    if (!this.#answered) this.#stopSearch([])
    this.#done()
  }

  #follow(response: SipResponse): boolean {
    const { redirect } = this.#plan
    if (!redirect || this.#cancelled || this.#answered) return false
    let found = false
    for (const uri of contactsOf(response, readContact)) {
      if (this.#tried.size >= maxTargets || this.#tried.has(uri)) continue
      const target = redirect(uri)
      if (!target) continue
      this.#tried.add(uri)
      this.#waiting.push(target)
      found = true
    }
    return found
  }

  #advance(): void {
    if (this.#answered) return
    const { simultaneous, breadth, limits, branchTail } = this.#plan
    const most = simultaneous ? Math.max(1, breadth) : 1
    while (this.#open.size < most) {
      const target = this.#waiting.shift()
      if (!target) break
      const branch = new Branch(this.#context, target, this.transaction.request.method === 'INVITE', this)
      this.#open.add(branch)
      branch.start(limits, branchTail)
    }
    if (this.#open.size === 0) this.#answerBest()
  }

  #answerBest(): void {
    this.#answered = true
    const { transaction } = this
    const { request, flow } = transaction
    const best = this.#cancelled ? this.#cancelledAnswer() : chooseBest(this.#collected)
    if (!best) transaction.respond(ownResponse(request, 500, flow, this.#context.random.token(16)))
    else if (request.method !== 'INVITE' && best.response.status === 408) {
      // RFC 4320 4.2: it would come when the caller has given up, and be taken for an answer to something else.
      transaction.abandon()
    } else transaction.respond(finishBest(best, this.#collected))
    this.#done()
  }

  #cancelledAnswer(): Collected {
    const known = this.#collected.find(({ response }) => response.status === 487)
    if (known) return known
    const { request, flow } = this.transaction
    return { response: ownResponse(request, 487, flow, this.#context.random.token(16)), local: true }
  }

  #stopSearch(reason: readonly string[]): void {
    this.#waiting.length = 0
    for (const branch of [...this.#open]) branch.cancel(reason)
  }

  #done(): void {
    this.#onEnded(this)
  }
}

function readContact(value: string): { uri: string; q: string | undefined } | undefined {
  const contact = parseNameAddr(value)
  return contact && { uri: contact.uri, q: contact.params.get('q') }
}

// RFC 3261 16.7-3. The parsed response may still be needed as it came.
function withoutVia(response: SipResponse): SipResponse {
  const headers = response.headers.clone()
  headers.removeFirst('Via')
  return { ...response, headers }
}
