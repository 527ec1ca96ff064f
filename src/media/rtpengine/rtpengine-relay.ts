import type { Clock, Timer } from '#src/base/clock.ts'
import { ApplianceError } from '#src/base/errors.ts'
import { EventSource } from '#src/base/events.ts'
import type { Logger } from '#src/base/logger.ts'
import { formatEndpoint } from '#src/base/net.ts'
import type { Random } from '#src/base/random.ts'
import type {
  DescribeRequest,
  MediaEvents,
  MediaRelay,
  RelayTotals,
  SessionStats,
  Side,
} from '#src/media/media-relay.ts'
import { asList, asText, NgClient, type NgDictionary } from './ng-client.ts'
import { NgSession } from './ng-session.ts'
import { describeFlags } from './sdp-flags.ts'
import { relayTotals, sessionStats, uptimeS } from './session-stats.ts'

export interface RtpengineRelayOptions {
  /** Address and port of rtpengine's listen-ng. */
  host: string
  port: number
  clock: Clock
  random: Random
  logger: Logger
  /** How often we look for sessions that rtpengine gave up by itself, ms; default 10 s. */
  watchEveryMs?: number
}

/** The media relay that is an rtpengine, one host away or many; satisfies `MediaRelay` over its NG protocol. */
export function createRtpengineRelay(options: RtpengineRelayOptions): MediaRelay {
  return new RtpengineRelay(options)
}

const listLimit = 1_000_000

class RtpengineRelay extends EventSource<MediaEvents> implements MediaRelay {
  readonly #options: RtpengineRelayOptions
  readonly #client: NgClient
  readonly #sessions = new Map<string, NgSession>()
  readonly #queues = new Map<string, Promise<unknown>>()
  #watch: Timer | undefined
  #lastUptimeS = 0

  constructor(options: RtpengineRelayOptions) {
    super(options.logger)
    this.#options = options
    this.#client = new NgClient(options)
  }

  async start(): Promise<void> {
    await this.#client.start()
    try {
      await this.#command({ command: 'ping' }, 'pong')
    } catch (error) {
      this.#client.stop()
      const { host, port } = this.#options
      throw new ApplianceError(
        'MEDIA_FAILED',
        { host, port },
        {
          cause: error,
          text: `No rtpengine answers at ${formatEndpoint(host, port)}.`,
          advice: 'Check that rtpengine runs, and that its listen-ng address is the one in the settings.',
        },
      )
    }
    this.#watchSessions()
  }

  async stop(): Promise<void> {
    this.#watch?.cancel()
    // One rtpengine may serve several boxes: what is ours is ended, the rest stays.
    await Promise.allSettled([...this.#sessions.keys()].map((sessionId) => this.delete(sessionId)))
    this.#client.stop()
  }

  offer(request: DescribeRequest): Promise<string> {
    return this.#inTurn(request.sessionId, async () => {
      const known = this.#sessions.get(request.sessionId)
      const session = known ?? new NgSession(this.#options.random)
      const sdp = session.prepareOffer(request)
      const reply = await this.#describe('offer', session, request, sdp, request.from)
      this.#sessions.set(request.sessionId, session)
      return session.finishOffer(request, reply)
    })
  }

  answer(request: DescribeRequest): Promise<string> {
    return this.#inTurn(request.sessionId, async () => {
      const session = this.#sessions.get(request.sessionId)
      if (!session) throw new ApplianceError('MEDIA_FAILED', { reason: 'the session is unknown' })
      const repeated = session.repeatedAnswer(request)
      if (repeated !== undefined) return repeated
      const sdp = session.prepareAnswer(request)
      const reply = await this.#describe(
        'answer',
        session,
        request,
        sdp,
        request.from === 'caller' ? 'callee' : 'caller',
      )
      return session.finishAnswer(request, reply)
    })
  }

  delete(sessionId: string): Promise<SessionStats | undefined> {
    return this.#inTurn(sessionId, async () => {
      const session = this.#sessions.get(sessionId)
      if (!session) return undefined
      this.#sessions.delete(sessionId)
      const stats = await this.#queryStats(session)
      // Without this rtpengine keeps the ports for half a minute.
      await this.#command({ command: 'delete', 'call-id': session.callId, 'delete delay': 0 }, 'ok')
      return stats
    })
  }

  query(sessionId: string): Promise<SessionStats | undefined> {
    return this.#inTurn(sessionId, async () => {
      const session = this.#sessions.get(sessionId)
      return session && this.#queryStats(session)
    })
  }

  async totals(): Promise<RelayTotals> {
    return relayTotals(await this.#command({ command: 'statistics' }, 'ok'))
  }

  async #describe(
    command: 'offer' | 'answer',
    session: NgSession,
    request: DescribeRequest,
    sdp: string,
    offerer: Side,
  ): Promise<string> {
    const reply = await this.#command(
      {
        command,
        'call-id': session.callId,
        // In the NG protocol from-tag is always the offerer's, in answers too.
        'from-tag': offerer,
        ...(command === 'answer' || session.answered
          ? { 'to-tag': offerer === 'caller' ? 'callee' : 'caller' }
          : {}),
        sdp,
        ...describeFlags(request.toward),
      },
      'ok',
    )
    if (typeof reply.sdp === 'string') return reply.sdp
    throw new ApplianceError('MEDIA_FAILED', {
      relay: 'rtpengine',
      reason: `no sdp in the reply to ${command}`,
    })
  }

  async #queryStats(session: NgSession): Promise<SessionStats | undefined> {
    const reply = await this.#client.request({ command: 'query', 'call-id': session.callId })
    return reply.result === 'ok' ? sessionStats(reply) : undefined
  }

  async #command(command: NgDictionary, expected: 'ok' | 'pong'): Promise<NgDictionary> {
    const reply = await this.#client.request(command)
    if (reply.result === expected) return reply
    const reason = asText(reply['error-reason']) || `result ${asText(reply.result)}`
    if (/out of ports|session limit|load limit/i.test(reason))
      throw new ApplianceError('MEDIA_PORTS_EXHAUSTED', { reason })
    throw new ApplianceError('MEDIA_FAILED', { relay: 'rtpengine', command: asText(command.command), reason })
  }

  #watchSessions(): void {
    const { clock, watchEveryMs = 10_000, logger } = this.#options
    this.#watch = clock.setTimer(watchEveryMs, () => {
      this.#findLost()
        .catch((error: unknown) => {
          // No reply is no proof that media stopped: calls go on, and the next look may tell.
          logger.warn({ err: error, code: 'MEDIA_FAILED' }, 'rtpengine does not answer')
        })
        .finally(() => this.#watchSessions())
        .catch(() => undefined)
    })
  }

  async #findLost(): Promise<void> {
    const before = new Map(this.#sessions)
    const uptime = uptimeS(await this.#command({ command: 'statistics' }, 'ok'))
    const restarted = uptime < this.#lastUptimeS
    this.#lastUptimeS = uptime
    if (before.size === 0) return
    const reply = await this.#command({ command: 'list', limit: String(listLimit) }, 'ok')
    const alive = new Set(asList(reply.calls))
    for (const [sessionId, session] of before) {
      if (alive.has(session.callId) || this.#sessions.get(sessionId) !== session) continue
      this.#sessions.delete(sessionId)
      this.emit('sessionEnded', { sessionId, reason: restarted ? 'worker-died' : 'inactive' })
    }
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
}
