import type { Lifetime } from '#src/base/lifetime.ts'
import type { Logger } from '#src/base/logger.ts'
import { startEngine, type Engine } from '#src/engine/engine.ts'
import type Srf from 'drachtio-srf'
import type { DirectDoor } from '#src/engine/direct-door.ts'
import type { EngineOptions, ListenOptions } from '#src/engine/options.ts'
import type { ListenerAddress } from '#src/engine/transport/transport-port.ts'
import type { Signalling } from '#src/engine/trace/signalling.ts'
import type { Health } from '#src/health/health.ts'
import type { BoxCertificate } from '#src/host/certificate.ts'
import type { LocalAddressFinder } from '#src/host/local-address.ts'
import { createEmbeddedRelay } from '#src/media/embedded/media-control.ts'
import { createMediaEndpoints } from '#src/media/endpoint/media-endpoints.ts'
import { prompt, spell } from '#src/media/endpoint/prompts.ts'
import type { MediaRelay } from '#src/media/media-relay.ts'
import { createRtpengineRelay } from '#src/media/rtpengine/rtpengine-relay.ts'
import type { Settings } from '#src/model/settings.ts'
import type { TenantEndpoints } from '#src/model/tenant.ts'
import { connectDrachtio, connectEmbedded } from '#src/pbx/connect-srf.ts'
import type { EnrolmentPort, Pbx, PeerEvidence, SignInPort } from '#src/pbx/ports.ts'
import { startPbx } from '#src/pbx/start-pbx.ts'
import type { Store } from '#src/store/store.ts'
import { evidenceFor, guardOptions } from './guard-side.ts'
import type { LiveSettings } from './live-settings.ts'
import type { ApplianceOptions } from './options.ts'
import { reportWaiting, startPart, type Started } from './part.ts'
import { outboundTlsOf, serverTlsOf } from './sip-certificates.ts'

export interface CallSideParts {
  options: ApplianceOptions
  settings: Settings
  live: LiveSettings
  health: Health
  lifetime: Lifetime
  store: Store
  signIn: SignInPort
  enrolment: EnrolmentPort
  certificate: BoxCertificate | undefined
  tenant: TenantEndpoints | undefined
  addresses: LocalAddressFinder
  /** Hears every SIP message. */
  signalling: Signalling
}

/** What runs on the call side; a part that did not start is undefined. */
export interface CallSide {
  engine: Engine | undefined
  relay: MediaRelay | undefined
  pbx: Pbx | undefined
}

interface Sip {
  srf: Srf
  engine: Engine | undefined
  /** Undefined with a drachtio-server: it speaks to the library only. */
  direct: DirectDoor | undefined
  listeners: readonly ListenerAddress[]
}

/** Starts the SIP engine, the media relay and the calls, in this order. */
export async function startCallSide(parts: CallSideParts): Promise<CallSide> {
  const { options, settings, health, lifetime } = parts
  const logger = options.log.logger
  const context = { health, logger }

  const relay = await startPart(context, 'media', async () => {
    const value = createRelay(parts, logger.child({ part: 'media' }))
    await value.start()
    lifetime.own('media', () => value.stop())
    const { portsTotal } = await value.totals()
    const where =
      settings.media.relay === 'rtpengine'
        ? `rtpengine at ${settings.media.rtpengine.host}:${settings.media.rtpengine.port}`
        : `the embedded relay, UDP ports ${settings.media.portMin}-${settings.media.portMax}`
    return { value, detail: `Audio goes through ${where}, room for ${Math.floor(portsTotal / 4)} calls.` }
  })

  const sip = await startPart(context, 'sip', () => startSip(parts))
  if (!sip || !relay) {
    reportWaiting(health, 'calls', sip ? 'media' : 'sip')
    return { engine: sip?.engine, relay, pbx: undefined }
  }

  const pbx = await startPart(context, 'calls', async () => {
    const value = await startPbx({
      srf: sip.srf,
      ...(sip.direct ? { direct: sip.direct } : {}),
      ...(sip.engine ? { flows: sip.engine.flows } : {}),
      ...evidenceOf(sip.engine),
      store: parts.store,
      relay,
      endpoints: createMediaEndpoints({
        ...endpointPorts(settings.media),
        clock: options.clock,
        random: options.random,
        logger: logger.child({ part: 'endpoint' }),
      }),
      prompts: { prompt, spell },
      signIn: parts.signIn,
      enrolment: parts.enrolment,
      callTrace: parts.signalling,
      settings: () => parts.live.current(),
      trunk: parts.tenant?.trunk,
      localAddressToward: (peer) => parts.addresses.toward(peer),
      listeners: sip.listeners,
      foreignEngine: sip.engine === undefined,
      clock: options.clock,
      random: options.random,
      logger: logger.child({ part: 'calls' }),
    })
    lifetime.own('calls', () => value.stop())
    return { value, detail: 'Phones can register and call.' }
  })
  return { engine: sip.engine, relay, pbx }
}

