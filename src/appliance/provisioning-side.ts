import { X509Certificate } from 'node:crypto'
import type { ApiHandle } from '#src/api/ports.ts'
import { ApplianceError, errorText } from '#src/base/errors.ts'
import { isLoopback } from '#src/base/net.ts'
import { sparingly } from '#src/base/sparing-logger.ts'
import type { Lifetime } from '#src/base/lifetime.ts'
import type { DectPort } from '#src/dect/ports.ts'
import type { Health } from '#src/health/health.ts'
import type { BoxCertificate } from '#src/host/certificate.ts'
import type { LocalAddressFinder } from '#src/host/local-address.ts'
import type { Settings } from '#src/model/settings.ts'
import { createProvisioning } from '#src/provisioning/create-provisioning.ts'
import { startPnp } from '#src/provisioning/pnp/start-pnp.ts'
import type { BoxAddress, Provisioning } from '#src/provisioning/ports.ts'
import type { SignInPort } from '#src/pbx/ports.ts'
import type { Store } from '#src/store/store.ts'
import type { CallSide } from './call-side.ts'
import type { LiveSettings } from './live-settings.ts'
import type { ApplianceOptions } from './options.ts'
import { startPart } from './part.ts'

/** What the provisioning side is started from. */
export interface ProvisioningSideParts {
  options: ApplianceOptions
  settings: Settings
  live: LiveSettings
  health: Health
  lifetime: Lifetime
  store: Store
  signIn: SignInPort
  dect: DectPort
  side: CallSide
  certificate: BoxCertificate
  page: Pick<ApiHandle, 'httpPort' | 'httpsPort'>
  addresses: LocalAddressFinder
}

/** Starts what configures phones; undefined when it could not start, then phones are set up by hand. */
export async function startProvisioningSide(parts: ProvisioningSideParts): Promise<Provisioning | undefined> {
  const { options, live, health, lifetime, dect } = parts
  const logger = options.log.logger
  const provisioning = await startPart({ health, logger }, 'provisioning', async () => {
    const value = createProvisioning({
      store: parts.store,
      settings: () => live.current(),
      box: () => boxAddress(parts),
      signIn: parts.signIn,
      calls: parts.side.pbx,
      dect: dect.configuration,
      clock: options.clock,
      random: options.random,
      logger: logger.child({ part: 'provisioning' }),
    })
    lifetime.own('provisioning', () => value.stop())
    const stop = dect.on('configurationChanged', ({ serverId }) => value.deviceChanged(serverId))
    lifetime.own('changes of DECT', stop)
    return { value, detail: 'Phones that ask get their configuration.' }
  })
  if (provisioning) await startDiscovery(parts, provisioning)
  return provisioning
}

/** Multicast is a convenience: where it cannot be had, phones are pointed here by DHCP, and the box is well. */
async function startDiscovery(parts: ProvisioningSideParts, provisioning: Provisioning): Promise<void> {
  const { options, settings, health, lifetime } = parts
  const report = (state: 'ok' | 'off' | 'degraded', detail: string, advice?: string): void =>
    health.report({ name: 'discovery', state, detail, advice })
  if (!settings.provisioning.sipPnp) {
    report('off', 'Phones that look for a server by multicast are not answered: switched off under Settings.')
    return
  }
  if (isLoopback(settings.listen)) {
    report('off', 'The box is bound to this machine alone, so no phone can look for it.')
    return
  }
  const logger = options.log.logger.child({ part: 'discovery' })
  try {
    await startPnp({
      listen: settings.listen,
      box: () => boxAddress(parts),
      localAddressToward: (peer) => parts.addresses.toward(peer),
      wants: (device, from) => provisioning.wants(device, from),
      onJoined: (addresses) =>
        addresses.length === 0
          ? report('off', 'There is no network yet on which phones could look for the box.')
          : report('ok', `Phones that look for a server by multicast find it, on ${addresses.join(', ')}.`),
      lifetime: lifetime.child('discovery'),
      clock: options.clock,
      random: options.random,
      logger: sparingly(logger, options.clock),
    })
  } catch (error) {
    const advice = error instanceof ApplianceError ? error.advice : undefined
    report('degraded', errorText(error), advice ?? 'Point phones here by DHCP option 66.')
    logger.warn({ err: error }, 'phones that look for a server by multicast are not answered')
  }
}

function certificateNames({ certificatePem }: BoxCertificate): string[] {
  const names = new X509Certificate(certificatePem).subjectAltName ?? ''
  return [...names.matchAll(/DNS:([^,\s]+)/g)].map((match) => (match[1] ?? '').toLowerCase())
}

function boxAddress({ settings, side, page, certificate }: ProvisioningSideParts): BoxAddress {
  const { udpPort, tcpPort, tlsPort, realm } = settings.sip
  const bound = (protocol: string): number | undefined =>
    side.engine?.listeners.find((listener) => listener.protocol === protocol)?.port
  return {
    address: settings.advertisedAddress,
    names: certificateNames(certificate),
    httpPort: page.httpPort,
    httpsPort: page.httpsPort,
    // A drachtio-server keeps its listeners to itself; then the configured ports are what we know.
    udpPort: side.engine ? bound('udp') : udpPort,
    tcpPort: side.engine ? bound('tcp') : tcpPort,
    tlsPort: side.engine ? bound('tls') : tlsPort,
    realm,
  }
}
