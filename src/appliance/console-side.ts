import type { ApiHandle, BoxHealth } from '#src/api/ports.ts'
import { ApplianceError, errorText } from '#src/base/errors.ts'
import type { Lifetime } from '#src/base/lifetime.ts'
import { Console } from '#src/console/console.ts'
import { findSerialPorts } from '#src/console/find-ports.ts'
import type { ConsoleBox } from '#src/console/ports.ts'
import { openSerial } from '#src/console/serial-stream.ts'
import type { Health } from '#src/health/health.ts'
import { readSystemNetwork } from '#src/host/network/read-system.ts'
import { readMachineSerials } from '#src/host/machine-serials.ts'
import type { Settings } from '#src/model/settings.ts'
import type { Foundation } from './foundation.ts'
import type { HostSide } from './host-side.ts'
import type { ApplianceOptions } from './options.ts'

/** What the console shows and changes, of the running box. */
export interface ConsoleParts {
  options: ApplianceOptions
  health: Health
  lifetime: Lifetime
  foundation: Foundation
  page: ApiHandle
  host: HostSide
  boxHealth: () => BoxHealth
  settings: () => Settings
  liveCalls: () => number
}

/** The person's last screen goes out before the parts stop. */
const lastWordsMs = 300

/** Starts the maintenance console; it runs beside everything, also when only the page could be started. */
export async function startConsole(parts: ConsoleParts): Promise<void> {
  const { options, health, lifetime } = parts
  const { clock } = options
  const box = await consoleBox(parts)
  const maintenance = new Console({
    devices: options.consoles,
    box,
    open: openSerial,
    findPorts: () => findSerialPorts(),
    report: (part) => health.report(part),
    clock,
    logger: options.log.logger.child({ part: 'console' }),
  })
  lifetime.run('console', (signal) => maintenance.run(signal))
}

async function consoleBox(parts: ConsoleParts): Promise<ConsoleBox> {
  const { options, foundation, page, host, settings } = parts
  const { clock } = options
  const serials = await readMachineSerials(await readSystemNetwork())
  const startedAtMs = clock.monotonicMs()
  const audit = (action: string, subject: string): void => noteOnConsole(parts, action, subject)
  return {
    status: () => {
      const { version, lab, state, parts: all } = parts.boxHealth()
      const { listen } = settings()
      return {
        ...{ version, lab, state, parts: all, serials },
        uptimeS: (clock.monotonicMs() - startedAtMs) / 1000,
        liveCalls: parts.liveCalls(),
        pageAddress: listen === '0.0.0.0' || listen === '::' ? undefined : listen,
        pagePort: page.httpsPort,
      }
    },
    owner: {
      state: () => {
        if (!foundation.stored) return { is: 'unknown' }
        const code = page.claimCode()
        return code === undefined ? { is: 'claimed' } : { is: 'unclaimed', code }
      },
      // Without the store nobody could prove to be the admin; whoever stands at the box then mends it.
      passwordWanted: () => settings().console.locked && foundation.stored && page.claimCode() === undefined,
      async isPassword(password) {
        try {
          await page.checkPassword(password)
          return true
        } catch (error) {
          if (error instanceof ApplianceError && error.code === 'PASSWORD_WRONG') return false
          throw error
        }
      },
      reset() {
        page.resetAdmin()
        audit('admin.reset', 'admin')
      },
    },
    network: {
      events: host.network.events,
      view: () => host.network.view(),
      async startTrial(configuration, by) {
        audit('network.trial', 'network')
        return host.network.startTrial(configuration, by)
      },
      async confirm(proof) {
        await host.network.confirm(proof)
        audit('network.confirm', 'network')
      },
      isTrialToken: (token) => host.network.isTrialToken(token),
      async rollBack() {
        await host.network.rollBack()
        audit('network.rollback', 'network')
      },
    },
    power: {
      ownsMachine: host.control.ownsMachine,
      async restart() {
        audit('box.restart', 'box')
        clock.setTimer(lastWordsMs, () => options.restart())
      },
      async reboot() {
        audit('host.reboot', 'box')
        await host.control.reboot('asked for on the console')
      },
      async factoryReset() {
        audit('host.factory-reset', 'box')
        await host.control.factoryReset('asked for on the console')
      },
    },
    log: () => options.log.recent(),
  }
}

/** Noted like what the admin does on the page; a store that refuses costs the note, not the deed. */
function noteOnConsole({ options, foundation }: ConsoleParts, action: string, subject: string): void {
  const { clock, log } = options
  try {
    if (foundation.stored)
      foundation.store.audit.add({ atMs: clock.nowMs(), actor: 'console', action, subject, details: {} })
  } catch (error) {
    log.logger.error({ action, subject, error: errorText(error) }, 'an audit entry was lost')
  }
}
