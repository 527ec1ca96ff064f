import type { SipRequest } from '#src/sip/message.ts'
import { parseUri } from '#src/sip/uri.ts'
import { ownResponse } from '../dialog/compose-response.ts'
import type { UasRequest } from '../dialog/uas-request.ts'
import type { ServerTransaction } from '../transaction/server-transaction.ts'
import { viaValue } from '../transaction/transaction-layer.ts'
import type { Flow } from '../transport/transport-port.ts'
import { ApplicationObserver } from './application-observer.ts'
import type { BranchTarget, ProxyContext } from './branch.ts'
import { ChallengePins } from './challenge-pins.ts'
import { breadthOf, composeForward, loopText, problemOf } from './forward-request.ts'
import { isLocal, readRoute, type RouteReading } from './in-dialog-route.ts'
import { isLoose, OwnRoutes } from './own-routes.ts'
import { ProxiedRequest, type ProxyObserver } from './proxied-request.ts'
import type { ProxyCommand, ProxyingApplication } from './proxy-command.ts'

// RFC 3261 12.1: methods whose requests may make a dialog, in which a proxy can stay.
const recordRouted = new Set(['INVITE', 'SUBSCRIBE', 'REFER', 'NOTIFY', 'UPDATE'])

/**
 * The stateful proxy of RFC 3261 16 behind the verb `proxy`, and the forwarding of what comes back with a Route that
 * it wrote. Costs nothing until it is asked for the first time.
 */
export class Proxy {
  readonly #context: ProxyContext
  readonly #onBye: (bye: SipRequest) => void
  readonly #routes: OwnRoutes
  readonly #pins: ChallengePins
  readonly #alive = new Set<ProxiedRequest>()
  #used = false

  /** `onBye` hears of each BYE that passes through. */
  constructor(context: Omit<ProxyContext, 'cancelling'>, onBye: (bye: SipRequest) => void) {
    this.#context = { ...context, cancelling: new Set() }
    this.#onBye = onBye
    this.#routes = new OwnRoutes(context.random.bytes(32))
    this.#pins = new ChallengePins(context.clock)
  }

  /** How many requests are under way. */
  get alive(): number {
    return this.#alive.size
  }

