import { X509Certificate } from 'node:crypto'

const clientAuth = '1.3.6.1.5.5.7.3.2'
const serverAuth = '1.3.6.1.5.5.7.3.1'
const anyPurpose = '2.5.29.37.0'
const maxPresented = 12
const minRsaBits = 2048

/** Why a client certificate proves nothing. */
export type ClientFault =
  | 'unknown-authority'
  | 'self-signed'
  | 'expired'
  | 'not-yet-valid'
  | 'weak-key'
  | 'wrong-purpose'
  | 'wrong-name'

/** Reads a list of PEM texts, each of which may hold several certificates; unreadable ones throw. */
export function readCertificates(pems: readonly string[]): X509Certificate[] {
  const blocks = pems.flatMap(
    (pem) => pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [],
  )
  return blocks.map((block) => new X509Certificate(block))
}

/**
 * Judges the certificate that a TLS client presented. OpenSSL's own verdict cannot be used, because it insists on
 * the clientAuth purpose, and from 2026 Microsoft's SIP certificates carry serverAuth only; `serverAuthOnly` says
 * whether this trunk's may. Everything else is asked for: signatures, CA flags, validity of each certificate, a root
 * of ours at the end.
 */
export function judgeClient(
  leaf: X509Certificate,
  roots: readonly X509Certificate[],
  serverAuthOnly: boolean,
  nowMs: number,
): ClientFault | 'trusted' {
  const presented: X509Certificate[] = []
  for (
    let next = leaf.issuerCertificate;
    next && presented.length < maxPresented;
    next = next.issuerCertificate
  ) {
    presented.push(next)
    if (next.issuerCertificate === next) break
  }
  // Signatures first: what is said about a certificate from nowhere would be its author's choice.
  if (!leadsToRoot(leaf, presented, roots)) {
    return isIssuedBy(leaf, leaf) ? 'self-signed' : 'unknown-authority'
  }
  if (!leadsToRoot(leaf, presented, roots, nowMs)) {
    return faultOf(leaf, nowMs) ?? presented.map((one) => faultOf(one, nowMs)).find(Boolean) ?? 'expired'
  }
  const purposes = leaf.keyUsage as string[] | undefined
  const fits = (oid: string): boolean =>
    oid === clientAuth || oid === anyPurpose || (serverAuthOnly && oid === serverAuth)
  return purposes && !purposes.some(fits) ? 'wrong-purpose' : 'trusted'
}

// With a time the certificates must be sound as well; without one only the signatures count. Each certificate is
// looked at once: a stranger's twelve that all vouch for each other would else be tried in every order.
function leadsToRoot(
  leaf: X509Certificate,
  presented: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  nowMs?: number,
): boolean {
  const isSound = (one: X509Certificate): boolean => nowMs === undefined || faultOf(one, nowMs) === undefined
  let unused = presented.filter((one) => one.ca && isSound(one))
  const open = isSound(leaf) ? [leaf] : []
  for (let next = open.pop(); next; next = open.pop()) {
    const certificate = next
    if (roots.some((root) => isSound(root) && isIssuedBy(certificate, root))) return true
    const issuers = unused.filter((issuer) => isIssuedBy(certificate, issuer))
    unused = unused.filter((issuer) => !issuers.includes(issuer))
    open.push(...issuers)
  }
  return false
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

function faultOf(certificate: X509Certificate, nowMs: number): ClientFault | undefined {
  const { validFromDate, validToDate, publicKey } = certificate
  if (nowMs < validFromDate.getTime()) return 'not-yet-valid'
  if (nowMs > validToDate.getTime()) return 'expired'
  const bits =
    publicKey.asymmetricKeyType === 'rsa' ? publicKey.asymmetricKeyDetails?.modulusLength : undefined
  return bits === undefined || bits >= minRsaBits ? undefined : 'weak-key'
}
