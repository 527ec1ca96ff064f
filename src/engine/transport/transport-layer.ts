import { ApplianceError, errorText } from '#src/base/errors.ts'
import type { Timer } from '#src/base/clock.ts'
import { formatEndpoint, isIPv6Text } from '#src/base/net.ts'
import { formatMessage } from '#src/sip/format-message.ts'
import type { SipRequest } from '#src/sip/message.ts'
import { parseVia } from '#src/sip/via.ts'
import type { EngineOptions, ListenOptions, TlsRenewal, TlsRenewed } from '../options.ts'
import { listenerAddress } from './advertised.ts'
import { coversName } from './certificate-names.ts'
import { ConnectionPool, type PooledFlow } from './connection-pool.ts'
import { createCounters } from './counters.ts'
import { Intake } from './intake.ts'
import { isWildcard, LocalAddresses } from './local-address.ts'
import { StreamConnection } from './stream-connection.ts'
import { dialTcp, TcpListener, type DialOptions } from './tcp.ts'
import { LargeRequests, largeRequestDialMs, withinDialTime } from './large-requests.ts'
import { TargetHealth } from './target-health.ts'
import { adviseOnOwnCertificate, ConnectError } from './tls-advice.ts'
import { certificatesOf, OutboundProfiles, refuseExpired } from './tls-contexts.ts'
import { dialTls, TlsListener } from './tls.ts'
import type { Doorkeeper, TransportContext, TransportFlow } from './transport-context.ts'
import type { Flow, ListenerAddress, Target, TransportLayer, TransportUser } from './transport-port.ts'
import { UdpListener } from './udp.ts'
import { WebSocketListener } from './websocket.ts'

/** What the transports need of the engine's options. */
export type TransportOptions = Pick<
  EngineOptions,
  'listen' | 'outboundTls' | 'limits' | 'largeRequests' | 'tap' | 'clock' | 'random' | 'logger'
> & { doorkeeper?: Doorkeeper | undefined }

/** The transport layer with what it has counted so far. */
export interface CountingTransportLayer extends TransportLayer {
  /** A copy of all counters, plus the connections that are open now. */
  counters(): Record<string, number>
  /** True when a peer that proved a name by certificate is connected from this source (guard/source.ts). */
  isProvenPeer(source: string): boolean
  /** True when this machine has a route to an address. */
  reaches(address: string): boolean
  /** Puts new certificates into force for handshakes to come, all of them or none; connections stay. */
  renewTls(next: TlsRenewal): TlsRenewed
}

const sweepEveryMs = 1000
/** Short of timer B, so that the next target of RFC 3263 4.3 still has its turn. */
const connectTimeoutMs = 5000

type Listener = UdpListener | TcpListener | TlsListener | WebSocketListener

/** Builds the layer; nothing is bound before `start`. */
export function createTransportLayer(options: TransportOptions): CountingTransportLayer {
  return new Layer(options)
}

class Layer implements CountingTransportLayer {
  readonly #options: TransportOptions
  readonly #pool: ConnectionPool
  readonly #intake: Intake
  readonly #context: TransportContext
  readonly #counters = createCounters()
  readonly #listeners: Listener[] = []
  readonly #health: TargetHealth
  readonly #large: LargeRequests
  #profiles: OutboundProfiles | undefined
  /** Certificates that the listeners show, in PEM. */
  #shown: ReadonlySet<string> = new Set()
  #user: TransportUser | undefined
  #sweepTimer: Timer | undefined
  #abort = new AbortController()
  #lastFlowId = 0

