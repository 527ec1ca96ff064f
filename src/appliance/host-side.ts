import type { Lifetime } from '#src/base/lifetime.ts'
import type { Health } from '#src/health/health.ts'
import { NetworkTrials } from '#src/host/network/network-control.ts'
import { readSystemNetwork } from '#src/host/network/read-system.ts'
import { SavedNetwork } from '#src/host/network/saved-network.ts'
import { findHost } from '#src/host/requests/host-control.ts'
import type { HostControl, KernelFirewall } from '#src/host/requests/ports.ts'
import type { ApplianceOptions } from './options.ts'

/** The machine below the box and its network. */
export interface HostSide {
  control: HostControl
  network: NetworkTrials
  /** Undefined: the firewall is the operating system's. */
  firewall: KernelFirewall | undefined
  /** Makes the time zone of the settings the machine's, where the machine is the box's own. */
  applyTimeZone(timeZone: string): void
}

/** Starts before the store: the confirmed network must come up also when everything else is damaged. */
export function startHostSide(options: ApplianceOptions, health: Health, lifetime: Lifetime): HostSide {
  const { clock, random, dataDir } = options
  const logger = options.log.logger.child({ part: 'network' })
  const host = findHost({
    folder: options.hostRequestsDir,
    dataDir,
    restart: () => options.restart(),
    startAnew: () => options.startAnew(),
    clock,
    logger,
  })
  const network = new NetworkTrials({
    applier: host.network,
    saved: new SavedNetwork({ dataDir, logger }),
    readSystem: () => readSystemNetwork(),
    report: (part) => health.report(part),
    clock,
    random,
    logger,
  })
  lifetime.own('network', () => network.stop())
  lifetime.run('network', (signal) => network.start(signal))
  return {
    control: host.control,
    network,
    firewall: host.firewall,
    applyTimeZone(timeZone) {
      if (!host.control.ownsMachine) return
      lifetime.run('time-zone', (signal) =>
        host.control.setTimeZone(timeZone, signal).catch((error: unknown) => {
          if (!signal.aborted)
            logger.warn({ err: error, timeZone }, 'the time zone of the machine is not set')
        }),
      )
    },
  }
}
