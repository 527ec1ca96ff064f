import { ApplianceError } from '#src/base/errors.ts'
import { graphScopes } from '#src/microsoft/graph-facts.ts'
import { microsoftTenant } from '#src/microsoft/microsoft-tenant.ts'
import { audit, type ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import { errors } from '../schema/answers.ts'
import {
  consentView,
  scriptView,
  tenantBody,
  tenantChoice,
  tenantChosen,
  tenantView,
  type ConsentView,
  type TenantView,
} from '../schema/setup.ts'
import { runningTenant } from '../setup/checks/run-check.ts'
import { ConsentCheck } from '../setup/consent.ts'
import { probeTargets } from '../setup/probe-targets.ts'
import { savedSettings, saveSettings } from '../setup/saved-settings.ts'
import { progressOf } from '../setup/setup-state.ts'
import { tenantScript } from '../setup/tenant-script.ts'
import { isEntraId, trunkNameProblem } from '../setup/trunk-name.ts'

/** The tenant: its ids, the check of the app registration, the script, and the choice. */
export function setupTenantRoutes(api: Api, context: ApiContext): void {
  const { clock, logger } = context.options
  const consent = new ConsentCheck({ clock, logger })
  api.addHook('onClose', async () => consent.cancel())

  api.get(
    '/api/setup/tenant',
    {
      schema: {
        summary: 'The tenant as entered, what it still needs, and which one is in use',
        tags: ['setup'],
        response: { 200: tenantView, ...errors('PART_NOT_RUNNING') },
      },
    },
    () => viewTenant(context),
  )

  api.put(
    '/api/setup/tenant',
    {
      schema: {
        summary: 'Enter the ids of a Microsoft tenant and the name of the box in it',
        tags: ['setup'],
        body: tenantBody,
        response: {
          200: tenantView,
          ...errors('CONFIG_INVALID', 'CONFLICT', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED'),
        },
      },
    },
    async (request) => {
      const ids = checkedIds(request.body)
      await saveSettings(context, { tenant: ids }, ['tenant.tenantId', 'tenant.clientId', 'tenant.sbcFqdn'])
      progressOf(context).dropChecks(['teams-tls'])
      return viewTenant(context)
    },
  )

  api.post(
    '/api/setup/tenant/choice',
    {
      schema: {
        summary: 'Choose the tenant that the box uses from its next start on',
        tags: ['setup'],
        body: tenantChoice,
        response: {
          200: tenantChosen,
          ...errors('CONFIG_INVALID', 'CONFLICT', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED'),
        },
      },
    },
    async (request) => {
      const { kind } = request.body
      // Refused here, and not at the next start: a certificate that does not fit would leave the box without Teams.
      if (kind === 'microsoft') await microsoftTenant(savedSettings(context))
      await saveSettings(context, { tenant: { kind } }, ['tenant.kind'])
      progressOf(context).dropChecks(['teams-options'])
      return { restartNeeded: runningTenant(context) !== kind }
    },
  )

  api.get(
    '/api/setup/tenant/script',
    {
      schema: {
        summary: 'The PowerShell script that makes the tenant know this box',
        tags: ['setup'],
        response: { 200: scriptView, ...errors('CONFIG_INVALID', 'PART_NOT_RUNNING') },
      },
    },
    () => {
      const { tenant, site, sip } = savedSettings(context)
      const { tenantId, sbcFqdn } = checkedIds(tenant)
      const text = tenantScript({ tenantId, sbcFqdn, sipPort: sip.tlsPort, country: site.country })
      return { file: `branchline-${sbcFqdn}.ps1`, text }
    },
  )

  api.get(
    '/api/setup/consent',
    {
      schema: {
        summary: 'How the check of the app registration stands; asking never drives it',
        tags: ['setup'],
        response: { 200: consentView, ...errors('PART_NOT_RUNNING') },
      },
    },
    () => viewConsent(context, consent),
  )

  api.post(
    '/api/setup/consent',
    {
      schema: {
        summary: 'Check the app registration: answers with the code that the admin enters, and where',
        tags: ['setup'],
        response: {
          202: consentView,
          ...errors(
            ...(['CONFIG_INVALID', 'SIGN_IN_FAILED', 'TENANT_UNREACHABLE'] as const),
            ...(['ORIGIN_REFUSED', 'PART_NOT_RUNNING'] as const),
          ),
        },
      },
    },
    async (_request, reply) => {
      const { tenantId, clientId } = checkedIds(savedSettings(context).tenant)
      const { identity } = probeTargets(context.options.setup)
      const waiting = await consent.begin({ tenantId, clientId }, identity, (given) => {
        progressOf(context).noteConsent(given)
        audit(context, { action: 'setup.consent', subject: given.upn, details: { tenantId, clientId } })
      })
      void reply.status(202)
      return waiting
    },
  )

  api.delete(
    '/api/setup/consent',
    {
      schema: {
        summary: 'Give up the check of the app registration',
        tags: ['setup'],
        response: { 200: consentView, ...errors('ORIGIN_REFUSED', 'PART_NOT_RUNNING') },
      },
    },
    () => {
      consent.cancel()
      return viewConsent(context, consent)
    },
  )
}

function viewTenant(context: ApiContext): TenantView {
  const { tenant } = savedSettings(context)
  const certificate = tenant.certificateFile !== undefined && tenant.keyFile !== undefined
  return {
    kind: tenant.kind,
    running: runningTenant(context),
    tenantId: tenant.tenantId ?? null,
    clientId: tenant.clientId ?? null,
    sbcFqdn: tenant.sbcFqdn ?? null,
    certificate,
    missing: [
      ...idProblems(tenant).map(({ text }) => text),
      ...(certificate ? [] : ['Upload a certificate for the name in the step “Certificate”.']),
    ],
    permissions: graphScopes,
  }
}

/** What was confirmed before the last restart still counts. */
function viewConsent(context: ApiContext, consent: ConsentCheck): ConsentView {
  if (consent.state.state !== 'none') return consent.state
  const kept = progressOf(context).consent(savedSettings(context).tenant)
  if (!kept) return { state: 'none' }
  return { state: 'confirmed', upn: kept.upn, displayName: kept.displayName, atMs: kept.atMs }
}

interface Ids {
  tenantId?: string | undefined
  clientId?: string | undefined
  sbcFqdn?: string | undefined
}

function idProblems({ tenantId = '', clientId = '', sbcFqdn = '' }: Ids): { field: string; text: string }[] {
  const name = trunkNameProblem(sbcFqdn)
  return [
    ...(isEntraId(tenantId) ? [] : [{ field: 'tenantId', text: 'Enter the tenant id as Entra shows it.' }]),
    ...(isEntraId(clientId)
      ? []
      : [{ field: 'clientId', text: 'Enter the application (client) id as Entra shows it.' }]),
    ...(name === undefined ? [] : [{ field: 'sbcFqdn', text: name }]),
  ]
}

/** The ids in one spelling; throws CONFIG_INVALID that names the first one to mend. */
function checkedIds(ids: Ids): { tenantId: string; clientId: string; sbcFqdn: string } {
  const problems = idProblems(ids)
  const [first] = problems
  if (first) {
    throw new ApplianceError('CONFIG_INVALID', { field: first.field, problems }, { text: first.text })
  }
  const { tenantId = '', clientId = '', sbcFqdn = '' } = ids
  return {
    tenantId: tenantId.trim().toLowerCase(),
    clientId: clientId.trim().toLowerCase(),
    sbcFqdn: sbcFqdn.trim().toLowerCase(),
  }
}
