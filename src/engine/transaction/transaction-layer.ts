import { ChurningMap } from '#src/base/churning-map.ts'
import { isIPv6Text } from '#src/base/net.ts'
import type { Random } from '#src/base/random.ts'
import { SipHeaders, type SipRequest, type SipResponse } from '#src/sip/message.ts'
import { tagOf } from '#src/sip/name-addr.ts'
import { parseMessage } from '#src/sip/parse-message.ts'
import type { Flow, Target, TransportLayer } from '../transport/transport-port.ts'
import { ClientTransaction, type ClientTransactionUser } from './client-transaction.ts'
import type { DriverContext } from './driver.ts'
import { branchCookie, clientKey, cseqMethod, serverKey, viaIdentity } from './match.ts'
import { Outgoing, type OutgoingRequest, type RequestUser } from './outgoing.ts'
import { ServerTransaction } from './server-transaction.ts'

/** The way up. Nothing here may throw. */
export interface TransactionUser {
  /** A new request; set `transaction.user` before returning. ACK and CANCEL come apart. */
  onRequest(transaction: ServerTransaction): void
  /** CANCEL is its own transaction; `invite` is what it means to end, if we still know it. */
  onCancel(transaction: ServerTransaction, invite: ServerTransaction | undefined): void
  /** An ACK with a branch of its own: it acknowledges a 2xx. */
  onAck(ack: SipRequest, flow: Flow, bytes: number): void
  /** A 2xx to INVITE whose transaction is gone: the callee has not seen our ACK. */
  onStraySuccess(response: SipResponse, flow: Flow): void
}

export type { OutgoingRequest, RequestUser } from './outgoing.ts'

/** Owns all transactions: matches what comes in, starts what goes out. */
export class TransactionLayer {
  readonly #context: DriverContext
  readonly #transport: TransportLayer
  readonly #random: Random
  readonly #user: TransactionUser
  readonly #servers = new ChurningMap<string, ServerTransaction>()
  readonly #invitesByBranch = new ChurningMap<string, ServerTransaction>()
  readonly #clients = new ChurningMap<string, ClientTransaction>()
  #stopped = false

  constructor(context: DriverContext, transport: TransportLayer, random: Random, user: TransactionUser) {
    this.#context = context
    this.#transport = transport
    this.#random = random
    this.#user = user
  }