  constructor(options: TransportOptions) {
    this.#options = options
    const { limits, clock, random, logger } = options
    this.#pool = new ConnectionPool(limits)
    this.#health = new TargetHealth(clock)
    this.#large = new LargeRequests(options.largeRequests, clock)
    this.#intake = new Intake({
      limits,
      counters: this.#counters,
      random,
      logger,
      onVia: (via, flow) => this.#noteAlias(via, flow),
      tap: options.tap,
      doorkeeper: options.doorkeeper,
    })
    this.#context = {
      clock,
      logger,
      limits,
      counters: this.#counters,
      localAddresses: new LocalAddresses(clock),
      doorkeeper: options.doorkeeper,
      newFlowId: () => ++this.#lastFlowId,
      receive: (bytes, flow) => this.#intake.receive(bytes, flow),
      refuse: (head, status, reason, flow) => this.#intake.refuse(head, status, reason, flow),
      flowClosed: (flow) => this.#onFlowClosed(flow),
    }
  }

  async start(user: TransportUser): Promise<void> {
    this.#user = user
    this.#intake.user = user
    this.#abort = new AbortController()
    try {
      this.#profiles = new OutboundProfiles(this.#options.outboundTls)
    } catch (error) {
      throw new ApplianceError(
        'ENGINE_FAILED',
        { part: 'outbound TLS', reason: errorText(error) },
        { cause: error },
      )
    }
    for (const listen of this.#options.listen) {
      const listener = this.#createListener(listen)
      try {
        await listener.start()
      } catch (error) {
        await this.stop()
        throw startFailure(listen, error)
      }
      this.#listeners.push(listener)
    }
    this.#shown = new Set(this.#options.listen.flatMap(({ tls }) => (tls ? certificatesOf(tls) : [])))
    this.#sweepLater()
  }

  #createListener(listen: ListenOptions): Listener {
    if (listen.protocol === 'udp') return new UdpListener(listen, this.#context)
    if (listen.protocol === 'tcp') return new TcpListener(listen, this.#context, this.#pool)
    if (listen.protocol === 'tls') return new TlsListener(listen, this.#context, this.#pool)
    return new WebSocketListener(listen, this.#context, this.#pool)
  }

  async stop(): Promise<void> {
    this.#sweepTimer?.cancel()
    this.#sweepTimer = undefined
    this.#abort.abort()
    const stopping = this.#listeners.splice(0).map((listener) => listener.stop())
    this.#pool.destroyAll()
    await Promise.all(stopping)
  }

  get listeners(): readonly ListenerAddress[] {
    return this.#listeners.map(listenerAddress)
  }

  counters(): Record<string, number> {
    return { ...this.#counters, connectionsOpen: this.#pool.size }
  }

  isProvenPeer(source: string): boolean {
    return this.#pool.isProven(source)
  }

  async connect(target: Target): Promise<Flow> {
    if (target.protocol !== 'udp') return this.#connectStream(target, connectTimeoutMs)
    const listener = this.#listenerFor(target)
    if (!(listener instanceof UdpListener)) {
      throw new Error(`no UDP listener can reach ${formatEndpoint(target.host, target.port)}`)
    }
    return listener.flowTo(target.host, target.port)
  }

  async #connectStream(target: Target, timeoutMs: number): Promise<Flow> {
    const { protocol } = target
    if (protocol === 'ws' || protocol === 'wss') {
      // RFC 7118 5.2: browsers dial, nobody can dial them.
      const open = this.#pool.find(protocol, target.host, target.port)
      if (open) return open
      throw new Error(`the WebSocket to ${formatEndpoint(target.host, target.port)} is closed`)
    }
    const profiles = this.#profiles
    if (!profiles || this.#abort.signal.aborted) throw new Error('the transports are not running')
    const dial: DialOptions = {
      target,
      listener: this.#listenerFor(target),
      context: this.#context,
      pool: this.#pool,
      timeoutMs,
      signal: this.#abort.signal,
    }
    const secure = protocol === 'tls'
    const trust = secure ? profiles.profileFor(target.serverName ?? target.host).key : undefined
    try {
      return await this.#pool.connect(target, trust, () =>
        secure ? dialTls({ ...dial, profiles }) : dialTcp(dial),
      )
    } catch (error) {
      if (this.#abort.signal.aborted || !(error instanceof Error)) throw error
      this.#health.noteFailed(target)
      const failure = new ConnectError(target, error)
      const { advice } = failure
      this.#options.logger.warn(
        { err: failure, ...(advice === undefined ? {} : { advice }) },
        'no connection',
      )
      throw failure
    }
  }

  connectLarge(request: SipRequest, target: Target): Promise<Flow> | undefined {
    const stream = this.#large.streamFor(request, target)
    if (!stream) return undefined
    const open = this.#pool.findFor(stream)
    if (open) {
      this.#counters.largeRequestsOverTcp++
      return Promise.resolve(open)
    }
    const attempt = this.#connectStream(stream, largeRequestDialMs)
    // Impatience says nothing about the peer, only how the attempt itself ends.
    void attempt.catch(() => this.#large.noteRefused(target))
    return withinDialTime(this.#options.clock, attempt).then((flow) => {
      this.#counters.largeRequestsOverTcp++
      return flow
    })
  }

  livingFirst(targets: readonly Target[]): readonly Target[] {
    return this.#health.livingFirst(targets)
  }

  noteFailed(target: Target, quietMs?: number): void {
    this.#health.noteFailed(target, quietMs)
  }

  noteUnanswered(flow: Flow, sinceMs: number): void {
    if (flow instanceof StreamConnection) flow.noteUnanswered(sinceMs)
  }

  reaches(address: string): boolean {
    return this.#context.localAddresses.toward(address) !== undefined
  }

  renewTls(next: TlsRenewal): TlsRenewed {
    try {
      const { server, outbound } = next
      const apply: (() => void)[] = []
      if (server) {
        refuseExpired(server, this.#shown, this.#options.clock.nowMs())
        apply.push(() => (this.#shown = new Set(certificatesOf(server))))
        for (const listener of this.#listeners) {
          if ('prepareTls' in listener && listener.secure) apply.push(listener.prepareTls(server))
        }
      }
      if (outbound) {
        const profiles = new OutboundProfiles(outbound)
        apply.push(() => (this.#profiles = profiles))
      }
      for (const step of apply) step()
      return { applied: true }
    } catch (error) {
      return { applied: false, reason: adviseOnOwnCertificate(error) ?? errorText(error) }
    }
  }

  findFlow(protocol: Flow['protocol'], host: string, port: number): Flow | undefined {
    if (protocol !== 'udp') return this.#pool.find(protocol, host, port)
    for (const listener of this.#listeners) {
      const flow = listener instanceof UdpListener ? listener.findFlow(host, port) : undefined
      if (flow) return flow
    }
    return undefined
  }

  send(message: Parameters<TransportLayer['send']>[0], flow: Flow, onError: (error: Error) => void): number {
    const bytes = formatMessage(message)
    if (!isTransportFlow(flow)) {
      setImmediate(() => onError(new Error('this flow belongs to another transport layer')))
      return 0
    }
    this.#counters.messagesSent++
    this.#counters.bytesSent += bytes.length
    flow.write(bytes, message.kind === 'request', onError)
    if (this.#options.tap !== undefined) this.#options.tap.sent(bytes, flow, message)
    return bytes.length
  }

  // The listener that a new flow leaves from and is known by: of the target's protocol and family, bound to the
  // address that routing would choose anyway, else to all addresses, else the first.
  #listenerFor(target: Target): Listener | undefined {
    const candidates = this.#listeners.filter(
      ({ options }) =>
        options.protocol === target.protocol && isIPv6Text(options.host) === isIPv6Text(target.host),
    )
    if (candidates.length < 2) return candidates[0]
    const local = this.#context.localAddresses.toward(target.host)
    return (
      candidates.find(({ options }) => options.host === local) ??
      candidates.find(({ options }) => isWildcard(options.host)) ??
      candidates[0]
    )
  }

  // RFC 5923 8: a peer that says `alias` lets us reuse its connection for requests to the address of its Via, but
  // only when it has proved to be that host: by certificate, or over TCP by coming from that address.
  #noteAlias(via: string, flow: TransportFlow): void {
    if (!(flow instanceof StreamConnection) || !via.includes('alias')) return
    const parsed = parseVia(via)
    if (!parsed?.params.has('alias')) return
    const proved =
      flow.protocol === 'tls'
        ? flow.peerNames.some((pattern) => coversName(pattern, parsed.host))
        : parsed.host === flow.remoteHost
    if (proved) this.#pool.addAlias(flow, parsed.port ?? (flow.protocol === 'tls' ? 5061 : 5060))
  }

  #onFlowClosed(flow: TransportFlow): void {
    if (flow.protocol !== 'udp') this.#pool.remove(flow as PooledFlow)
    try {
      this.#user?.onFlowClosed(flow)
    } catch (error) {
      this.#counters.userFailures++
      this.#options.logger.error({ err: error }, 'handling a closed SIP connection failed')
    }
  }

  #sweepLater(): void {
    this.#sweepTimer = this.#options.clock.setTimer(sweepEveryMs, () => {
      const nowMs = this.#options.clock.monotonicMs()
      for (const connection of this.#pool.all) connection.sweep(nowMs)
      for (const listener of this.#listeners) if ('sweep' in listener) listener.sweep(nowMs)
      this.#sweepLater()
    })
  }
}

function isTransportFlow(flow: Flow): flow is TransportFlow {
  return 'write' in flow
}

const portProblems = ['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL']

function startFailure(listen: ListenOptions, error: unknown): ApplianceError {
  const { protocol, host, port } = listen
  const details = { protocol, host, port, reason: errorText(error) }
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'string' && portProblems.includes(code)
    ? new ApplianceError('PORT_IN_USE', details, {
        cause: error,
        text: `${protocol.toUpperCase()} port ${port} on ${host} cannot be used.`,
        advice: `Stop the program that uses it (ss -lntup shows which), or choose another SIP port, and restart the box.`,
      })
    : new ApplianceError('ENGINE_FAILED', details, { cause: error })
}
