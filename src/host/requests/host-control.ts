import { existsSync } from 'node:fs'
import type { Clock } from '#src/base/clock.ts'
import { ApplianceError } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import type { HostControl, KernelFirewall, NetworkApplier } from './ports.ts'
import { RequestFolder } from './request-folder.ts'
import { refuseForeignDir } from './wipe-data-dir.ts'

/** What stands below the box: the machine's part, and the way to its network where the box may change it. */
export interface Host {
  control: HostControl
  /** Undefined: the network is the operating system's. */
  network: NetworkApplier | undefined
  /** Undefined: the firewall is the operating system's. */
  firewall: KernelFirewall | undefined
}

/** What the box does to itself on a machine that is not its own. */
export interface OwnProcess {
  dataDir: string
  restart: () => void
  startAnew: () => void
}

/** Finds out what stands below the box: a request folder that exists makes the machine the box's own. */
export function findHost(
  options: { folder: string | undefined; clock: Clock; logger: Logger } & OwnProcess,
): Host {
  const { folder, clock, logger } = options
  if (folder === undefined)
    return { control: processControl(options), network: undefined, firewall: undefined }
  if (!existsSync(folder)) {
    logger.warn({ folder }, 'there is no folder for requests to the host: the machine is left alone')
    return { control: processControl(options), network: undefined, firewall: undefined }
  }
  const requests = new RequestFolder({ folder, clock, logger })
  return {
    control: {
      ownsMachine: true,
      reboot: (reason) => requests.ask('reboot', { reason }),
      factoryReset: (reason) => requests.ask('factory-reset', { reason }),
      setTimeZone: (timeZone, signal) => requests.ask('time', { timeZone }, signal),
    },
    network: { apply: (configuration, signal) => requests.ask('network', { ...configuration }, signal) },
    firewall: { change: (bans, signal) => requests.ask('bans', { ...bans }, signal) },
  }
}

/** The answer to whoever asked goes out before the parts stop. */
const lastWordsMs = 300

/** On somebody's machine: the program restarts, its data are wiped, nothing else is touched. */
function processControl({ dataDir, restart, startAnew, clock }: OwnProcess & { clock: Clock }): HostControl {
  return {
    ownsMachine: false,
    async reboot() {
      clock.setTimer(lastWordsMs, restart)
    },
    async factoryReset() {
      refuseForeignDir(dataDir)
      clock.setTimer(lastWordsMs, startAnew)
    },
    async setTimeZone() {
      throw new ApplianceError(
        'HOST_UNSUPPORTED',
        {},
        { text: 'The time zone of this machine is set by its own operating system.' },
      )
    },
  }
}
