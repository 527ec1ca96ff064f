import type { TrunkHealth } from '#src/pbx/ports.ts'
import { runningTenant } from '../checks/run-check.ts'
import { savedSettings } from '../saved-settings.ts'
import { readTrunkCertificate } from '../trunk-certificate.ts'
import { count, sentences, type Evidence, type EvidenceSources } from './evidence.ts'

/** Certificate: the one for Teams, where one is needed. */
export async function certificateEvidence({ context }: EvidenceSources): Promise<Evidence> {
  const settings = savedSettings(context)
  if (settings.tenant.kind === 'lab') {
    return {
      state: 'done',
      evidence: 'The lab brings its own certificate; this page and the phones use the box’s.',
    }
  }
  const trunk = await readTrunkCertificate(context)
  if (!trunk) {
    return {
      state: 'open',
      evidence: 'This page and the phones use the box’s own certificate; there is none for Teams yet.',
    }
  }
  if (trunk.problem !== null || !trunk.certificate) {
    return { state: 'attention', evidence: trunk.problem ?? 'The certificate for Teams cannot be read.' }
  }
  const { subject, issuer, expiresAtMs } = trunk.certificate
  const until = new Date(expiresAtMs).toISOString().slice(0, 10)
  return {
    state: 'done',
    evidence: sentences(`${subject}, signed by ${issuer}, valid until ${until}.`, ...trunk.warnings),
  }
}

/** Teams: a tenant is in use and its trunk answers. */
export function teamsEvidence({ context, progress }: EvidenceSources): Evidence {
  const { tenant } = savedSettings(context)
  const running = runningTenant(context)
  if (tenant.kind === 'none')
    return { state: 'open', evidence: 'No tenant is chosen: nobody can sign in yet.' }
  if (tenant.kind !== running) {
    const part = context.options.health().parts.find(({ name }) => name === 'tenant')
    if (part?.state === 'failed') return { state: 'attention', evidence: part.detail }
    return { state: 'attention', evidence: 'A tenant is chosen; the box must be restarted to use it.' }
  }
  const who = running === 'lab' ? 'The lab tenant' : 'Microsoft Teams'
  const trunk = context.parts.pbx?.trunks().find(({ name }) => name === 'teams')
  if (!trunk) return { state: 'attention', evidence: 'The call side of the box is not running.' }
  const up = trunk.hosts.filter((host) => host.up).length
  if (up === 0) return silentTrunk(who, trunk)
  const answers = `${who} answers on ${up} of ${count(trunk.hosts.length, 'host')}.`
  if (running === 'lab') return { state: 'done', evidence: answers }
  const consent = progress.consent(tenant)
  const signedIn = (context.parts.store?.signIns.list().length ?? 0) > 0
  if (!consent && !signedIn) {
    return { state: 'open', evidence: sentences(answers, 'Nobody has tried the app registration yet.') }
  }
  const proof = consent ? `${consent.displayName} has tried the app registration.` : 'People are signed in.'
  return { state: 'done', evidence: sentences(answers, proof) }
}

function silentTrunk(who: string, { hosts }: TrunkHealth): Evidence {
  const error = hosts.find(({ lastError }) => lastError !== undefined)?.lastError
  if (error === undefined) return { state: 'open', evidence: `${who} is being asked for the first time.` }
  return { state: 'attention', evidence: `${who} does not answer: ${error}.` }
}
