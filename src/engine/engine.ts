import { ChurningMap } from '#src/base/churning-map.ts'
import { shareTimers } from '#src/base/shared-timers.ts'
import { sparingly } from '#src/base/sparing-logger.ts'
import { peerNamesHeader } from '#src/sip/peer-identity.ts'
import type { SipRequest, SipResponse } from '#src/sip/message.ts'
import { parseUri } from '#src/sip/uri.ts'
import type { Application } from './dialog/application.ts'
import type { UserAgentCounters } from './dialog/context.ts'
import type { RequestContext } from './dialog/request-context.ts'
import type { Dialog } from './dialog/dialog.ts'
import { DialogTable } from './dialog/dialog-table.ts'
import { createDns } from './dns/create-dns.ts'
import type { Dns } from './dns/dns-port.ts'
import type { DirectDoor } from './direct-door.ts'
import { BanGuard, type Guard } from './guard/guard.ts'
import { createNewWorkGate } from './guard/new-work.ts'
import { OverloadControl, type Overload } from './guard/overload.ts'
import type { MemoryLink } from './memory-link.ts'
import type { EngineOptions, TlsRenewal, TlsRenewed } from './options.ts'
import type { TransactionCounters } from './transaction/driver.ts'
import { AnsweredRequests } from './transaction/answered-requests.ts'
import { TransactionLayer, type TransactionUser } from './transaction/transaction-layer.ts'
import { resolveTarget, type ResolveOptions } from './transport/resolve-target.ts'
import { createTransportLayer } from './transport/transport-layer.ts'
import type { Flow, ListenerAddress, Target, TransportUser } from './transport/transport-port.ts'
import { FlowWatchers, type PeerFlows } from './peer-flows.ts'
import { UserAgent } from './user-agent.ts'
import { DirectClient } from './wire/direct-client.ts'
import { openMemoryLink } from './wire/memory-link.ts'
import { OutboundLinks } from './wire/outbound-links.ts'
import { RouteTable } from './wire/route-table.ts'
import { CallRecords } from './wire/call-records.ts'
import type { WireContext } from './wire/wire-client.ts'
import { WireServer } from './wire/wire-server.ts'

/** A running SIP engine. */
export interface Engine {
  /** Where it listens, ports filled in. */
  readonly listeners: readonly ListenerAddress[]
  /** The TCP door for applications outside this process, when it is open. */
  readonly door: { host: string; port: number } | undefined
  /** Who is shut out, and the way to tell what somebody did; undefined when the options have none. */
  readonly guard: Guard | undefined
  /** How much new work is refused; undefined when the options have none. */
  readonly overload: Overload | undefined
  /** Joins an application of this process. */
  openMemoryLink(): MemoryLink
  /** Joins a part of this process that answers requests outside dialogs by itself. */
  openDirectDoor(): DirectDoor
  /** The connections of peers: which are open, and when one closes. */
  readonly flows: PeerFlows
  /** Everything counted since the start, and what is alive now (`…Alive`). */
  counters(): Record<string, number>
  /** Puts renewed certificates into force: handshakes to come see them, connections and calls stay. All or nothing. */
  reloadTls(next: TlsRenewal): TlsRenewed
  /** Closes every listener, connection and timer; nothing is said to peers. */
  stop(): Promise<void>
}

