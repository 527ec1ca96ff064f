import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { getCACertificates } from 'node:tls'
import type { CertificateView } from '../schema/certificate.ts'

const dayMs = 86_400_000
const warnBeforeMs = 30 * dayMs
const minRsaBits = 2048
/** serverAuth, and clientAuth beside it (facts: which of them Microsoft asks for has changed twice). */
const serverAuthOid = '1.3.6.1.5.5.7.3.1'
const clientAuthOid = '1.3.6.1.5.5.7.3.2'
const maxCertificates = 10

/** A chain that can be used, leaf first, with what a person should still know. */
export interface SoundChain {
  kind: 'sound'
  /** The leaf, then each one's issuer; PEM as it is to be stored. */
  certificatePem: string
  leaf: X509Certificate
  authorities: X509Certificate[]
  warnings: string[]
}

/** Why a chain or key cannot be used; `field` is the input to mend. */
export interface UnsoundChain {
  kind: 'unsound'
  field: 'certificatePem' | 'keyPem'
  text: string
  advice?: string
}

/** Judges a certificate chain and its key as Teams would, before anything is stored. Pure but for the list of public roots. */
export function inspectChain(options: {
  certificatePem: string
  keyPem: string
  fqdn: string
  nowMs: number
}): SoundChain | UnsoundChain {
  const key = readKey(options.keyPem)
  if ('kind' in key) return key
  const certificates = readCertificates(options.certificatePem)
  if ('kind' in certificates) return certificates
  const leaf = certificates.find((one) => one.checkPrivateKey(key.value))
  if (!leaf) {
    return unsound('keyPem', 'The key does not belong to any of the certificates.', {
      advice: 'Upload the key with which the certificate was requested.',
    })
  }
  const refusal = refuse(leaf, key.value, options)
  if (refusal) return refusal
  const authorities = chainOf(leaf, certificates)
  return {
    kind: 'sound',
    certificatePem: [leaf, ...authorities].map((one) => one.toString().trimEnd()).join('\n') + '\n',
    leaf,
    authorities,
    warnings: warningsOf(leaf, authorities, certificates, key.value, options.nowMs),
  }
}

/** A certificate in the words of a person. */
export function viewCertificate(certificate: X509Certificate): CertificateView {
  return {
    subject: nameOf(certificate.subject),
    issuer: nameOf(certificate.issuer),
    names: (certificate.subjectAltName ?? '')
      .split(', ')
      .map((name) => name.replace(/^(DNS|IP Address):/, ''))
      .filter((name) => name !== ''),
    fingerprint: certificate.fingerprint256,
    validFromMs: certificate.validFromDate.getTime(),
    expiresAtMs: certificate.validToDate.getTime(),
  }
}

function readKey(pem: string): { value: KeyObject } | UnsoundChain {
  if (/ENCRYPTED/.test(pem)) {
    return unsound('keyPem', 'The key is protected by a passphrase.', {
      advice: 'Take the passphrase off first: openssl pkey -in key.pem -out plain.pem',
    })
  }
  try {
    return { value: createPrivateKey(pem) }
  } catch {
    return unsound('keyPem', 'This is no private key in PEM.')
  }
}

function readCertificates(pem: string): X509Certificate[] | UnsoundChain {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0) {
    return unsound('certificatePem', 'There is no certificate in PEM in it.', {
      advice: 'It begins with -----BEGIN CERTIFICATE-----. A .pfx file must be converted first.',
    })
  }
  if (blocks.length > maxCertificates)
    return unsound('certificatePem', 'There are too many certificates in it.')
  try {
    return blocks.map((block) => new X509Certificate(block))
  } catch {
    return unsound('certificatePem', 'One of the certificates is damaged.')
  }
}

