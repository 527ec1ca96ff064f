import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { createPrivateKey, webcrypto, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { Logger } from '#src/base/logger.ts'
import { labDomain } from './people.ts'
import { readPrivate, writePrivate } from './private-files.ts'
import type { CertificateAndKey, TeamsEdgeCertificates } from './teams-edge-port.ts'

/** Signalling names of the lab, in the order in which a box tries them. */
export const labTeamsHosts = ['sip', 'sip2', 'sip3'].map((name) => `${name}.pstnhub.${labDomain}`)

/** The FQDN under which the lab tenant knows the box. */
export const labSbcFqdn = `box.${labDomain}`

/** Every key and certificate of the lab. */
export interface LabCertificates extends TeamsEdgeCertificates {
  /** serverAuth for localhost and the addresses the HTTPS server listens on. */
  https: CertificateAndKey
  /** What the box presents to the edge: serverAuth and clientAuth, for `sbcFqdn`. */
  box: CertificateAndKey
  /** Signs the tokens of the Entra stand-in (RS256). */
  tokenSigningKeyPem: string
}

interface LeafSpec {
  file: string
  commonName: string
  names: string[]
  usages: x509.ExtendedKeyUsage[]
}

const dayMs = 86_400_000
const caLifetimeMs = 3650 * dayMs
const leafLifetimeMs = 365 * dayMs
const renewBeforeMs = 30 * dayMs
// A machine whose clock is a few hours behind must not find its own certificates "not yet valid".
const backdateMs = dayMs

// RSA, because Teams' cipher suites are ECDHE-RSA only (facts: Direct Routing TLS).
const rsa = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  publicExponent: new Uint8Array([1, 0, 1]),
  modulusLength: 2048,
}

/**
 * Reads the lab's certificates from `dir`, making what is missing, damaged, near its expiry, or does not
 * cover `addresses` (IP addresses and names of the HTTPS server). Files are 0600.
 */
export async function loadLabCertificates(options: {
  dir: string
  addresses: string[]
  nowMs: number
  logger: Logger
}): Promise<LabCertificates> {
  const { dir, nowMs, logger } = options
  let ca = await readPair(dir, 'ca')
  if (!ca || !isFresh(ca, nowMs)) {
    ca = await makeCa(nowMs)
    await writePair(dir, 'ca', ca)
    logger.info({ dir }, 'made a certificate authority')
  }
  const leaf = async (spec: LeafSpec): Promise<CertificateAndKey> => {
    const kept = await readPair(dir, spec.file)
    if (kept && isFresh(kept, nowMs) && isFrom(kept, ca) && covers(kept, spec.names)) return kept
    const made = await makeLeaf(spec, ca, nowMs)
    await writePair(dir, spec.file, made)
    logger.info({ file: spec.file, names: spec.names }, 'made a certificate')
    return made
  }
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage
  return {
    caPem: ca.certificatePem,
    sbcFqdn: labSbcFqdn,
    https: await leaf({
      file: 'https',
      commonName: 'Branchline lab',
      names: [...new Set(['localhost', '127.0.0.1', '::1', ...options.addresses])],
      usages: [serverAuth],
    }),
    // serverAuth only, like Microsoft's own since 2026: a box that insists on clientAuth must fail here too.
    teamsEdge: await leaf({
      file: 'teams-edge',
      commonName: labTeamsHosts[0] ?? labDomain,
      names: labTeamsHosts,
      usages: [serverAuth],
    }),
    box: await leaf({
      file: 'box',
      commonName: labSbcFqdn,
      names: [labSbcFqdn],
      usages: [serverAuth, clientAuth],
    }),
    tokenSigningKeyPem: await tokenSigningKey(dir),
  }
}

async function tokenSigningKey(dir: string): Promise<string> {
  const kept = await readPrivate(dir, 'token-signing.key.pem')
  if (kept !== undefined && isPrivateKey(kept)) return kept
  const pem = await keyPem(await generateKeys())
  await writePrivate(dir, 'token-signing.key.pem', pem)
  return pem
}

async function makeCa(nowMs: number): Promise<CertificateAndKey> {
  const keys = await generateKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: 'CN=Branchline lab CA, O=Branchline lab',
    notBefore: new Date(nowMs - backdateMs),
    notAfter: new Date(nowMs + caLifetimeMs),
    signingAlgorithm: rsa,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificatePem: certificate.toString('pem'), keyPem: await keyPem(keys) }
}

async function makeLeaf(spec: LeafSpec, ca: CertificateAndKey, nowMs: number): Promise<CertificateAndKey> {
  const keys = await generateKeys()
  const issuer = new x509.X509Certificate(ca.certificatePem)
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${spec.commonName}, O=Branchline lab`,
    issuer: issuer.subject,
    notBefore: new Date(nowMs - backdateMs),
    notAfter: new Date(Math.min(nowMs + leafLifetimeMs, issuer.notAfter.getTime())),
    signingAlgorithm: rsa,
    publicKey: keys.publicKey,
    signingKey: await importKey(ca.keyPem),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment,
        true,
      ),
      new x509.ExtendedKeyUsageExtension(spec.usages, false),
      new x509.SubjectAlternativeNameExtension(
        spec.names.map((value) => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value })),
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  })
  return { certificatePem: certificate.toString('pem'), keyPem: await keyPem(keys) }
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(rsa, true, ['sign', 'verify'])
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' })
  return webcrypto.subtle.importKey('pkcs8', der, rsa, false, ['sign'])
}

async function keyPem(keys: webcrypto.CryptoKeyPair): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ type: 'pkcs8', format: 'pem' })
    .toString()
}

function serialNumber(): string {
  // RFC 5280 4.1.2.2: positive, at most 20 octets; the leading 01 keeps the sign bit clear.
  return `01${Buffer.from(webcrypto.getRandomValues(new Uint8Array(15))).toString('hex')}`
}

async function readPair(dir: string, file: string): Promise<CertificateAndKey | undefined> {
  const [certificatePem, key] = await Promise.all([
    readPrivate(dir, `${file}.cert.pem`),
    readPrivate(dir, `${file}.key.pem`),
  ])
  return certificatePem === undefined || key === undefined ? undefined : { certificatePem, keyPem: key }
}

async function writePair(dir: string, file: string, pair: CertificateAndKey): Promise<void> {
  // Key first: a crash between the two leaves a pair that does not match, which is made anew.
  await writePrivate(dir, `${file}.key.pem`, pair.keyPem)
  await writePrivate(dir, `${file}.cert.pem`, pair.certificatePem)
}

/** True when the pair can be read, belongs together, and has a month to live. */
function isFresh(pair: CertificateAndKey, nowMs: number): boolean {
  try {
    const certificate = new X509Certificate(pair.certificatePem)
    return (
      certificate.checkPrivateKey(createPrivateKey(pair.keyPem)) &&
      Date.parse(certificate.validFrom) <= nowMs &&
      Date.parse(certificate.validTo) - nowMs > renewBeforeMs
    )
  } catch {
    return false
  }
}

function isFrom(pair: CertificateAndKey, ca: CertificateAndKey): boolean {
  return new X509Certificate(pair.certificatePem).verify(new X509Certificate(ca.certificatePem).publicKey)
}

function covers(pair: CertificateAndKey, names: string[]): boolean {
  const certificate = new X509Certificate(pair.certificatePem)
  return names.every((name) =>
    isIP(name) ? certificate.checkIP(name) !== undefined : certificate.checkHost(name) !== undefined,
  )
}

function isPrivateKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyType === 'rsa'
  } catch {
    return false
  }
}
