import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import type { SecretStore } from '#src/store/store.ts'

const secretName = 'setup.certificate-request'

const kept = Type.Object({
  fqdn: Type.String(),
  createdAtMs: Type.Integer(),
  requestPem: Type.String(),
  keyPem: Type.String(),
})

/** A request that waits for its certificate; the key stays sealed in the store. */
export type CertificateRequest = Static<typeof kept>

// RSA, because Teams' TLS suites are ECDHE-RSA only (facts, 2.1); 2048 bits are what public authorities expect.
const algorithm = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  publicExponent: new Uint8Array([1, 0, 1]),
  modulusLength: 2048,
}

/** Makes a key and a PKCS #10 request (RFC 2986) for the trunk's name, and keeps both. */
export async function makeRequest(options: {
  secrets: SecretStore
  fqdn: string
  organisation: string | undefined
  nowMs: number
}): Promise<CertificateRequest> {
  const { secrets, fqdn, organisation, nowMs } = options
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [fqdn] }, ...(organisation ? [{ O: [organisation] }] : [])],
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: fqdn }]),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment,
        true,
      ),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
    ],
  })
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  const made = {
    fqdn,
    createdAtMs: nowMs,
    requestPem: `${request.toString('pem').trimEnd()}\n`,
    keyPem: `${x509.PemConverter.encode(pkcs8, 'PRIVATE KEY').trimEnd()}\n`,
  }
  secrets.set(secretName, JSON.stringify(made))
  return made
}

/** The request that waits, if any. */
export function pendingRequest(secrets: SecretStore): CertificateRequest | undefined {
  const text = secrets.get(secretName)
  if (text === undefined) return undefined
  const request: unknown = JSON.parse(text)
  return Value.Check(kept, request) ? request : undefined
}

/** Forgets the request: its certificate has come, or another name is wanted. */
export function dropRequest(secrets: SecretStore): void {
  secrets.remove(secretName)
}