/** The box's own voice (feature codes) gets the last tenth of the media ports, so that one range is opened in a firewall. */
function endpointPorts({ portMin, portMax }: Settings['media']): { portMin: number; portMax: number } {
  const pairs = Math.max(1, Math.floor((portMax - portMin + 1) / 20))
  return { portMin: portMax - 2 * pairs + 1, portMax }
}

function createRelay(parts: CallSideParts, logger: Logger): MediaRelay {
  const media = { ...parts.settings.media }
  media.portMax = endpointPorts(media).portMin - 1
  const { clock, random } = parts.options
  if (media.relay === 'rtpengine') return createRtpengineRelay({ ...media.rtpengine, clock, random, logger })
  return createEmbeddedRelay({ ...media, clock, random, logger })
}

function evidenceOf(engine: Engine | undefined): { evidence?: PeerEvidence } {
  const evidence = engine && evidenceFor(engine)
  return evidence ? { evidence } : {}
}

async function startSip(parts: CallSideParts): Promise<Started<Sip>> {
  const { settings, options, lifetime } = parts
  const foreign = settings.sip.drachtio
  if (foreign) {
    const srf = await connectDrachtio(foreign)
    lifetime.own('drachtio', () => srf.disconnect())
    return {
      value: { srf, engine: undefined, direct: undefined, listeners: [] },
      detail: `SIP goes through the drachtio-server at ${foreign.host}:${foreign.port}.`,
    }
  }
  const engine = await startEngine(engineOptions(parts))
  lifetime.own('sip', () => engine.stop())
  const srf = await connectEmbedded(engine.openMemoryLink(), options.log.logger)
  lifetime.own('srf', () => srf.disconnect())
  const direct = engine.openDirectDoor()
  lifetime.own('direct-door', () => direct.close())
  const ports = engine.listeners.map(({ protocol, port }) => `${protocol} ${port}`).join(', ')
  options.log.logger.info({ listeners: engine.listeners }, 'sip is listening')
  return { value: { srf, engine, direct, listeners: engine.listeners }, detail: `Listening on ${ports}.` }
}

function engineOptions({
  settings,
  certificate,
  tenant,
  options,
  live,
  store,
  signalling,
}: CallSideParts): EngineOptions {
  const host = settings.listen
  const advertised =
    settings.advertisedAddress === undefined ? {} : { advertisedHost: settings.advertisedAddress }
  const listen: ListenOptions[] = [
    { protocol: 'udp', host, port: settings.sip.udpPort, ...advertised },
    { protocol: 'tcp', host, port: settings.sip.tcpPort, ...advertised },
  ]
  if (certificate) {
    listen.push({
      protocol: 'tls',
      host,
      port: settings.sip.tlsPort,
      ...advertised,
      tls: serverTlsOf(certificate, tenant),
    })
  }
  const { door } = settings.sip
  return {
    listen,
    outboundTls: outboundTlsOf(tenant),
    staticHosts: (tenant?.trunk.hosts ?? []).flatMap(({ name, address }) =>
      address === undefined ? [] : [{ name, address }],
    ),
    limits: defaultLimits,
    ...guardOptions(settings, live),
    timers: { t1Ms: 500, t2Ms: 4000, t4Ms: 5000 },
    door: door.enabled ? { host: door.host, port: door.port, secret: doorSecret(store, options) } : undefined,
    userAgent: `Branchline/${options.version}`,
    tap: signalling,
    clock: options.clock,
    random: options.random,
    logger: options.log.logger.child({ part: 'sip' }),
  }
}

const defaultLimits: EngineOptions['limits'] = {
  maxMessageBytes: 65_536,
  maxHeaderBytes: 32_768,
  maxConnections: 4096,
  maxConnectionsPerSource: 256,
  maxHandshakesPerSource: 64,
  halfMessageTimeoutMs: 10_000,
  idleTimeoutMs: 3_600_000,
}

/** The secret that outside applications show at the door; made once. */
function doorSecret(store: Store, options: ApplianceOptions): string {
  const kept = store.secrets.get('sip.door')
  if (kept !== undefined) return kept
  const made = options.random.token(32)
  store.secrets.set('sip.door', made)
  return made
}