  /**
   * Forwards a request that an application was given, and takes its transaction over. False when it cannot be
   * forwarded: it is answered then, and the application is told.
   */
  begin(application: ProxyingApplication, uas: UasRequest, command: ProxyCommand): boolean {
    const { transaction } = uas
    const { request } = transaction
    const fail = (status: number, text: string, fields: readonly string[] = []): false => {
      uas.refuse(status, fields)
      application.refused(command.commandId, text)
      return false
    }
    const branchTail = `.${this.#routes.digest(loopText(request))}`
    const problem = problemOf(request, branchTail)
    if (problem) return fail(problem.status, problem.text, problem.fields)
    const pinned = this.#pins.find(request)
    const wanted = pinned === undefined ? command.destinations : [pinned]
    const share = command.simultaneous ? Math.max(1, Math.min(wanted.length, breadthOf(request.headers))) : 1
    const breadth = Math.floor(breadthOf(request.headers) / share)
    const targetOf = (uri: string, redirected: boolean): BranchTarget | undefined =>
      this.#target(transaction, command, uri, redirected, breadth)
    const targets = wanted.map((uri) => targetOf(uri, false)).filter((target) => target !== undefined)
    if (targets.length === 0) return fail(500, 'no destination can be used')
    this.#used = true
    const secure = /^sips:/i.test(request.uri)
    const observer = new ApplicationObserver(application, command, this.#pins)
    this.#run(transaction, observer, {
      targets,
      simultaneous: command.simultaneous,
      limits: { provisionalMs: command.provisionalTimeoutMs, finalMs: command.finalTimeoutMs },
      breadth: share,
      branchTail,
      // RFC 3261 16.5: who called by sips must not be sent on in the clear.
      redirect: command.followRedirects
        ? (uri) => (secure && !/^sips:/i.test(uri) ? undefined : targetOf(uri, true))
        : undefined,
    })
    return true
  }

  /** Forwards a request that carries a Route of ours; false when it does not. */
  takes(transaction: ServerTransaction): boolean {
    if (!this.#used) return false
    const { request, flow } = transaction
    const reading = readRoute(request, this.#routes)
    if (!reading) return false
    const refuse = (status: number, fields: readonly string[] = []): true => {
      transaction.respond(ownResponse(request, status, flow, this.#context.random.token(16), fields))
      return true
    }
    const branchTail = `.${this.#routes.digest(loopText(request))}`
    const problem = problemOf(request, branchTail)
    if (problem) return refuse(problem.status, problem.fields)
    const target = this.#onRoute(transaction, reading)
    // RFC 5626 5.3.1: the phone's connection is gone, and there is no other way to it.
    if (!target) return refuse(reading.heading === 'path' ? 430 : 416)
    if (request.method === 'BYE') this.#onBye(request)
    this.#run(transaction, undefined, {
      targets: [target],
      simultaneous: false,
      limits: { provisionalMs: undefined, finalMs: undefined },
      breadth: 1,
      branchTail,
      redirect: undefined,
    })
    return true
  }

  /** RFC 3261 16.11: the ACK to a 2xx has no transaction and is passed on as it comes. False when it is not ours. */
  takesAck(ack: SipRequest, flow: Flow): boolean {
    if (!this.#used) return false
    const reading = readRoute(ack, this.#routes)
    if (!reading) return false
    if (problemOf(ack, ' ') === undefined) this.#passAck(ack, flow, reading)
    return true
  }

  /** CANCEL of a request that is being proxied; false when it is not. */
  takesCancel(transaction: ServerTransaction, invite: ServerTransaction | undefined): boolean {
    const user = invite?.user
    if (!(user instanceof ProxiedRequest)) return false
    const { request, flow } = transaction
    transaction.respond(ownResponse(request, 200, flow, this.#context.random.token(16)))
    user.cancel(request)
    return true
  }

  /** Drops every request under way. */
  stop(): void {
    for (const request of [...this.#alive]) request.abandon()
    for (const branch of [...this.#context.cancelling]) branch.abandon()
  }

  #run(
    transaction: ServerTransaction,
    observer: ProxyObserver | undefined,
    plan: ConstructorParameters<typeof ProxiedRequest>[2],
  ): void {
    const request = new ProxiedRequest(this.#context, transaction, plan, observer, {
      onAck: (ack, { flow }) => void this.takesAck(ack, flow),
      onEnded: (ended) => {
        if (this.#alive.delete(ended)) observer?.onDone()
      },
    })
    transaction.user = request
    this.#alive.add(request)
    request.start()
  }

  // RFC 3261 16.6: the destination becomes the Request-URI where that named us; with `lr` it becomes a Route; else it
  // is only the next hop.
  #target(
    transaction: ServerTransaction,
    command: ProxyCommand,
    uri: string,
    redirected: boolean,
    maxBreadth: number,
  ): BranchTarget | undefined {
    if (!parseUri(uri)) return undefined
    const { request, flow: arrival } = transaction
    const loose = !redirected && isLoose(`<${uri}>`)
    const replaces = !loose && (redirected || isLocal(request.uri, arrival, this.#context.listeners()))
    const register = request.method === 'REGISTER'
    const stays = command.remainInDialog
    return {
      uri,
      nextHop: uri,
      flow: undefined,
      compose: (flow) =>
        composeForward(request, {
          uri: replaces ? uri : request.uri,
          routes: loose ? [`<${uri}>`] : [],
          maxBreadth,
          recordRoutes:
            stays && recordRouted.has(request.method)
              ? this.#routes.recordRoutes(request, arrival, flow)
              : [],
          paths: stays && register ? [this.#routes.path(arrival)] : [],
          headers: command.headers,
        }),
    }
  }

  #onRoute(transaction: ServerTransaction, reading: RouteReading): BranchTarget | undefined {
    const { request, flow: arrival } = transaction
    const open = reading.flow && this.#context.transactions.openTo(reading.flow)
    if (reading.heading === 'path' && !open) return undefined
    if (!parseUri(reading.nextHop)) return undefined
    const stays = reading.heading === 'path' && recordRouted.has(request.method)
    return {
      uri: reading.uri,
      nextHop: reading.nextHop,
      flow: open,
      compose: (flow) =>
        composeForward(request, {
          uri: reading.uri,
          routes: reading.routes,
          maxBreadth: breadthOf(request.headers),
          recordRoutes: stays ? this.#routes.recordRoutes(request, arrival, flow) : [],
          paths: [],
          headers: undefined,
        }),
    }
  }

  #passAck(ack: SipRequest, arrival: Flow, reading: RouteReading): void {
    const { transactions } = this.#context
    const open = reading.flow && transactions.openTo(reading.flow)
    const go = (flow: Flow): void => {
      const forwarded = composeForward(ack, {
        uri: reading.uri,
        routes: reading.routes,
        maxBreadth: breadthOf(ack.headers),
        recordRoutes: [],
        paths: [],
        headers: undefined,
      })
      // RFC 3261 16.11: the same branch for each repetition, so that the callee knows it for one.
      const branch = `z9hG4bK${this.#routes.digest(`${ack.headers.get('Via') ?? ''}${arrival.id}`)}`
      forwarded.headers.set('Via', viaValue(flow, branch))
      for (const via of ack.headers.getAll('Via')) forwarded.headers.append('Via', via)
      transactions.sendAck(forwarded, flow, ignore)
    }
    if (open) go(open)
    else transactions.openFlow(() => this.#context.resolve(reading.nextHop)).then(go, ignore)
  }
}

// A lost ACK is asked for again by the next repetition of the 2xx.
const ignore = (): void => undefined
