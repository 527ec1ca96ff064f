import type { Logger } from '#src/base/logger.ts'
import type { Engine } from '#src/engine/engine.ts'
import type { ServerTls, TrustStore } from '#src/engine/options.ts'
import type { BoxCertificate } from '#src/host/certificate.ts'
import type { TenantEndpoints } from '#src/model/tenant.ts'

/** What the SIP ports show: the box's own certificate to phones, the trunk's to who asks for the trunk's name. */
export function serverTlsOf(certificate: BoxCertificate, tenant: TenantEndpoints | undefined): ServerTls {
  const { certificatePem, keyPem } = certificate
  if (!tenant) return { fallback: { certificatePem, keyPem }, byName: [], trust: [] }
  const { trunk } = tenant
  return {
    fallback: { certificatePem, keyPem },
    byName: [{ names: [trunk.sbcFqdn], certificatePem: trunk.certificatePem, keyPem: trunk.keyPem }],
    trust: [teamsTrust(tenant)],
  }
}

/** Microsoft's certificates carry serverAuth only from 2026 on, on both sides of a connection. */
function teamsTrust({ trunk }: TenantEndpoints): TrustStore {
  const names = trunk.hosts.map(({ name }) => name)
  return { name: 'teams', caPem: trunk.caPem, names, acceptsServerAuthOnly: true }
}

/** Shows the box's renewed certificate on the SIP ports as well; calls and registrations over TLS stay as they are. */
export function renewSipCertificate(
  engine: Engine | undefined,
  certificate: BoxCertificate,
  tenant: TenantEndpoints | undefined,
  logger: Logger,
): void {
  if (!engine) return
  const renewed = engine.reloadTls({ server: serverTlsOf(certificate, tenant) })
  if (renewed.applied) logger.info({ expiresAtMs: certificate.expiresAtMs }, 'SIP shows the new certificate')
  else logger.error({ reason: renewed.reason }, 'SIP keeps the old certificate: the new one cannot be used')
}
