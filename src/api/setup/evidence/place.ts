import type { InterfaceState } from '#src/host/network/ports.ts'
import type { CheckView } from '../../schema/setup.ts'
import { readNetwork } from '../network-facts.ts'
import { savedSettings } from '../saved-settings.ts'
import { need } from '../../context.ts'
import { sentences, type Evidence, type EvidenceSources } from './evidence.ts'

/** Network: an address, and what the live checks have found. */
export async function networkEvidence({ context, progress }: EvidenceSources): Promise<Evidence> {
  const { listen, tenant } = savedSettings(context)
  const { interfaces } = await readNetwork(context)
  const bound = listen !== '0.0.0.0' && listen !== '::'
  const addresses = officeAddresses(interfaces)
  if (!bound && addresses.length === 0) {
    return { state: 'attention', evidence: 'The box has no IPv4 address. Is the network cable plugged in?' }
  }
  const where = bound ? `The box answers on ${listen} only.` : `The box has ${addresses.join(' and ')}.`
  const results = (['gateway', 'dns', 'clock'] as const).map((id) => progress.check(id))
  const found = results.filter((result): result is CheckView => result !== undefined)
  if (found.length < results.length) {
    return { state: 'open', evidence: sentences(where, 'What lies behind it was not checked yet.') }
  }
  // Without the internet the lab and the office work; with Microsoft's tenant nothing does.
  const matters = (result: CheckView): boolean => result.id === 'clock' || tenant.kind === 'microsoft'
  const wrong = found.some((result) => result.state === 'failed' && matters(result))
  return {
    state: wrong ? 'attention' : 'done',
    evidence: sentences(where, ...found.map(({ text }) => text)),
    checkedAtMs: Math.min(...found.map(({ checkedAtMs }) => checkedAtMs)),
  }
}

/** IPv4 addresses of the sockets in the wall; those of bridges and tunnels only where there are no others. */
function officeAddresses(interfaces: readonly InterfaceState[]): string[] {
  const named = interfaces.flatMap(({ name, physical, addresses }) =>
    addresses
      .filter(({ family }) => family === 4)
      .map(({ address }) => ({ physical, text: `${address} on ${name}` })),
  )
  const wired = named.filter(({ physical }) => physical)
  return (wired.length > 0 ? wired : named).map(({ text }) => text)
}

/** Time and country: what somebody has said, in the words of the place. */
export function timeEvidence({ context }: EvidenceSources): Evidence {
  const { document } = need(context, 'settings').read()
  const { site } = savedSettings(context)
  const time = localTime(context.options.clock.nowMs(), site.timeZone)
  if (time === undefined) {
    return { state: 'attention', evidence: `${site.timeZone} is no time zone that this box knows.` }
  }
  const saved = (document.site as Record<string, unknown> | undefined)?.country !== undefined
  if (!saved) {
    return {
      state: 'open',
      evidence: `Nobody has said where the box stands; it takes ${countryName(site.country)} and ${site.timeZone} for granted.`,
    }
  }
  if (site.emergencyNumbers.length === 0) {
    return { state: 'attention', evidence: 'No emergency number is known: nobody here could call for help.' }
  }
  return {
    state: 'done',
    evidence: `${countryName(site.country)}, ${site.timeZone}, ${time} now; emergency numbers ${site.emergencyNumbers.join(', ')}.`,
  }
}

function countryName(code: string): string {
  return new Intl.DisplayNames('en', { type: 'region' }).of(code) ?? code
}

/** The time of day in a zone; undefined when there is no such zone. */
export function localTime(atMs: number, timeZone: string): string | undefined {
  try {
    return new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit' }).format(atMs)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}
