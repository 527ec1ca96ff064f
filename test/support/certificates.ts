import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  type Extension,
  type X509Certificate,
} from '@peculiar/x509'

/** Purposes a test certificate can be made for. */
export type Purpose = 'serverAuth' | 'clientAuth'

/** What a leaf certificate should say. */
export interface LeafOptions {
  /** DNS names; the first one is the common name as well. */
  names?: string[]
  ips?: string[]
  /** Extended key usage; both by default, an empty list leaves the extension out. */
  eku?: Purpose[]
  notBefore?: Date
  notAfter?: Date
}

/** A certificate and its key. `certificatePem` carries the intermediates after the leaf. */
export interface IssuedCertificate {
  certificatePem: string
  keyPem: string
}

/** A certificate authority of a test. */
export interface TestCa {
  /** The root that peers have to trust, also when this is an intermediate. */
  rootPem: string
  issue(options: LeafOptions): Promise<IssuedCertificate>
  /** An authority whose certificates chain up to this one. */
  intermediate(name: string, options?: { ca?: boolean }): Promise<TestCa>
}

const purposeOids: Readonly<Record<Purpose, string>> = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
}
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const dayMs = 86_400_000

type KeyPair = webcrypto.CryptoKeyPair

async function makeKeys(): Promise<KeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

async function keyPemOf(keys: KeyPair): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY')
}

/** Makes a root authority, valid for a day around now. */
export async function makeCa(name: string): Promise<TestCa> {
  const keys = await makeKeys()
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    notBefore: new Date(Date.now() - dayMs),
    notAfter: new Date(Date.now() + dayMs),
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  })
  return authority(certificate, keys, certificate.toString('pem'), [])
}

function authority(certificate: X509Certificate, keys: KeyPair, rootPem: string, chain: string[]): TestCa {
  const sign = (
    subject: string,
    publicKey: webcrypto.CryptoKey,
    extensions: Extension[],
    validity: { notBefore?: Date | undefined; notAfter?: Date | undefined },
  ): Promise<X509Certificate> =>
    X509CertificateGenerator.create({
      subject,
      issuer: certificate.subject,
      publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: algorithm,
      notBefore: validity.notBefore ?? new Date(Date.now() - dayMs),
      notAfter: validity.notAfter ?? new Date(Date.now() + dayMs),
      extensions,
    })
  return {
    rootPem,
    async issue(options) {
      const leafKeys = await makeKeys()
      const names = options.names ?? []
      const eku = options.eku ?? ['serverAuth', 'clientAuth']
      const altNames = [
        ...names.map((value) => ({ type: 'dns' as const, value })),
        ...(options.ips ?? []).map((value) => ({ type: 'ip' as const, value })),
      ]
      const leaf = await sign(
        `CN=${names[0] ?? options.ips?.[0] ?? 'nobody'}`,
        leafKeys.publicKey,
        [
          new BasicConstraintsExtension(false, undefined, true),
          ...(altNames.length > 0 ? [new SubjectAlternativeNameExtension(altNames)] : []),
          ...(eku.length > 0
            ? [new ExtendedKeyUsageExtension(eku.map((purpose) => purposeOids[purpose]))]
            : []),
        ],
        options,
      )
      return {
        certificatePem: [leaf.toString('pem'), ...chain].join('\n') + '\n',
        keyPem: (await keyPemOf(leafKeys)) + '\n',
      }
    },
    async intermediate(name, options = {}) {
      const nextKeys = await makeKeys()
      const isCa = options.ca ?? true
      const next = await sign(
        `CN=${name}`,
        nextKeys.publicKey,
        [
          new BasicConstraintsExtension(isCa, undefined, true),
          ...(isCa ? [new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true)] : []),
        ],
        {},
      )
      return authority(next, nextKeys, rootPem, [next.toString('pem'), ...chain])
    },
  }
}
