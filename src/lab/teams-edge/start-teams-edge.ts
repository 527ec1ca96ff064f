import { ApplianceError } from '#src/base/errors.ts'
import { Lifetime } from '#src/base/lifetime.ts'
import { startEngine, type Engine } from '#src/engine/engine.ts'
import type { EngineLimits } from '#src/engine/options.ts'
import { createMediaEndpoints } from '#src/media/endpoint/media-endpoints.ts'
import { connectEmbedded } from '#src/pbx/connect-srf.ts'
import { labTeamsHosts } from '../certificates.ts'
import type { TeamsEdge, TeamsEdgeOptions } from '../teams-edge-port.ts'
import { CallList } from './call-list.ts'
import type { EdgeContext } from './edge-context.ts'
import { edgeSip } from './edge-sip.ts'
import { takeCall } from './incoming-calls.ts'
import { OptionsProbe } from './options-probe.ts'
import { placeCall } from './outgoing-calls.ts'
import { TeamsClients } from './teams-clients.ts'

const limits: EngineLimits = {
  maxMessageBytes: 65_536,
  maxHeaderBytes: 32_768,
  maxConnections: 256,
  maxConnectionsPerSource: 256,
  halfMessageTimeoutMs: 10_000,
  idleTimeoutMs: 3_600_000,
}

/** A box that does not answer BYE must not hold up the end of the lab. */
const stopGraceMs = 3000

/** Starts the lab's Teams: SIP over mutual TLS, SRTP, and the people behind it. */
export async function startTeamsEdge(options: TeamsEdgeOptions): Promise<TeamsEdge> {
  const { clock, random, logger } = options
  const engine = await startEdgeEngine(options)
  const srf = await connectEmbedded(engine.openMemoryLink())
  const endpoints = createMediaEndpoints({ clock, random, logger })
  const lifetime = new Lifetime('teams-edge', logger)
  const context: EdgeContext = {
    sip: edgeSip(srf),
    endpoints,
    calls: new CallList(clock),
    clients: new TeamsClients(options.people),
    lifetime,
    listenHost: options.listenHost,
    hosts: labTeamsHosts,
    port: engine.listeners[0]?.port ?? options.port,
    trunkFqdn: options.certificates.sbcFqdn,
    boxAddress: () => options.boxAddress(),
    clock,
    logger,
  }
  const callBack = (from: string, to: string, afterMs: number): void => {
    lifetime.run(`call back ${to}`, async (signal) => {
      await clock.sleep(afterMs, signal)
      await placeCall(context, { from, to }).catch((error: unknown) => {
        logger.warn({ from, to, err: error }, 'could not call back')
      })
    })
  }
  const probe = new OptionsProbe(context)
  context.sip.handle('options', (request, reply) => probe.answer(request, reply))
  context.sip.handle('invite', (request, reply) => {
    lifetime.run('call from the box', () => takeCall(context, request, reply, callBack))
  })
  logger.info({ port: context.port, hosts: context.hosts }, 'the Teams edge of the lab listens')
  let stopping: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    for (const entry of context.calls.allGoing()) entry.hangUp?.()
    const grace = new AbortController()
    await Promise.race([
      lifetime.stop().then(() => grace.abort()),
      clock.sleep(stopGraceMs, grace.signal).catch(() => undefined),
    ])
    endpoints.close()
    srf.disconnect()
    await engine.stop()
  }
  return {
    port: context.port,
    setBehaviour: (number, behaviour) => context.clients.setBehaviour(number, behaviour),
    behaviour: (number) => context.clients.find(number)?.behaviour,
    placeCall: (request) => placeCall(context, request),
    hangUp(callId) {
      const entry = context.calls.going(callId)
      entry?.hangUp?.()
      return entry !== undefined
    },
    calls: () => context.calls.views(),
    stop: () => (stopping ??= stop()),
  }
}

async function startEdgeEngine(options: TeamsEdgeOptions): Promise<Engine> {
  const { certificates, clock, random, logger } = options
  const { certificatePem, keyPem } = certificates.teamsEdge
  try {
    return await startEngine({
      listen: [
        {
          protocol: 'tls',
          host: options.listenHost,
          port: options.port,
          advertisedHost: labTeamsHosts[0] ?? options.listenHost,
          // One certificate serves all three names.
          tls: {
            fallback: { certificatePem, keyPem },
            byName: [],
            trust: [{ name: 'lab', caPem: [certificates.caPem], names: ['*'], acceptsServerAuthOnly: true }],
          },
        },
      ],
      outboundTls: [{ names: ['*'], certificatePem, keyPem, caPem: [certificates.caPem] }],
      // Read at each look-up: the box tells its address after the edge has started, and may move.
      staticHosts: [
        {
          name: certificates.sbcFqdn,
          get address() {
            return options.boxAddress()?.host ?? '127.0.0.1'
          },
        },
      ],
      limits,
      timers: { t1Ms: 500, t2Ms: 4000, t4Ms: 5000 },
      door: undefined,
      userAgent: 'Branchline lab Teams edge',
      clock,
      random,
      logger,
    })
  } catch (error) {
    if (error instanceof ApplianceError) throw error
    throw new ApplianceError('LAB_FAILED', { part: 'teams-edge' }, { cause: error })
  }
}
