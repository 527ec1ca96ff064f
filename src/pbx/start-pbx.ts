import { lookup } from 'node:dns/promises'
import { EventSource } from '#src/base/events.ts'
import { Lifetime } from '#src/base/lifetime.ts'
import { sparingly } from '#src/base/sparing-logger.ts'
import type { MediaRelay } from '#src/media/media-relay.ts'
import { CallBook } from './calls/call-book.ts'
import type { AnsweredCall } from './calls/call-lifetime.ts'
import { refuse, type CallContext } from './calls/connect-call.ts'
import { Counters } from './counters.ts'
import { mediaAddress, type MediaAddress } from './media-address.ts'
import type { PbxOptions } from './options.ts'
import type { Pbx, PbxEvents, TrunkHealth } from './ports.ts'
import { DigestAuthenticator } from './registrar/authenticate-digest.ts'
import { NonceBook } from './registrar/nonce.ts'
import { watchFlows } from './registrar/watch-flows.ts'
import { startExpiry, type RegistrarContext } from './registrar/registrar.ts'
import { registerMiddleware } from './register-middleware.ts'
import { notifyLine } from './services/notify-line.ts'
import { featureRunner } from './services/run-feature.ts'
import { withDirectRequests } from './direct-port.ts'
import { srfPort } from './srf-port.ts'
import { startOptionsPing } from './uplink/options-ping.ts'
import type { TrunkIdentity } from './uplink/teams-headers.ts'
import { TrunkPeer } from './uplink/trunk-peer.ts'
import { TrunkState } from './uplink/trunk-state.ts'

/** A phone that does not answer BYE must not hold up the end of the box. */
const lastWordsMs = 2_000

/** Puts registrar, calls, feature codes and trunk together on a connected drachtio-srf. */
export async function startPbx(options: PbxOptions): Promise<Pbx> {
  const { store, relay, clock, random, logger, trunk, settings } = options
  const lifetime = new Lifetime('calls', logger)
  const events = new EventSource<PbxEvents>(logger)
  const counters = new Counters()
  const sip = withDirectRequests(srfPort(options.srf, logger), options.direct)
  // For what anybody who reaches the SIP port can cause.
  const sparing = sparingly(logger, clock)
  const book = new CallBook({ callLog: store.callLog, events, counters, clock, logger })
  const teams = startTrunk()
  let stopping = false

  const registrar: RegistrarContext = {
    store,
    settings,
    events,
    counters,
    clock,
    random,
    logger,
    evidence: options.evidence,
    authenticator: new DigestAuthenticator({
      lines: store.lines,
      nonces: new NonceBook({ clock, random }),
      counters,
      realm: () => settings().sip.realm,
      algorithms: () => settings().sip.digestAlgorithms,
      logger: sparing,
      evidence: options.evidence,
    }),
  }
  const mediaAddressToward = async (peer: string): Promise<MediaAddress> =>
    mediaAddress(await options.localAddressToward(peer), settings().advertisedAddress)
  const { flows } = options
  const reach = watchFlows({ store, flows, events, counters, clock, logger, lifetime })
  const calls: CallContext = {
    sip,
    store,
    book,
    relay,
    settings,
    counters,
    clock,
    logger,
    teams,
    watchSession: sessionWatch(relay, lifetime),
    mediaAddressToward,
    reach,
    trace: options.callTrace,
    features: featureRunner({
      sip,
      endpoints: options.endpoints,
      prompts: options.prompts,
      signIn: options.signIn,
      enrolment: options.enrolment,
      mediaAddressToward,
      refuse: (incoming, cause) => refuse(incoming, cause, { counters, settings }),
      counters,
    }),
  }
  registerMiddleware({
    calls,
    registrar,
    authenticator: registrar.authenticator,
    trunkPeer: new TrunkPeer({
      hosts: trunk?.hosts ?? [],
      foreignEngine: options.foreignEngine ?? false,
      resolveHost: options.resolveHost ?? resolveByDns,
      clock,
      logger: sparing,
    }),
    stopping: () => stopping,
    newCallId: () => random.token(16),
    logger: sparing,
  })
  startExpiry({ ...registrar, lifetime })

  function startTrunk(): { identity: TrunkIdentity; state: TrunkState } | undefined {
    if (!trunk) return undefined
    const tls = options.listeners.find((listener) => listener.protocol === 'tls')
    // A drachtio-server keeps its listeners to itself; then the configured port is what we know.
    const identity = { sbcFqdn: trunk.sbcFqdn, contactPort: tls?.port ?? settings().sip.tlsPort }
    const state = new TrunkState({
      hosts: trunk.hosts,
      intervalMs: trunk.optionsIntervalMs,
      clock,
      onChange(health) {
        logTrunk(health)
        events.emit('trunkChanged', health)
      },
    })
    const { hosts, optionsIntervalMs: intervalMs } = trunk
    startOptionsPing({ hosts, intervalMs, identity, state, sip, counters, clock, lifetime, logger })
    return { identity, state }
  }

  function logTrunk(health: TrunkHealth): void {
    const fields = { trunk: health.name, state: health.state, hosts: health.hosts }
    if (health.state === 'down') logger.error(fields, 'no Teams host answers OPTIONS')
    else logger.info(fields, 'the trunk changed')
  }

  /** Ends what is left and waits for its last words: the BYEs and the call log. */
  async function endCalls(): Promise<void> {
    book.stopAll('CALL_ENDED_BY_SHUTDOWN')
    await book.whenEmpty()
    await atMost(lastWordsMs, book.settled())
  }

  async function atMost(limitMs: number, work: Promise<unknown>): Promise<void> {
    const enough = new AbortController()
    // Aborted below, when the work was done before the time was over.
    await Promise.race([work, clock.sleep(limitMs, enough.signal).catch(() => undefined)])
    enough.abort(new Error('done'))
  }

  return {
    on: (name, listener) => events.on(name, listener),
    liveCalls: () => book.list(),
    hangUp: (callId) => book.stop(callId, 'CALL_ENDED_BY_ADMIN'),
    trunks: () => [teams?.state.health() ?? { name: 'teams', state: 'off', hosts: [] }],
    counters: () => counters.snapshot(),
    flowOpen: (flow) => (flow.protocol === 'udp' ? undefined : flows?.isOpen(flow)),
    notify: (username, notification) =>
      notifyLine({ sip, bindings: store.bindings, reach, clock, logger }, username, notification),
    async drain(graceMs) {
      stopping = true
      await atMost(graceMs, book.whenEmpty())
      await endCalls()
    },
    async stop() {
      stopping = true
      await endCalls()
      await lifetime.stop()
    },
  }
}

/** One listener on the relay for all calls; each call asks about its own session. */
function sessionWatch(relay: MediaRelay, lifetime: Lifetime): AnsweredCall['watchSession'] {
  const watching = new Map<string, (reason: 'worker-died' | 'inactive') => void>()
  lifetime.own(
    'session-watch',
    relay.on('sessionEnded', ({ sessionId, reason }) => watching.get(sessionId)?.(reason)),
  )
  return (sessionId, onEnded) => {
    watching.set(sessionId, onEnded)
    return () => watching.delete(sessionId)
  }
}

async function resolveByDns(name: string): Promise<string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address)
}
