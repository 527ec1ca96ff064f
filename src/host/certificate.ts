import { isIP } from 'node:net'
import { X509Certificate } from 'node:crypto'
import type { Clock } from '#src/base/clock.ts'
import { ApplianceError } from '#src/base/errors.ts'
import type { SecretStore } from '#src/store/store.ts'
import { issueServer, makeAuthority, type CertificateAndKey } from './issue-certificate.ts'

/** What the box shows to phones and browsers, and the root they may trust. */
export interface BoxCertificate {
  /** The box's own certificate authority; phones that verify get this one. */
  caPem: string
  /** Server certificate, then the authority's. */
  certificatePem: string
  keyPem: string
  /** When the server certificate ends; `ensureBoxCertificate` makes a new one well before. */
  expiresAtMs: number
}

/** What is sealed in the store. */
interface KeptCertificates {
  ca: CertificateAndKey
  server: CertificateAndKey
}

const secretName = 'box-certificate'
const dayMs = 86_400_000
const renewServerMs = 60 * dayMs
const renewAuthorityMs = 2 * 365 * dayMs
// A box without a battery clock starts in 1970 until the network tells the time; a certificate from then
// would be over before the phones see it.
const earliestMs = Date.UTC(2026, 0, 1)

/**
 * Makes the box's certificate authority and server certificate at first start, and a new server certificate
 * when it nears its end or the names or addresses are no longer covered. Keys are sealed in the store.
 */
export async function ensureBoxCertificate(options: {
  secrets: SecretStore
  clock: Clock
  /** DNS names; what is none (a host name with an underscore) is left out. */
  names: string[]
  addresses: string[]
}): Promise<BoxCertificate> {
  const { secrets, clock } = options
  const nowMs = Math.max(clock.nowMs(), earliestMs)
  const wanted = [...new Set([...options.names.map((name) => name.toLowerCase()), ...options.addresses])]
    .filter((name) => isIP(name) !== 0 || isDnsName(name))
    .sort()

  const kept = readKept(secrets)
  const ca = kept && lasts(kept.ca, nowMs, renewAuthorityMs) ? kept.ca : await makeAuthority(nowMs)
  const reuse = kept?.ca === ca && lasts(kept.server, nowMs, renewServerMs) && covers(kept.server, wanted)
  const server = reuse ? kept.server : await issueServer(ca, wanted, nowMs)
  if (!reuse) secrets.set(secretName, JSON.stringify({ ca, server } satisfies KeptCertificates))
  return {
    caPem: ca.certificatePem,
    certificatePem: `${server.certificatePem.trimEnd()}\n${ca.certificatePem}`,
    keyPem: server.keyPem,
    expiresAtMs: new X509Certificate(server.certificatePem).validToDate.getTime(),
  }
}

function readKept(secrets: SecretStore): KeptCertificates | undefined {
  try {
    const text = secrets.get(secretName)
    return text === undefined ? undefined : (JSON.parse(text) as KeptCertificates)
  } catch (error) {
    // A value changed on the disk must not keep the setup page from coming up: new ones are made.
    if (error instanceof ApplianceError && error.code === 'STORE_CORRUPT') return undefined
    throw error
  }
}

function lasts({ certificatePem }: CertificateAndKey, nowMs: number, marginMs: number): boolean {
  const { validFromDate, validToDate } = new X509Certificate(certificatePem)
  return validFromDate.getTime() <= nowMs && validToDate.getTime() - marginMs > nowMs
}

/** Covering more than is wanted is fine: an address that left for an hour should not change the certificate twice. */
function covers({ certificatePem }: CertificateAndKey, wanted: string[]): boolean {
  const certificate = new X509Certificate(certificatePem)
  return wanted.every((name) =>
    isIP(name) ? certificate.checkIP(name) !== undefined : certificate.checkHost(name) !== undefined,
  )
}

function isDnsName(name: string): boolean {
  return name.length <= 253 && /^(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*$/.test(name)
}
