import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { ApplianceError } from '#src/base/errors.ts'
import type { Settings } from '#src/model/settings.ts'
import type { TeamsHost, TenantEndpoints } from '#src/model/tenant.ts'
import {
  microsoftAuthorityHost,
  microsoftGraphUrl,
  microsoftOptionsIntervalMs,
  microsoftTrunkHosts,
  microsoftTrunkPort,
  microsoftTrunkRoots,
} from './trunk-facts.ts'

type TenantSettings = Settings['tenant']

/**
 * Puts together what the admin entered and what is known of Microsoft. Rejects with CONFIG_INVALID, naming
 * the setting, when something is missing or the certificate does not fit.
 */
export async function microsoftTenant(settings: { tenant: TenantSettings }): Promise<TenantEndpoints> {
  const { tenant } = settings
  const sbcFqdn = required(tenant, 'sbcFqdn').toLowerCase()
  const certificatePem = await readPem(tenant, 'certificateFile')
  const keyPem = await readPem(tenant, 'keyFile')
  checkCertificate(certificatePem, keyPem, sbcFqdn)
  return {
    lab: false,
    tenantId: required(tenant, 'tenantId'),
    clientId: required(tenant, 'clientId'),
    authorityHost: microsoftAuthorityHost,
    graphUrl: microsoftGraphUrl,
    caPem: [],
    trunk: {
      hosts: trunkHosts(tenant),
      sbcFqdn,
      certificatePem,
      keyPem,
      caPem:
        tenant.trunkCaFile === undefined ? microsoftTrunkRoots() : [await readPem(tenant, 'trunkCaFile')],
      optionsIntervalMs: microsoftOptionsIntervalMs,
    },
  }
}

function trunkHosts({ trunkHosts: chosen }: TenantSettings): TeamsHost[] {
  if (chosen?.length) return chosen.map(({ name, port, address }) => ({ name, port, address }))
  return microsoftTrunkHosts.map((name) => ({ name, port: microsoftTrunkPort, address: undefined }))
}

type TextField = 'tenantId' | 'clientId' | 'sbcFqdn' | 'certificateFile' | 'keyFile' | 'trunkCaFile'

function required(tenant: TenantSettings, field: TextField): string {
  const value = tenant[field]
  if (value === undefined || value === '') throw invalid(field, `The setting tenant.${field} is missing.`)
  return value
}

async function readPem(tenant: TenantSettings, field: TextField): Promise<string> {
  const file = required(tenant, field)
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw invalid(field, `The file of tenant.${field} cannot be read: ${file}`, error)
  }
}

function checkCertificate(certificatePem: string, keyPem: string, sbcFqdn: string): void {
  let certificate
  try {
    certificate = new X509Certificate(certificatePem)
  } catch (error) {
    throw invalid('certificateFile', 'tenant.certificateFile holds no certificate in PEM.', error)
  }
  let matches
  try {
    matches = certificate.checkPrivateKey(createPrivateKey(keyPem))
  } catch (error) {
    throw invalid('keyFile', 'tenant.keyFile holds no private key in PEM.', error)
  }
  if (!matches) throw invalid('keyFile', 'tenant.keyFile is not the key of tenant.certificateFile.')
  // Teams finds the tenant by the FQDN and wants it in the certificate; a wildcard covers one label.
  if (certificate.checkHost(sbcFqdn) === undefined) {
    throw invalid('certificateFile', `The certificate in tenant.certificateFile is not for ${sbcFqdn}.`)
  }
}

function invalid(field: TextField, text: string, cause?: unknown): ApplianceError {
  return new ApplianceError('CONFIG_INVALID', { field: `tenant.${field}` }, { text, cause })
}
