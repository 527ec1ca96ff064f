import { X509Certificate } from 'node:crypto'

const clientAuth = '1.3.6.1.5.5.7.3.2'
const serverAuth = '1.3.6.1.5.5.7.3.1'
const anyPurpose = '2.5.29.37.0'
const maxDepth = 8
const maxPresented = 12
const minRsaBits = 2048

/** Reads a list of PEM texts, each of which may hold several certificates; unreadable ones throw. */
export function readCertificates(pems: readonly string[]): X509Certificate[] {
  const blocks = pems.flatMap(
    (pem) => pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [],
  )
  return blocks.map((block) => new X509Certificate(block))
}

/**
 * Judges the certificate that a TLS client presented. OpenSSL's own verdict cannot be used, because it insists on
 * the clientAuth purpose, and from 2026 Microsoft's SIP certificates carry serverAuth only. Everything
 * else is asked for: signatures, CA flags, validity of each certificate, a root of ours at the end.
 */
export function isTrustedClient(
  leaf: X509Certificate,
  roots: readonly X509Certificate[],
  nowMs: number,
): boolean {
  const purposes = leaf.keyUsage as string[] | undefined
  if (purposes && !purposes.some((oid) => oid === clientAuth || oid === serverAuth || oid === anyPurpose)) {
    return false
  }
  const presented: X509Certificate[] = []
  for (
    let next = leaf.issuerCertificate;
    next && presented.length < maxPresented;
    next = next.issuerCertificate
  ) {
    presented.push(next)
    if (next.issuerCertificate === next) break
  }
  return leadsToRoot(leaf, presented, roots, nowMs, 0)
}

function leadsToRoot(
  certificate: X509Certificate,
  presented: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  nowMs: number,
  depth: number,
): boolean {
  if (depth > maxDepth || !isSound(certificate, nowMs)) return false
  if (roots.some((root) => isSound(root, nowMs) && isIssuedBy(certificate, root))) return true
  return presented.some(
    (issuer, index) =>
      issuer.ca &&
      isIssuedBy(certificate, issuer) &&
      leadsToRoot(issuer, presented.toSpliced(index, 1), roots, nowMs, depth + 1),
  )
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

function isSound(certificate: X509Certificate, nowMs: number): boolean {
  const { validFromDate, validToDate, publicKey } = certificate
  if (nowMs < validFromDate.getTime() || nowMs > validToDate.getTime()) return false
  const bits =
    publicKey.asymmetricKeyType === 'rsa' ? publicKey.asymmetricKeyDetails?.modulusLength : undefined
  return bits === undefined || bits >= minRsaBits
}