/** Binds every listener and the door, or throws the ApplianceError that names the one that failed. */
export async function startEngine(
  options: EngineOptions,
  dns: Dns = createDns({ ...options, servers: options.dnsServers }),
): Promise<Engine> {
  const { random } = options
  // Transactions set thousands of timers of a handful of durations, and cancel nearly all.
  const clock = shareTimers(options.clock)
  // Most of what the engine has to say is caused by peers, known or not.
  const logger = sparingly(options.logger, clock)
  const guard = options.guard && new BanGuard(options.guard, clock, logger)
  const transport = createTransportLayer({ ...options, logger, doorkeeper: guard })
  if (guard) guard.isProvenPeer = (source) => transport.isProvenPeer(source)
  const transactionCounters: TransactionCounters = {
    retransmissionsSent: 0,
    retransmissionsReceived: 0,
    clientTimeouts: 0,
    serverTimeouts: 0,
    transportErrors: 0,
  }
  const userAgentCounters: UserAgentCounters = {
    ackTimeouts: 0,
    sessionsExpired: 0,
    refusedRequests: 0,
    secondForksEnded: 0,
    repeatedSuccess: 0,
    repeatedProvisionals: 0,
    mergedRequests: 0,
  }
  const routes = new RouteTable<Application>()
  const dialogs = new DialogTable<Dialog>()
  const overload =
    options.overload &&
    new OverloadControl(options.overload, {
      clock,
      random,
      logger,
      dialogs: () => dialogs.size,
      send: (response, flow) => transport.send(response, flow, () => undefined),
    })
  const relay: { user: TransactionUser | undefined } = { user: undefined }
  const answered = new AnsweredRequests({ clock, random, lifetimeMs: 64 * options.timers.t1Ms })
  const transactions = new TransactionLayer(
    {
      clock,
      bases: options.timers,
      transport,
      counters: transactionCounters,
      answered,
      gate: createNewWorkGate(guard, overload),
    },
    transport,
    random,
    {
      onRequest: (transaction) => relay.user?.onRequest(transaction),
      onCancel: (transaction, invite) => relay.user?.onCancel(transaction, invite),
      onAck: (ack, flow, bytes) => relay.user?.onAck(ack, flow, bytes),
      onStraySuccess: (response, flow) => relay.user?.onStraySuccess(response, flow),
    },
  )
  const resolveOptions: ResolveOptions = {
    staticHosts: options.staticHosts,
    dns,
    random,
    reaches: (address) => transport.reaches(address),
  }
  const context: RequestContext = {
    clock,
    random,
    logger,
    bases: options.timers,
    userAgent: options.userAgent,
    policy: options,
    transactions,
    applications: routes,
    dialogs,
    serving: new ChurningMap(),
    asking: new ChurningMap(),
    counters: userAgentCounters,
    resolve: (uri) => resolve(uri, resolveOptions),
    listeners: () => transport.listeners,
    nominalFlow: () => nominalFlow(transport.listeners[0]),
  }
  const records = new CallRecords(clock)
  const userAgent = new UserAgent(context, records, options.applicationLoss?.dialogs)
  relay.user = userAgent
  const wire: WireContext = {
    clock,
    random,
    routes,
    handler: userAgent,
    records,
    listeners: () => transport.listeners,
  }
  const flows = new FlowWatchers(transport, logger)
  await transport.start(new TransportSide(transactions, flows))
  guard?.start()
  overload?.start()
  let door: Engine['door']
  let server: WireServer | undefined
  if (options.door) {
    server = new WireServer(wire, options.door, logger)
    try {
      door = await server.start()
    } catch (error) {
      guard?.stop()
      overload?.stop()
      await transport.stop()
      throw error
    }
  }
  const outbound = new OutboundLinks(wire, options.applications ?? [], logger)
  outbound.start()
  return {
    guard,
    overload,
    listeners: transport.listeners,
    door,
    flows,
    openMemoryLink: () => openMemoryLink(wire).link,
    openDirectDoor: () => new DirectClient({ routes, handler: userAgent, logger }),
    counters: () => ({
      ...transport.counters(),
      ...transactionCounters,
      ...userAgentCounters,
      retransmissionsSent:
        transactionCounters.retransmissionsSent +
        userAgentCounters.repeatedSuccess +
        userAgentCounters.repeatedProvisionals,
      serverTransactionsAlive: transactions.alive.servers,
      clientTransactionsAlive: transactions.alive.clients,
      answersKept: answered.size,
      dialogsAlive: context.dialogs.size,
      requestsServing: context.serving.size,
      requestsAsking: context.asking.size,
      proxiedAlive: userAgent.proxiedAlive,
      recordRoutes: records.readers,
      recordsOpen: records.size,
      routes: routes.size,
      ...(guard && { ...guard.counters, bansStanding: guard.bans().length }),
      ...(overload && { ...overload.counters, overloaded: overload.report().overloaded ? 1 : 0 }),
    }),
    reloadTls: (next) => transport.renewTls(next),
    async stop() {
      guard?.stop()
      overload?.stop()
      transactions.stop()
      userAgent.stop()
      records.stop()
      outbound.stop()
      await server?.stop()
      await transport.stop()
    },
  }
}

/** What arrives from the transports; requests learn the names their peer has proved. */
class TransportSide implements TransportUser {
  readonly #transactions: TransactionLayer
  readonly #flows: FlowWatchers

  constructor(transactions: TransactionLayer, flows: FlowWatchers) {
    this.#transactions = transactions
    this.#flows = flows
  }

  onRequest(request: SipRequest, flow: Flow, bytes: number): void {
    // The transports strip it too; whoever trusts this header trusts both.
    request.headers.remove(peerNamesHeader)
    if (flow.peerNames.length > 0) request.headers.append(peerNamesHeader, flow.peerNames.join(','))
    this.#transactions.receiveRequest(request, flow, bytes)
  }

  onResponse(response: SipResponse, flow: Flow, bytes: number): void {
    response.headers.remove(peerNamesHeader)
    this.#transactions.receiveResponse(response, flow, bytes)
  }

  onFlowClosed(flow: Flow): void {
    this.#transactions.flowClosed(flow)
    this.#flows.noteClosed(flow)
  }
}

async function resolve(uri: string, options: ResolveOptions): Promise<Target[]> {
  const parsed = parseUri(/^[a-z]+:/i.test(uri) && !/^[^:]+:\d+(;|$)/.test(uri) ? uri : `sip:${uri}`)
  if (!parsed) return []
  return resolveTarget(parsed, options)
}

// Used to show a request that never left: the application must see it before its 503.
function nominalFlow(listener: ListenerAddress | undefined): Flow {
  const host = listener?.advertisedHost ?? '127.0.0.1'
  const port = listener?.advertisedPort ?? 5060
  return {
    id: 0,
    protocol: listener?.protocol ?? 'udp',
    localHost: host,
    localPort: port,
    advertisedHost: host,
    advertisedPort: port,
    remoteHost: '',
    remotePort: 0,
    peerNames: [],
    closed: true,
  }
}
