import { ApplianceError } from '#src/base/errors.ts'
import type { ApiContext } from '../../context.ts'
import type { CheckId, CheckView } from '../../schema/setup.ts'
import { readNetwork } from '../network-facts.ts'
import { probeTargets } from '../probe-targets.ts'
import { savedSettings } from '../saved-settings.ts'
import type { Finding } from './check.ts'
import { checkClock } from './clock.ts'
import { checkDns } from './dns.ts'
import { checkGateway } from './gateway.ts'
import { checkTeamsDns, checkTeamsOptions, checkTeamsTls } from './teams.ts'

/** Runs live checks one by one; who asks for one that is running gets the same answer. */
export class CheckRunner {
  readonly #running = new Map<CheckId, Promise<CheckView>>()
  readonly #stopped = new AbortController()

  /** Rejects with PART_NOT_RUNNING when the settings are not there, or when the page stops meanwhile. */
  run(id: CheckId, context: ApiContext): Promise<CheckView> {
    const running = this.#running.get(id)
    if (running) return running
    const started = this.#find(id, context).finally(() => this.#running.delete(id))
    this.#running.set(id, started)
    return started
  }

  /** Ends what runs. */
  stop(): void {
    this.#stopped.abort(new ApplianceError('PART_NOT_RUNNING', { part: 'page' }))
  }

  async #find(id: CheckId, context: ApiContext): Promise<CheckView> {
    const { text, state, advice = null, parts = [] } = await find(id, context, this.#stopped.signal)
    return { id, state, text, advice, parts, checkedAtMs: context.options.clock.nowMs() }
  }
}

async function find(id: CheckId, context: ApiContext, signal: AbortSignal): Promise<Finding> {
  const { clock, setup } = context.options
  const settings = savedSettings(context)
  const targets = probeTargets(setup)
  switch (id) {
    case 'gateway': {
      const { gateways } = await readNetwork(context)
      return checkGateway({ gateways, neighbours: targets.neighbours, clock, signal })
    }
    case 'dns':
      return checkDns({ name: targets.dnsName, servers: targets.dnsServers, signal })
    case 'clock':
      return checkClock({
        servers: settings.site.ntpServers,
        ntpPort: targets.ntpPort,
        dateUrl: targets.dateUrl,
        caPem: targets.identity.caPem,
        clock,
        signal,
      })
    case 'teams-dns':
      return checkTeamsDns({ settings, dnsServers: targets.dnsServers, signal })
    case 'teams-tls':
      return checkTeamsTls({ settings, clock, signal })
    case 'teams-options':
      return checkTeamsOptions({
        inUse: runningTenant(context) !== 'none',
        trunks: context.parts.pbx?.trunks(),
      })
  }
}

/** The tenant that the box runs with now, whatever was saved since. */
export function runningTenant(context: ApiContext): 'none' | 'lab' | 'microsoft' {
  const { lab, parts } = context.options.health()
  if (lab) return 'lab'
  // The call side lists the trunk to Teams also where there is none: switched off.
  const part = parts.find(({ name }) => name === 'tenant')
  if (part?.state === 'off' || part?.state === 'failed') return 'none'
  return context.parts.pbx?.trunks().some(({ name }) => name === 'teams') ? 'microsoft' : 'none'
}
