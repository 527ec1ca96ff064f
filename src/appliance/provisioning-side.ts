import type { ApiHandle } from '#src/api/ports.ts'
import type { Lifetime } from '#src/base/lifetime.ts'
import type { DectPort } from '#src/dect/ports.ts'
import type { Health } from '#src/health/health.ts'
import type { LocalAddressFinder } from '#src/host/local-address.ts'
import type { Settings } from '#src/model/settings.ts'
import { createProvisioning } from '#src/provisioning/create-provisioning.ts'
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
  page: Pick<ApiHandle, 'httpPort' | 'httpsPort'>
  addresses: LocalAddressFinder
}

/** Starts what configures phones; undefined when it could not start, then phones are set up by hand. */
export async function startProvisioningSide(parts: ProvisioningSideParts): Promise<Provisioning | undefined> {
  const { options, live, health, lifetime, dect } = parts
  const logger = options.log.logger
  return startPart({ health, logger }, 'provisioning', async () => {
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
}

function boxAddress({ settings, side, page }: ProvisioningSideParts): BoxAddress {
  const { udpPort, tcpPort, tlsPort, realm } = settings.sip
  const bound = (protocol: string): number | undefined =>
    side.engine?.listeners.find((listener) => listener.protocol === protocol)?.port
  return {
    address: settings.advertisedAddress,
    httpPort: page.httpPort,
    httpsPort: page.httpsPort,
    // A drachtio-server keeps its listeners to itself; then the configured ports are what we know.
    udpPort: side.engine ? bound('udp') : udpPort,
    tcpPort: side.engine ? bound('tcp') : tcpPort,
    tlsPort: side.engine ? bound('tls') : tlsPort,
    realm,
  }
}
