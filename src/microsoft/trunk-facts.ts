import { X509Certificate } from 'node:crypto'
import { getCACertificates, rootCertificates } from 'node:tls'
import { secondsToMs } from '#src/base/clock.ts'

/** Microsoft's signalling hosts of the commercial and GCC clouds, primary region first. DNS is asked, addresses are never pinned. */
export const microsoftTrunkHosts = [
  'sip.pstnhub.microsoft.com',
  'sip2.pstnhub.microsoft.com',
  'sip3.pstnhub.microsoft.com',
]

/** SIP/TLS port on Microsoft's side. */
export const microsoftTrunkPort = 5061

/** One OPTIONS per minute and host. */
export const microsoftOptionsIntervalMs = secondsToMs(60)

/** Common names of the roots that Microsoft's SIP certificates chain to. */
export const microsoftTrunkRootNames = [
  'DigiCert Global Root CA',
  'DigiCert Global Root G2',
  'DigiCert Global Root G3',
  'DigiCert TLS ECC P384 Root G5',
  'DigiCert TLS RSA4096 Root G5',
  'Microsoft RSA Root Certificate Authority 2017',
  'Microsoft ECC Root Certificate Authority 2017',
]

/** Sign-in and Graph of the commercial and GCC clouds. */
export const microsoftAuthorityHost = 'https://login.microsoftonline.com'
export const microsoftGraphUrl = 'https://graph.microsoft.com/v1.0'

/** The named roots as PEM, from the lists that the runtime and the system carry; one that neither has is left out. */
export function microsoftTrunkRoots(): string[] {
  const found = new Map<string, string>()
  // The runtime drops roots that browsers drop; Microsoft's SIP hosts may use one a while longer.
  for (const pem of [...getCACertificates('system'), ...rootCertificates]) {
    const commonName = /^CN=(.+)$/m.exec(new X509Certificate(pem).subject)?.[1]
    if (commonName !== undefined && microsoftTrunkRootNames.includes(commonName)) found.set(commonName, pem)
  }
  return [...found.values()]
}
