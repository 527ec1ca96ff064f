import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import type { Clock } from '#src/base/clock.ts'
import type { LabAccount, LabAccounts } from './accounts.ts'
import type { Tokens } from './entra/tokens.ts'
import { labTenantId } from './identity.ts'

/** What the Graph stand-in works with. */
export interface GraphParts {
  tokens: Tokens
  accounts: LabAccounts
  clock: Clock
}

const graphErrors = {
  unauthorised: [
    401,
    'InvalidAuthenticationToken',
    'Lab: the access token is missing, expired or not valid.',
  ],
  forbidden: [403, 'Authorization_RequestDenied', 'Lab: the token does not allow this request.'],
  notFound: [404, 'Request_ResourceNotFound', 'Lab: there is no such person.'],
} as const

const idParams = Type.Object({ id: Type.String({ maxLength: 128 }) })
const selectQuery = Type.Object({ $select: Type.Optional(Type.String({ maxLength: 512 })) })
type Ask = { Params: Partial<Static<typeof idParams>>; Querystring: Static<typeof selectQuery> }
type Resource = (account: LabAccount) => Record<string, unknown>

// Service plan ids do not matter to the box; these are of the lab.
const phonePlan = {
  servicePlanId: '1ab7e4a4-0000-4000-8000-0000000000e5',
  servicePlanName: 'MCOEV',
  provisioningStatus: 'Success',
  appliesTo: 'User',
}
const teamsPlan = {
  servicePlanId: '1ab7e4a4-0000-4000-8000-0000000000e1',
  servicePlanName: 'TEAMS1',
  provisioningStatus: 'Success',
  appliesTo: 'User',
}

/** Registers the Graph resources that the box reads, under /v1.0, each behind a bearer token of the person. */
export function registerGraph(app: FastifyInstance, parts: GraphParts): void {
  const { tokens, accounts, clock } = parts

  const fail = (reply: FastifyReply, name: keyof typeof graphErrors): FastifyReply => {
    const [status, code, message] = graphErrors[name]
    if (status === 401) reply.header('www-authenticate', 'Bearer realm="lab"')
    const innerError = { date: new Date(clock.nowMs()).toISOString() }
    return reply.code(status).send({ error: { code, message, innerError } })
  }

  const serve =
    (scope: string, resource: Resource) => (request: FastifyRequest<Ask>, reply: FastifyReply) => {
      const claims = tokens.readAccess(bearer(request.headers.authorization))
      const caller = claims && accounts.find(claims.oid)
      if (!caller?.enabled) return fail(reply, 'unauthorised')
      if (!claims?.scp.split(' ').includes(scope)) return fail(reply, 'forbidden')
      const target = request.params.id === undefined ? caller : accounts.find(request.params.id)
      if (!target) return fail(reply, 'notFound')
      // Delegated permissions: an ordinary person reads only themselves.
      if (target.id !== caller.id) return fail(reply, 'forbidden')
      return reply.send(select(resource(target), request.query.$select))
    }

  const get = (path: string, scope: string, resource: Resource): void => {
    const params = path.includes(':id') ? { params: idParams } : {}
    app.get<Ask>(path, { schema: { ...params, querystring: selectQuery } }, serve(scope, resource))
  }

  get('/v1.0/me', 'User.Read', userResource)
  get('/v1.0/users/:id', 'User.Read', userResource)
  get('/v1.0/me/licenseDetails', 'User.Read', licenceResource)
  get('/v1.0/users/:id/licenseDetails', 'User.Read', licenceResource)
  get('/v1.0/admin/teams/userConfigurations/:id', 'TeamsUserConfiguration.Read.All', teamsResource)
}

function userResource(account: LabAccount): Record<string, unknown> {
  return {
    id: account.id,
    displayName: account.displayName,
    givenName: account.displayName.split(' ')[0],
    userPrincipalName: account.upn,
    mail: account.upn,
    businessPhones: account.number === undefined ? [] : [account.number],
    accountEnabled: account.enabled,
  }
}

function licenceResource(account: LabAccount): Record<string, unknown> {
  const servicePlans = account.licensed ? [teamsPlan, phonePlan] : [teamsPlan]
  return { value: [{ id: account.key, skuId: account.key, skuPartNumber: 'LAB_E5', servicePlans }] }
}

function teamsResource(account: LabAccount): Record<string, unknown> {
  return {
    id: account.id,
    tenantId: labTenantId,
    userPrincipalName: account.upn,
    accountType: account.canSignIn ? 'user' : 'resourceAccount',
    isEnterpriseVoiceEnabled: account.licensed && account.number !== undefined,
    featureTypes: account.licensed ? ['Teams', 'PhoneSystem'] : ['Teams'],
    telephoneNumbers:
      account.number === undefined
        ? []
        : [{ telephoneNumber: account.number, assignmentCategory: 'primary' }],
    effectivePolicyAssignments: [],
  }
}

function bearer(header: string | undefined): string {
  return /^Bearer (\S+)$/i.exec(header ?? '')?.[1] ?? ''
}

/** OData $select: only the named fields; a collection is never cut. */
function select(resource: Record<string, unknown>, names: string | undefined): Record<string, unknown> {
  if (names === undefined || 'value' in resource) return resource
  const wanted = new Set(['id', ...names.split(',').map((name) => name.trim())])
  return Object.fromEntries(Object.entries(resource).filter(([name]) => wanted.has(name)))
}
