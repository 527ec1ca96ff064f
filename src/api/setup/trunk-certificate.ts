import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { need, type ApiContext } from '../context.ts'
import type { CertificatesView } from '../schema/certificate.ts'
import { inspectChain, viewCertificate } from './inspect-certificate.ts'
import { savedSettings } from './saved-settings.ts'

type NamedFiles = Record<'certificateFile' | 'keyFile' | 'sbcFqdn', string | undefined>
type TrunkCertificate = Omit<NonNullable<CertificatesView['trunk']>, 'inForce'>

/** Reads the certificate that the settings name and judges it again: time passes, and files change. */
export async function readTrunkCertificate(context: ApiContext): Promise<TrunkCertificate | undefined> {
  const { certificateFile, keyFile, sbcFqdn } = namedFiles(context)
  if (certificateFile === undefined || keyFile === undefined) return undefined
  const nowMs = context.options.clock.nowMs()
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

/**
 * The files as they were saved. The settings in force leave out what is gone, and the page would only say that
 * there is no certificate.
 */
function namedFiles(context: ApiContext): NamedFiles {
  const { tenant } = savedSettings(context)
  const saved = need(context, 'settings').read().document.tenant as Record<string, unknown> | undefined
  const pick = (name: keyof NamedFiles): string | undefined => {
    const value = saved?.[name]
    return tenant[name] ?? (typeof value === 'string' ? value : undefined)
  }
  return { certificateFile: pick('certificateFile'), keyFile: pick('keyFile'), sbcFqdn: pick('sbcFqdn') }
}