function refuse(
  leaf: X509Certificate,
  key: KeyObject,
  { fqdn, nowMs }: { fqdn: string; nowMs: number },
): UnsoundChain | undefined {
  // A wildcard covers one label, as with Teams; the common name counts only without alternative names.
  if (leaf.checkHost(fqdn, { partialWildcards: false }) === undefined) {
    return unsound('certificatePem', `The certificate is not for ${fqdn}.`, {
      advice: `It is for ${viewCertificate(leaf).names.join(', ') || nameOf(leaf.subject)}.`,
    })
  }
  if (leaf.validToDate.getTime() <= nowMs) {
    return unsound('certificatePem', `The certificate ended on ${day(leaf.validToDate)}.`)
  }
  if (leaf.validFromDate.getTime() > nowMs) {
    return unsound('certificatePem', `The certificate begins only on ${day(leaf.validFromDate)}.`, {
      advice: 'If that day is over, the clock of the box is wrong.',
    })
  }
  if (leaf.checkIssued(leaf) && leaf.verify(leaf.publicKey)) {
    return unsound('certificatePem', 'The certificate is signed by itself; Teams takes none of those.', {
      advice: 'Get one from a public authority for the request below.',
    })
  }
  const bits = key.asymmetricKeyDetails?.modulusLength
  if (bits !== undefined && bits < minRsaBits) {
    return unsound('keyPem', `The key has ${bits} bits; ${minRsaBits} are the least.`)
  }
  const usage = leaf.keyUsage
  if (usage && !usage.includes(serverAuthOid)) {
    return unsound('certificatePem', 'The certificate is not meant for servers (serverAuth is missing).')
  }
  return undefined
}

/** Follows issuers among what was given, whatever its order; the root itself need not be sent. */
function chainOf(leaf: X509Certificate, given: readonly X509Certificate[]): X509Certificate[] {
  const chain: X509Certificate[] = []
  let last = leaf
  for (;;) {
    const issuer = given.find(
      (one) => one !== last && !chain.includes(one) && last.checkIssued(one) && last.verify(one.publicKey),
    )
    if (!issuer) return chain
    chain.push(issuer)
    last = issuer
  }
}

function warningsOf(
  leaf: X509Certificate,
  authorities: readonly X509Certificate[],
  given: readonly X509Certificate[],
  key: KeyObject,
  nowMs: number,
): string[] {
  const warnings: string[] = []
  if (leaf.validToDate.getTime() - nowMs < warnBeforeMs) {
    warnings.push(`It ends on ${day(leaf.validToDate)}: have it renewed.`)
  }
  if (leaf !== given[0] || authorities.some((one, index) => one !== given[index + 1])) {
    warnings.push('The certificates were in another order; they are stored in the right one.')
  }
  if (given.length > authorities.length + 1) {
    warnings.push('Certificates that do not belong to the chain were left out.')
  }
  const last = authorities.at(-1) ?? leaf
  if (!isPublic(last)) {
    warnings.push(
      'The chain does not lead to a public authority that this box knows: Teams refuses private ones, and misses intermediates that are not uploaded.',
    )
  }
  // Teams' TLS suites are all ECDHE-RSA (facts, 2.1).
  if (key.asymmetricKeyType !== 'rsa')
    warnings.push('The key is no RSA key; Teams is documented with RSA only.')
  const usage = leaf.keyUsage
  if (usage && !usage.includes(clientAuthOid)) {
    warnings.push('It is not meant for clients (clientAuth); Teams has asked for that at times.')
  }
  return warnings
}

/** True when the certificate is a public root or signed by one. */
function isPublic(certificate: X509Certificate): boolean {
  for (const pem of getCACertificates('default')) {
    const root = new X509Certificate(pem)
    if (root.fingerprint256 === certificate.fingerprint256) return true
    if (certificate.checkIssued(root) && certificate.verify(root.publicKey)) return true
  }
  return false
}

function unsound(field: UnsoundChain['field'], text: string, more: { advice?: string } = {}): UnsoundChain {
  return { kind: 'unsound', field, text, ...more }
}

/** The common name, else the whole distinguished name on one line. */
function nameOf(distinguished: string): string {
  return /^CN=(.+)$/m.exec(distinguished)?.[1] ?? distinguished.replaceAll('\n', ', ')
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10)
}
