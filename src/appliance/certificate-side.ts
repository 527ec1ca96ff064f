import type { Lifetime } from '#src/base/lifetime.ts'
import type { Engine } from '#src/engine/engine.ts'
import type { BoxCertificate } from '#src/host/certificate.ts'
import type { Settings } from '#src/model/settings.ts'
import type { TenantEndpoints } from '#src/model/tenant.ts'
import type { SettingsPart } from '#src/settings/settings-service.ts'
import { followTrunkCertificate } from './follow-trunk-certificate.ts'
import type { ApplianceOptions } from './options.ts'
import { SipCertificates } from './sip-certificates.ts'

/** How certificates are renewed while the box runs. */
export interface CertificateSide {
  /** Shows the box's renewed certificate on the SIP ports. */
  renewBox(certificate: BoxCertificate): void
  /** The parts that take changed certificate settings at once. */
  settingsParts: readonly SettingsPart[]
}

/** Keeps what SIP shows up to date; only a tenant of the admin's own has certificate files to follow. */
export function openCertificateSide(parts: {
  options: Pick<ApplianceOptions, 'clock' | 'log'>
  settings: Settings
  lifetime: Lifetime
  engine: Pick<Engine, 'reloadTls'> | undefined
  certificate: BoxCertificate
  tenant: TenantEndpoints | undefined
}): CertificateSide {
  const { settings, lifetime, engine, tenant } = parts
  const { clock, log } = parts.options
  const { logger } = log
  const certificates = new SipCertificates({ engine, box: parts.certificate, tenant, logger })
  const renewBox = (renewed: BoxCertificate): void => certificates.renewBox(renewed)
  if (!engine || !tenant || settings.tenant.kind !== 'microsoft') return { renewBox, settingsParts: [] }
  const trunk = followTrunkCertificate({
    ...{ settings, tenant, clock, logger },
    renew: (found) => certificates.renewTrunk(found),
  })
  lifetime.run('trunk-certificate', (signal) => trunk.watch(signal))
  return { renewBox, settingsParts: [trunk.part] }
}