  get alive(): { servers: number; clients: number } {
    return { servers: this.#servers.size, clients: this.#clients.size }
  }

  /** The clock of all transactions. */
  monotonicMs(): number {
    return this.#context.clock.monotonicMs()
  }

  /** True once nothing may be started any more. */
  get stopped(): boolean {
    return this.#stopped
  }

  /** Every request from the transports comes through here; retransmissions end here. */
  receiveRequest(request: SipRequest, flow: Flow, bytes: number): void {
    const identity = viaIdentity(request.headers.get('Via'))
    if (!identity) return
    const key = serverKey(request, identity)
    const known = this.#servers.get(key)
    if (request.method === 'ACK') {
      // ACK to a failure belongs to the INVITE transaction, ACK to a 2xx to the dialog.
      if (known) known.receiveAck(request, bytes)
      else this.#user.onAck(request, flow, bytes)
      return
    }
    if (known) {
      known.receiveAgain()
      return
    }
    const { gate, answered } = this.#context
    const answerHash = answered.hashOf(identity.branch)
    const answer = answered.find(answerHash, key)
    if (answer) {
      this.#repeatAnswer(answer, flow)
      return
    }
    if (gate !== undefined && !gate.admits(request, flow, this.#servers.size)) return
    const invite = request.method === 'INVITE'
    const transaction = new ServerTransaction(
      this.#context,
      request,
      flow,
      bytes,
      { key, branch: invite ? identity.branch : undefined, answerHash },
      this.#forgetServer,
    )
    if (!invite && request.method !== 'CANCEL') {
      // A challenge over UDP leaves nothing behind: most REGISTERs never come into the table, nor under a timer.
      this.#user.onRequest(transaction)
      if (transaction.state === 'terminated') return
      this.#servers.set(key, transaction)
      transaction.start()
      return
    }
    this.#servers.set(key, transaction)
    if (invite) this.#invitesByBranch.set(identity.branch, transaction)
    transaction.start()
    if (request.method === 'CANCEL') {
      const strict = this.#servers.get(`${identity.branch}|${identity.sentBy}|INVITE`)
      // A NAT that rewrites sent-by breaks the strict match; branch and Call-ID together are enough.
      this.#user.onCancel(transaction, strict ?? this.#inviteLike(request, identity.branch))
    } else this.#user.onRequest(transaction)
  }

  receiveResponse(response: SipResponse, flow: Flow, bytes: number): void {
    const identity = viaIdentity(response.headers.get('Via'))
    if (!identity) return
    const method = cseqMethod(response)
    const known = this.#clients.get(clientKey(identity.branch, method))
    if (known) known.receive(response, bytes)
    else if (method === 'INVITE' && response.status >= 200 && response.status < 300) {
      this.#user.onStraySuccess(response, flow)
    }
  }

  /** A connection is gone: what depends on it fails at once instead of waiting for its timers. */
  flowClosed(flow: Flow): void {
    for (const transaction of [...this.#clients.values()]) {
      if (transaction.flow === flow && transaction.state !== 'accepted') transaction.transportError()
    }
  }

  /**
   * Sends a request to the first target that takes it (RFC 3263 4.3). Each try has its own branch. The top
   * Via is made here; `prepare` puts in what depends on the flow. An open flow goes before all targets, and
   * `resolve` is asked only when there is none or it turns out to be broken. `branchTail` ends every branch: what a
   * proxy knows its own requests by when they come back (RFC 5393 4.2.1).
   */
  send(
    resolve: () => Promise<readonly Target[]>,
    openFlow: Flow | undefined,
    prepare: (flow: Flow) => SipRequest,
    user: RequestUser,
    branchTail = '',
  ): OutgoingRequest {
    const outgoing = new Outgoing(this, this.#transport, resolve, prepare, user, branchTail)
    outgoing.begin(openFlow)
    return outgoing
  }

  /** Makes one client transaction on an open flow, to be started; `branch` is given only for CANCEL. */
  createClient(
    request: SipRequest,
    flow: Flow,
    user: ClientTransactionUser,
    branch = this.newBranch(),
  ): ClientTransaction {
    request.headers.removeFirst('Via')
    request.headers.prepend('Via', viaValue(flow, branch))
    const key = clientKey(branch, request.method)
    const transaction = new ClientTransaction(this.#context, request, flow, key, user, this.#forgetClient)
    this.#clients.set(key, transaction)
    return transaction
  }

  /** False when a new request would be one too many; what belongs to a dialog always has room. */
  hasRoomFor(request: SipRequest): boolean {
    const { gate } = this.#context
    if (gate === undefined || tagOf(request.headers.get('To') ?? '') !== undefined) return true
    return gate.admitsClient(this.#clients.size)
  }

  /** A branch that nobody has used (RFC 3261 8.1.1.7). */
  newBranch(): string {
    return branchCookie + this.#random.token(24)
  }

  /** Finds or opens a flow to the first target that can be reached; rejects with the last failure. */
  async openFlow(resolve: () => Promise<readonly Target[]>): Promise<Flow> {
    let failure: Error | undefined
    for (const target of await resolve()) {
      const open = this.openTo(target)
      if (open) return open
      try {
        return await this.#transport.connect(target)
      } catch (error) {
        failure = error instanceof Error ? error : new Error(String(error))
      }
    }
    throw failure ?? new Error('the URI leads nowhere')
  }

  /** The flow that is open to a target already; one with a name is left to `connect`, which checks it. */
  openTo(target: Target): Flow | undefined {
    if (target.serverName !== undefined) return undefined
    const open = this.#transport.findFlow(target.protocol, target.host, target.port)
    return open && !open.closed ? open : undefined
  }

  /** Sends an ACK to a 2xx: no transaction, its own branch (RFC 3261 13.2.2.4). Returns the bytes. */
  sendAck(ack: SipRequest, flow: Flow, onError: (error: Error) => void): number {
    if (!ack.headers.has('Via')) {
      ack.headers.prepend('Via', viaValue(flow, this.newBranch()))
    }
    return this.#transport.send(ack, flow, onError)
  }

  /** Drops everything, timers included. */
  stop(): void {
    this.#stopped = true
    for (const transaction of [...this.#clients.values()]) transaction.abandon()
    for (const transaction of [...this.#servers.values()]) transaction.abandon()
    this.#context.answered.clear()
  }

  /** The same request again, after its transaction was reduced to the answer: it goes to where the request came from. */
  #repeatAnswer(wire: Buffer, flow: Flow): void {
    const { counters } = this.#context
    counters.retransmissionsReceived++
    counters.retransmissionsSent++
    this.#transport.send(readBack(wire), flow, () => undefined)
  }

  #inviteLike(cancel: SipRequest, branch: string): ServerTransaction | undefined {
    const invite = this.#invitesByBranch.get(branch)
    const same = invite?.request.headers.get('Call-ID') === cancel.headers.get('Call-ID')
    return same ? invite : undefined
  }

  readonly #forgetServer = (transaction: ServerTransaction): void => {
    this.#servers.delete(transaction.key)
    if (transaction.finalStatus === 0) this.#context.gate?.answered(transaction.request, transaction.flow, 0)
    const { branch } = transaction
    if (branch !== undefined && this.#invitesByBranch.get(branch) === transaction) {
      this.#invitesByBranch.delete(branch)
    }
  }

  readonly #forgetClient = (transaction: ClientTransaction): void => {
    this.#clients.delete(transaction.key)
  }
}

/** An answer as it stands on the wire: its bytes go out as they are, its fields are for those who listen on the way. */
function readBack(wire: Buffer): SipResponse {
  try {
    const answer = parseMessage(wire)
    if (answer.kind === 'response') return { ...answer, wire }
  } catch {
    // An application may write what we would not take from anybody else.
  }
  return { kind: 'response', status: 0, reason: '', headers: new SipHeaders(), body: Buffer.alloc(0), wire }
}

/** Our Via toward the peer of a flow; rport is always asked for (RFC 3581 3). */
export function viaValue(flow: Flow, branch: string): string {
  const host = isIPv6Text(flow.advertisedHost) ? `[${flow.advertisedHost}]` : flow.advertisedHost
  // RFC 5923 is about TCP and TLS; a WebSocket carries both directions anyway.
  const alias = flow.protocol === 'tcp' || flow.protocol === 'tls' ? ';alias' : ''
  return `SIP/2.0/${flow.protocol.toUpperCase()} ${host}:${flow.advertisedPort};branch=${branch};rport${alias}`
}
