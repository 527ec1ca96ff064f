import type { Logger } from '#src/base/logger.ts'
import type { Engine } from '#src/engine/engine.ts'
import type { OutboundTls, ServerTls, TlsRenewed, TrustStore } from '#src/engine/options.ts'
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

/** What the box shows and believes when it dials: the trunk's certificate and roots, for the trunk's hosts. */
export function outboundTlsOf(tenant: TenantEndpoints | undefined): OutboundTls[] {
  if (!tenant) return []
  const { hosts, certificatePem, keyPem, caPem } = tenant.trunk
  return [{ names: hosts.map(({ name }) => name), certificatePem, keyPem, caPem }]
}

/** Microsoft's certificates carry serverAuth only from 2026 on, on both sides of a connection. */
function teamsTrust({ trunk }: TenantEndpoints): TrustStore {
  const names = trunk.hosts.map(({ name }) => name)
  return { name: 'teams', caPem: trunk.caPem, names, acceptsServerAuthOnly: true }
}

/** The certificates in force for SIP. The box's and the trunk's are renewed apart; calls and registrations stay. */
export class SipCertificates {
  readonly #engine: Pick<Engine, 'reloadTls'> | undefined
  readonly #logger: Logger
  #box: BoxCertificate
  #tenant: TenantEndpoints | undefined

  /** The certificates are those that the engine was started with; it is undefined when it did not start. */
  constructor(parts: {
    engine: Pick<Engine, 'reloadTls'> | undefined
    box: BoxCertificate
    tenant: TenantEndpoints | undefined
    logger: Logger
  }) {
    this.#engine = parts.engine
    this.#box = parts.box
    this.#tenant = parts.tenant
    this.#logger = parts.logger
  }

  /** Shows the box's renewed certificate on the SIP ports as well. */
  renewBox(box: BoxCertificate): void {
    if (!this.#engine) return
    const renewed = this.#engine.reloadTls({ server: serverTlsOf(box, this.#tenant) })
    if (renewed.applied) {
      this.#box = box
      this.#logger.info({ expiresAtMs: box.expiresAtMs }, 'SIP shows the new certificate')
    } else {
      const { reason } = renewed
      this.#logger.error({ reason }, 'SIP keeps the old certificate: the new one cannot be used')
    }
  }

  /** Shows the trunk's renewed certificate to who calls and to whom the box calls. */
  renewTrunk(tenant: TenantEndpoints): TlsRenewed {
    const renewed: TlsRenewed = this.#engine?.reloadTls({
      server: serverTlsOf(this.#box, tenant),
      outbound: outboundTlsOf(tenant),
    }) ?? { applied: false, reason: 'The SIP part does not run.' }
    if (renewed.applied) this.#tenant = tenant
    return renewed
  }
}
