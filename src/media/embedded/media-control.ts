import type { Clock } from '#src/base/clock.ts'
import { ApplianceError } from '#src/base/errors.ts'
import { EventSource } from '#src/base/events.ts'
import { isIpLiteral } from '#src/base/net.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Random } from '#src/base/random.ts'
import type {
  DescribeRequest,
  LegStats,
  MediaEvents,
  MediaRelay,
  RelayTotals,
  SessionStats,
  Side,
} from '#src/media/media-relay.ts'
import type { WorkerLegStats, WorkerSessionStats } from './protocol.ts'
import { otherSide, profileOf, SessionSdp, type LegPorts } from './session-sdp.ts'
import { WorkerGroup } from './worker-group.ts'
import type { WorkerHost } from './worker-host.ts'

export interface EmbeddedRelayOptions {
  portMin: number
  portMax: number
  workers: number
  clock: Clock
  random: Random
  logger: Logger
  /** Rest of a freed port pair, ms; default 2 s, in which late packets of the old call die out. */
  reuseDelayMs?: number
  /** A session in which nothing arrives for this long ends, ms; default one hour, 0 = never. */
  inactiveAfterMs?: number
}

/** The media relay in the box: worker threads that forward packets, and this side that speaks SDP. */
export function createEmbeddedRelay(options: EmbeddedRelayOptions): EmbeddedRelay {
  return new EmbeddedRelay(options)
}

interface Session {
  readonly host: WorkerHost
  readonly sdp: SessionSdp
  readonly ports: Partial<Record<Side, LegPorts>>
  lastAnswer: { key: string; text: string } | undefined
}

/** `MediaRelay` in this process; made by `createEmbeddedRelay`. */
export class EmbeddedRelay extends EventSource<MediaEvents> implements MediaRelay {
  readonly #options: EmbeddedRelayOptions
  readonly #logger: Logger
  readonly #group: WorkerGroup
  readonly #sessions = new Map<string, Session>()
  /** Requests of one session happen one after the other. */
  readonly #queues = new Map<string, Promise<unknown>>()

