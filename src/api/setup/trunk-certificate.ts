import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Settings } from '#src/model/settings.ts'
import type { CertificatesView } from '../schema/certificate.ts'
import { inspectChain, viewCertificate } from './inspect-certificate.ts'

type TrunkCertificate = Omit<NonNullable<CertificatesView['trunk']>, 'inForce'>

/** Reads the certificate that the settings name and judges it again: time passes, and files change. */
export async function readTrunkCertificate(
  tenant: Settings['tenant'],
  nowMs: number,
): Promise<TrunkCertificate | undefined> {
  const { certificateFile, keyFile, sbcFqdn } = tenant
  if (certificateFile === undefined || keyFile === undefined) return undefined
  const nothing = { certificate: null, chain: [], warnings: [] }
  let certificatePem
  let keyPem
  try {
    certificatePem = await readFile(certificateFile, 'utf8')
    keyPem = await readFile(keyFile, 'utf8')
  } catch {
    return {
      ...nothing,
      problem: `The files of the certificate cannot be read: ${certificateFile}, ${keyFile}.`,
    }
  }
  const chain = inspectChain({ certificatePem, keyPem, fqdn: sbcFqdn ?? '', nowMs })
  if (chain.kind === 'sound') {
    const { leaf, authorities, warnings } = chain
    return {
      certificate: viewCertificate(leaf),
      chain: authorities.map(viewCertificate),
      problem: null,
      warnings,
    }
  }
  return { ...nothing, certificate: firstOf(certificatePem), problem: chain.text }
}

function firstOf(pem: string): TrunkCertificate['certificate'] {
  try {
    return viewCertificate(new X509Certificate(pem))
  } catch {
    return null
  }
}
