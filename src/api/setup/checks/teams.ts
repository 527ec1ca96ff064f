import type { Clock } from '#src/base/clock.ts'
import { ApplianceError } from '#src/base/errors.ts'
import type { Settings } from '#src/model/settings.ts'
import type { TeamsHost } from '#src/model/tenant.ts'
import { microsoftTenant } from '#src/microsoft/microsoft-tenant.ts'
import { microsoftTrunkHosts, microsoftTrunkPort } from '#src/microsoft/trunk-facts.ts'
import type { TrunkHealth } from '#src/pbx/ports.ts'
import type { Finding } from './check.ts'
import { resolveName } from './dns.ts'
import { dialTrunkHost } from './trunk-tls.ts'

/** The signalling hosts that the settings name, or Microsoft's. */
export function signallingHosts({ tenant }: Settings): TeamsHost[] {
  if (tenant.trunkHosts?.length) {
    return tenant.trunkHosts.map(({ name, port, address }) => ({ name, port, address }))
  }
  return microsoftTrunkHosts.map((name) => ({ name, port: microsoftTrunkPort, address: undefined }))
}

/** Finds out whether DNS knows each signalling host. */
export async function checkTeamsDns(options: {
  settings: Settings
  dnsServers: readonly string[] | undefined
  signal: AbortSignal
}): Promise<Finding> {
  const parts = await Promise.all(
    signallingHosts(options.settings).map(async ({ name, address }) => {
      if (address !== undefined) return { name, ok: true, text: `is set to ${address}` }
      const answer = await resolveName(name, options.dnsServers, options.signal)
      if ('problem' in answer) return { name, ok: false, text: answer.problem }
      return { name, ok: true, text: answer.addresses.slice(0, 3).join(', ') }
    }),
  )
  const missing = parts.filter(({ ok }) => !ok)
  if (missing.length === 0) return { state: 'ok', text: 'DNS knows all signalling hosts of Teams.', parts }
  return {
    state: 'failed',
    text: `DNS does not know ${missing.length} of ${parts.length} signalling hosts of Teams.`,
    advice: 'Check the DNS servers under Network; names of Microsoft must not be filtered.',
    parts,
  }
}

/** Dials each signalling host with our certificate. */
export async function checkTeamsTls(options: {
  settings: Settings
  clock: Clock
  signal: AbortSignal
}): Promise<Finding> {
  let tenant
  try {
    tenant = await microsoftTenant(options.settings)
  } catch (error) {
    if (!(error instanceof ApplianceError)) throw error
    return {
      state: 'failed',
      text: `It cannot be tried yet: ${error.message}`,
      advice: 'Enter the ids and the name, and upload the certificate, first.',
    }
  }
  const { trunk } = tenant
  const dialled = await Promise.all(
    trunk.hosts.map((host) => dialTrunkHost({ host, trunk, clock: options.clock, signal: options.signal })),
  )
  const parts = dialled.map(({ name, ok, text }) => ({ name, ok, text }))
  const failed = dialled.find(({ ok }) => !ok)
  if (!failed) return { state: 'ok', text: 'Teams takes our certificate on all signalling hosts.', parts }
  const good = dialled.filter(({ ok }) => ok).length
  return {
    state: 'failed',
    text: `A secure connection works to ${good} of ${dialled.length} signalling hosts of Teams.`,
    ...(failed.advice === undefined ? {} : { advice: failed.advice }),
    parts,
  }
}

/** Reads what the trunk's own OPTIONS have found; nothing is sent. */
export function checkTeamsOptions(options: {
  inUse: boolean
  trunks: readonly TrunkHealth[] | undefined
}): Finding {
  const trunk = options.trunks?.find(({ name }) => name === 'teams')
  if (!options.inUse || !trunk || trunk.state === 'off') {
    return {
      state: 'unknown',
      text: 'The box does not use this tenant yet, so it sends no OPTIONS.',
      advice: 'Choose the tenant below; the box restarts and begins to ask.',
    }
  }
  const parts = trunk.hosts.map(({ name, up, lastError }) => ({
    name,
    ok: up,
    text: up ? 'answers OPTIONS' : (lastError ?? 'was not tried yet'),
  }))
  const up = parts.filter(({ ok }) => ok).length
  if (up === parts.length) return { state: 'ok', text: 'Teams answers OPTIONS on all hosts.', parts }
  const untried = trunk.hosts.every((host) => !host.up && host.lastError === undefined)
  if (untried) {
    return {
      state: 'unknown',
      text: 'OPTIONS have only just been sent.',
      advice: 'Look again in a minute.',
      parts,
    }
  }
  return {
    state: up > 0 ? 'ok' : 'failed',
    text: `Teams answers OPTIONS on ${up} of ${parts.length} hosts.`,
    advice:
      'Teams answers only a name that it knows: run the script, then wait up to an hour. A new domain can take a day.',
    parts,
  }
}