  constructor(options: EmbeddedRelayOptions) {
    super(options.logger)
    this.#options = options
    this.#logger = options.logger
    this.#group = new WorkerGroup({
      ...options,
      reuseDelayMs: options.reuseDelayMs ?? 2000,
      inactiveAfterMs: options.inactiveAfterMs ?? 3_600_000,
      onDeath: (host) => this.#lose(host),
      onInactive: (sessionId) => this.#end(sessionId, 'inactive'),
    })
  }

  start(): Promise<void> {
    return this.#group.start()
  }

  async stop(): Promise<void> {
    this.#sessions.clear()
    await this.#group.stop()
  }

  /** The workers that run now; to end one on purpose, and see what happens. */
  get workers(): WorkerHost[] {
    return this.#group.hosts
  }

  offer(request: DescribeRequest): Promise<string> {
    return this.#inTurn(request.sessionId, async () => {
      checkAddresses(request)
      const described = SessionSdp.readOffer(request.sdp)
      const session = this.#sessions.get(request.sessionId) ?? (await this.#open(request))
      const ports = await this.#bind(session, request.sessionId, otherSide(request.from), request)
      session.lastAnswer = undefined
      return session.sdp.offer(request, described, ports)
    })
  }

  answer(request: DescribeRequest): Promise<string> {
    return this.#inTurn(request.sessionId, async () => {
      checkAddresses(request)
      const session = this.#sessions.get(request.sessionId)
      if (!session) throw new ApplianceError('MEDIA_FAILED', { reason: 'the session is unknown' })
      const key = JSON.stringify([request.from, request.toward, request.sdp])
      if (session.lastAnswer?.key === key) return session.lastAnswer.text
      const described = session.sdp.readAnswer(request)
      const ports = await this.#bind(session, request.sessionId, otherSide(request.from), request)
      const text = session.sdp.answer(request, described, ports)
      await session.host.request({
        kind: 'setMedia',
        sessionId: request.sessionId,
        ...session.sdp.legSpecs(described),
        relatch: session.lastAnswer === undefined,
      })
      session.lastAnswer = { key, text }
      return text
    })
  }

  delete(sessionId: string): Promise<SessionStats | undefined> {
    return this.#inTurn(sessionId, async () => {
      const session = this.#sessions.get(sessionId)
      if (!session) return undefined
      this.#sessions.delete(sessionId)
      const result = await session.host.request({ kind: 'closeSession', sessionId })
      return result.kind === 'stats' && result.stats ? sessionStats(result.stats) : undefined
    })
  }

  query(sessionId: string): Promise<SessionStats | undefined> {
    return this.#inTurn(sessionId, async () => {
      const session = this.#sessions.get(sessionId)
      if (!session) return undefined
      const result = await session.host.request({ kind: 'querySession', sessionId })
      return result.kind === 'stats' && result.stats ? sessionStats(result.stats) : undefined
    })
  }

  async totals(): Promise<RelayTotals> {
    const totals = { sessions: 0, portsInUse: 0, portsTotal: 0 }
    for (const result of await Promise.all(
      this.#group.hosts.map((host) => host.request({ kind: 'totals' })),
    )) {
      if (result.kind !== 'totals') continue
      totals.sessions += result.sessions
      totals.portsInUse += result.portsInUse
      totals.portsTotal += result.portsTotal
    }
    return totals
  }

  /** Binds the reader's leg of a new session on the worker with the fewest sessions that has ports left. */
  async #open(request: DescribeRequest): Promise<Session> {
    const load = new Map(this.#group.hosts.map((host) => [host, 0]))
    for (const { host } of this.#sessions.values()) load.set(host, (load.get(host) ?? 0) + 1)
    const hosts = [...load].sort((a, b) => a[1] - b[1]).map(([host]) => host)
    let failure: ApplianceError | undefined
    for (const host of hosts) {
      const session: Session = {
        host,
        sdp: new SessionSdp(this.#options.random),
        ports: {},
        lastAnswer: undefined,
      }
      try {
        await this.#bind(session, request.sessionId, otherSide(request.from), request)
        this.#sessions.set(request.sessionId, session)
        return session
      } catch (error) {
        if (!(error instanceof ApplianceError)) throw error
        failure = error
        // A reply that came too late has opened ports that nobody knows of.
        host.request({ kind: 'closeSession', sessionId: request.sessionId }).catch(() => undefined)
        if (error.code !== 'MEDIA_PORTS_EXHAUSTED') break
      }
    }
    throw failure ?? new ApplianceError('MEDIA_FAILED', { reason: 'no media worker is running' })
  }

  async #bind(session: Session, sessionId: string, side: Side, request: DescribeRequest): Promise<LegPorts> {
    const known = session.ports[side]
    if (known) return known
    const { localAddress } = request.toward
    const result = await session.host.request({ kind: 'openLeg', sessionId, side, localAddress })
    if (result.kind !== 'opened') throw new ApplianceError('MEDIA_FAILED', { reason: 'no port was opened' })
    const ports = { port: result.port, rtcpPort: result.rtcpPort }
    session.ports[side] = ports
    return ports
  }

  async #inTurn<T>(sessionId: string, work: () => Promise<T>): Promise<T> {
    const before = this.#queues.get(sessionId)
    const mine = before ? before.then(work, work) : work()
    this.#queues.set(sessionId, mine)
    try {
      return await mine
    } finally {
      if (this.#queues.get(sessionId) === mine) this.#queues.delete(sessionId)
    }
  }

  #lose(host: WorkerHost): number[] {
    const lost = [...this.#sessions].filter(([, session]) => session.host === host)
    this.#logger.error({ code: 'MEDIA_FAILED', sessions: lost.length }, 'a media worker died')
    for (const [sessionId] of lost) this.#end(sessionId, 'worker-died')
    return lost.flatMap(([, { ports }]) => [ports.caller, ports.callee].flatMap((leg) => leg?.port ?? []))
  }

  #end(sessionId: string, reason: MediaEvents['sessionEnded']['reason']): void {
    if (this.#sessions.delete(sessionId)) this.emit('sessionEnded', { sessionId, reason })
  }
}

function checkAddresses(request: DescribeRequest): void {
  const { localAddress, advertisedAddress } = request.toward
  const shown = advertisedAddress ?? localAddress
  if (isIpLiteral(localAddress) && shown !== '0.0.0.0' && shown !== '::' && shown !== '') return
  throw new ApplianceError(
    'MEDIA_FAILED',
    { localAddress, advertisedAddress },
    { advice: 'Give the address that this side can reach; 0.0.0.0 in SDP would mean a hold.' },
  )
}

function sessionStats(stats: WorkerSessionStats): SessionStats {
  return { caller: legStats(stats.caller), callee: legStats(stats.callee) }
}

function legStats({ secure, ...counters }: WorkerLegStats): LegStats {
  return { profile: profileOf(secure), ...counters }
}
