import { X509Certificate } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ApplianceError } from '#src/base/errors.ts'
import { audit, need, type ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import { errors } from '../schema/answers.ts'
import {
  certificateRequestBody,
  certificatesView,
  trunkCertificateBody,
  type CertificatesView,
} from '../schema/certificate.ts'
import { removeOthers, writeCertificate } from '../setup/certificate-files.ts'
import { dropRequest, makeRequest, pendingRequest } from '../setup/certificate-request.ts'
import { inspectChain, viewCertificate } from '../setup/inspect-certificate.ts'
import { savedSettings, saveSettings } from '../setup/saved-settings.ts'
import { progressOf } from '../setup/setup-state.ts'
import { readTrunkCertificate } from '../setup/trunk-certificate.ts'
import { trunkNameProblem } from '../setup/trunk-name.ts'

/** The certificates of the box: its own authority, the page's, and the one for Teams. */
export function certificateRoutes(api: Api, context: ApiContext): void {
  api.get(
    '/api/certificates',
    {
      schema: {
        summary: 'The box’s own authority, the page’s certificate, and the one that Teams sees',
        tags: ['setup'],
        response: { 200: certificatesView, ...errors('PART_NOT_RUNNING') },
      },
    },
    () => viewCertificates(context),
  )

  api.post(
    '/api/certificates/request',
    {
      schema: {
        summary: 'Make a key that stays in the box, and a request for a certificate authority',
        tags: ['setup'],
        body: certificateRequestBody,
        response: {
          200: certificatesView,
          ...errors('CONFIG_INVALID', 'CONFLICT', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED'),
        },
      },
    },
    async (request) => {
      const fqdn = checkedName(request.body.fqdn)
      await makeRequest({
        secrets: need(context, 'store').secrets,
        fqdn,
        organisation: request.body.organisation?.trim(),
        nowMs: context.options.clock.nowMs(),
      })
      audit(context, { action: 'certificate.request', subject: fqdn })
      return viewCertificates(context)
    },
  )

  api.put(
    '/api/certificates/trunk',
    {
      schema: {
        summary: 'Upload the certificate for Teams; without a key it must fit the request of the box',
        tags: ['setup'],
        body: trunkCertificateBody,
        response: {
          200: certificatesView,
          ...errors('CONFIG_INVALID', 'CONFLICT', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED'),
        },
      },
    },
    async (request) => {
      await keepCertificate(context, request.body)
      return viewCertificates(context)
    },
  )
}

/** Judges the pair, writes it, and lets the settings point to it; what was there stays until then. */
async function keepCertificate(
  context: ApiContext,
  body: { fqdn: string; certificatePem: string; keyPem?: string },
): Promise<void> {
  const { secrets } = need(context, 'store')
  const folder = context.options.setup?.certificateFolder
  if (folder === undefined) throw invalid('certificatePem', 'This box has no place to keep a certificate.')
  const fqdn = checkedName(body.fqdn)
  const own = body.keyPem === undefined || body.keyPem.trim() === ''
  const keyPem = own ? pendingRequest(secrets)?.keyPem : body.keyPem
  if (keyPem === undefined) throw invalid('keyPem', 'Upload the key too: this box has made no request.')
  const { certificatePem } = body
  const judged = inspectChain({ certificatePem, keyPem, fqdn, nowMs: context.options.clock.nowMs() })
  if (judged.kind === 'unsound') {
    // Without a key of one's own, the request is what does not fit.
    const text =
      own && judged.field === 'keyPem' ? 'The certificate is not for the request of this box.' : judged.text
    throw invalid(own ? 'certificatePem' : judged.field, text, judged.advice)
  }
  const before = savedSettings(context).tenant
  const files = await writeCertificate(folder, { certificatePem: judged.certificatePem, keyPem })
  try {
    await saveSettings(context, { tenant: { ...files, sbcFqdn: fqdn } }, [
      'tenant.certificateFile',
      'tenant.keyFile',
      'tenant.sbcFqdn',
    ])
  } catch (error) {
    if (before.certificateFile !== files.certificateFile) {
      await rm(dirname(files.certificateFile), { recursive: true, force: true })
    }
    throw error
  }
  await removeOthers(folder, files)
  if (own) dropRequest(secrets)
  progressOf(context).dropChecks(['teams-tls'])
  const { fingerprint256 } = judged.leaf
  audit(context, { action: 'certificate.keep', subject: fqdn, details: { fingerprint: fingerprint256 } })
}

const trunkSettings = ['tenant.certificateFile', 'tenant.sbcFqdn', 'tenant.kind']

async function viewCertificates(context: ApiContext): Promise<CertificatesView> {
  const { certificate, box, setup } = context.options
  const { tenant } = savedSettings(context)
  const trunk = await readTrunkCertificate(context)
  const request = pendingRequest(need(context, 'store').secrets)
  const { pendingRestart } = need(context, 'settings').read()
  return {
    authority: viewCertificate(new X509Certificate(box().caPem)),
    page: viewCertificate(new X509Certificate(certificate.certPem)),
    // Under another name, or for another tenant, it waits with them.
    trunk: trunk ? { ...trunk, inForce: !trunkSettings.some((path) => pendingRestart.includes(path)) } : null,
    request: request
      ? { fqdn: request.fqdn, createdAtMs: request.createdAtMs, pem: request.requestPem }
      : null,
    sbcFqdn: tenant.sbcFqdn ?? null,
    canKeep: setup?.certificateFolder !== undefined,
  }
}

function checkedName(name: string): string {
  const problem = trunkNameProblem(name)
  if (problem !== undefined) throw invalid('fqdn', problem)
  return name.trim().toLowerCase()
}

function invalid(field: string, text: string, advice?: string): ApplianceError {
  return new ApplianceError(
    'CONFIG_INVALID',
    { field },
    { text, ...(advice === undefined ? {} : { advice }) },
  )
}
