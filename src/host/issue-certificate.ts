import 'reflect-metadata'
import { createPrivateKey, randomBytes, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import * as x509 from '@peculiar/x509'

/** A certificate and its private key, both PEM (PKCS #8). */
export interface CertificateAndKey {
  certificatePem: string
  keyPem: string
}

const dayMs = 86_400_000
/** Apple's systems refuse server certificates of private roots beyond 825 days, public ones beyond 398. */
const serverLifetimeMs = 397 * dayMs
const authorityLifetimeMs = 20 * 365 * dayMs
// RFC 5280 4.1.2.5: from 2050 on dates are written in another type, which old phones do not read.
const lastDateMs = Date.UTC(2049, 11, 31)
// A phone whose clock is a few hours behind must not find the certificate "not yet valid".
const backdateMs = dayMs

// RSA-2048 with SHA-256: the desk phones and adapters of ten years ago have TLS stacks without ECDSA, and
// every newer one takes RSA too. It costs a signature of about a millisecond per handshake.
const algorithm = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  publicExponent: new Uint8Array([1, 0, 1]),
  modulusLength: 2048,
}

/** Makes a certificate authority that can sign server certificates and nothing below them. */
export async function makeAuthority(nowMs: number): Promise<CertificateAndKey> {
  const keys = await generateKeys()
  // The suffix keeps the roots of several boxes apart in one phone's or browser's list.
  const name = `CN=Branchline box ${randomBytes(3).toString('hex')}, O=Branchline`
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name,
    notBefore: new Date(nowMs - backdateMs),
    notAfter: new Date(Math.min(nowMs + authorityLifetimeMs, lastDateMs)),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificatePem: pemOf(certificate), keyPem: await keyPemOf(keys.privateKey) }
}

/** Signs a server certificate for these DNS names and addresses. */
export async function issueServer(
  ca: CertificateAndKey,
  names: readonly string[],
  nowMs: number,
): Promise<CertificateAndKey> {
  const keys = await generateKeys()
  const issuer = new x509.X509Certificate(ca.certificatePem)
  const commonName = names.find((name) => isIP(name) === 0) ?? 'branchline.local'
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${commonName}`,
    issuer: issuer.subject,
    notBefore: new Date(nowMs - backdateMs),
    notAfter: new Date(Math.min(nowMs + serverLifetimeMs, lastDateMs)),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: await importKey(ca.keyPem),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment,
        true,
      ),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value })),
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  })
  return { certificatePem: pemOf(certificate), keyPem: await keyPemOf(keys.privateKey) }
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' })
  return webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign'])
}

async function keyPemOf(key: webcrypto.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey('pkcs8', key)
  return withNewline(x509.PemConverter.encode(der, 'PRIVATE KEY'))
}

function pemOf(certificate: x509.X509Certificate): string {
  return withNewline(certificate.toString('pem'))
}

function withNewline(text: string): string {
  return `${text.trimEnd()}\n`
}

/** Positive and 127 bits (RFC 5280 4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString('hex')
}
