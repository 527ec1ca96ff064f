import type { Clock } from '#src/base/clock.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Random } from '#src/base/random.ts'
import { RunningSession } from './endpoint-session.ts'
import { LocalDescription } from './local-description.ts'
import type { EndpointOptions, EndpointSession, MediaEndpoints } from './media-endpoint.ts'
import { MediaPortPool, type MediaPorts } from './media-ports.ts'

/** What the endpoints need. Without a port range the system chooses the ports. */
export interface MediaEndpointsOptions {
  portMin?: number
  portMax?: number
  clock: Clock
  random: Random
  logger: Logger
}

/** The endpoints of one process; `sessions` and `portsInUse` are 0 when nothing leaks. */
export interface RunningMediaEndpoints extends MediaEndpoints {
  readonly sessions: number
  readonly portsInUse: number
  /** Closes every session. */
  close(): void
}

/** Makes RTP end in this process. Opens nothing before the first session. */
export function createMediaEndpoints(options: MediaEndpointsOptions): RunningMediaEndpoints {
  const { clock, random, logger } = options
  const pool = new MediaPortPool({ min: options.portMin ?? 0, max: options.portMax ?? 0 })
  const sessions = new Set<EndpointSession>()

  const open = async (
    { localAddress, advertisedAddress, require }: EndpointOptions,
    describe: (session: RunningSession, description: LocalDescription) => void,
  ): Promise<EndpointSession> => {
    const ports: MediaPorts = await pool.open(localAddress)
    const description = new LocalDescription({
      address: advertisedAddress ?? localAddress,
      rtpPort: ports.rtpPort,
      rtcpPort: ports.rtcpPort,
      require,
      random,
    })
    const session: RunningSession = new RunningSession({
      ports,
      description,
      clock,
      random,
      logger,
      onClosed: () => sessions.delete(session),
    })
    sessions.add(session)
    try {
      describe(session, description)
    } catch (error) {
      session.close()
      throw error
    }
    return session
  }

  return {
    get sessions() {
      return sessions.size
    },
    get portsInUse() {
      return pool.inUse
    },
    answer: (offerSdp, endpoint) => open(endpoint, (session) => void session.renegotiate(offerSdp)),
    offer: (endpoint) => open(endpoint, (_session, description) => description.offer(endpoint.profile)),
    close: () => {
      for (const session of sessions) session.close()
    },
  }
}
