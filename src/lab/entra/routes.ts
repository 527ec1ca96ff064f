import type { FastifyInstance, FastifyReply } from 'fastify'
import { Type, type Static } from 'typebox'
import type { Clock } from '#src/base/clock.ts'
import type { Random } from '#src/base/random.ts'
import type { LabAccounts } from '../accounts.ts'
import { labClientId, labTenantId } from '../identity.ts'
import { labDomain, type LabPerson } from '../people.ts'
import type { DeviceCodes } from './device-codes.ts'
import { entraErrorBody, entraErrors, type EntraErrorName } from './entra-errors.ts'
import type { Tokens } from './tokens.ts'

/** What the Entra stand-in works with. */
export interface EntraParts {
  /** `https://host:port` of this server, without a trailing slash. */
  origin: string
  /** Where people enter codes. */
  verificationUri: string
  codes: DeviceCodes
  tokens: Tokens
  accounts: LabAccounts
  clock: Clock
  random: Random
}

const tenantParams = Type.Object({ tenant: Type.String({ maxLength: 64 }) })
const text = Type.String({ minLength: 1, maxLength: 8192 })

const deviceCodeForm = Type.Object({ client_id: text, scope: text })
const tokenForm = Type.Object({
  client_id: text,
  grant_type: text,
  device_code: Type.Optional(text),
  refresh_token: Type.Optional(text),
  scope: Type.Optional(text),
})
const discoveryQuery = Type.Object({ authorization_endpoint: Type.Optional(text) })

type Tenant = { Params: Static<typeof tenantParams> }

/** The tenant's names in a path; `organizations` and `common` lead to it too, as it is the only one. */
const knownTenants = new Set([labTenantId, labDomain, 'organizations', 'common'])

/** RFC 8628 3.4, and the short name that MSAL sends and Entra takes. */
const deviceCodeGrants = new Set(['urn:ietf:params:oauth:grant-type:device_code', 'device_code'])

/** Registers discovery, device code and token endpoints: what the device code grant needs of Entra (RFC 8628). */
export function registerEntra(app: FastifyInstance, parts: EntraParts): void {
  const { origin, codes, tokens, accounts } = parts

  const fail = (reply: FastifyReply, name: EntraErrorName): FastifyReply =>
    reply.code(entraErrors[name].status).header('cache-control', 'no-store').send(entraErrorBody(name, parts))

  const grant = (reply: FastifyReply, person: LabPerson, scope: string): FastifyReply => {
    const issued = tokens.issue(person, labClientId, graphScopes(scope))
    return reply.header('cache-control', 'no-store').send({
      token_type: 'Bearer',
      scope: issued.scope,
      expires_in: issued.expiresInMs / 1000,
      ext_expires_in: issued.expiresInMs / 1000,
      access_token: issued.accessToken,
      refresh_token: issued.refreshToken,
      id_token: issued.idToken,
      client_info: issued.clientInfo,
    })
  }

  app.get<Tenant>(
    '/:tenant/v2.0/.well-known/openid-configuration',
    { schema: { params: tenantParams } },
    (request, reply) => {
      if (!knownTenants.has(request.params.tenant)) return fail(reply, 'invalid_tenant')
      const base = `${origin}/${labTenantId}`
      return reply.send({
        issuer: `${base}/v2.0`,
        authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
        token_endpoint: `${base}/oauth2/v2.0/token`,
        device_authorization_endpoint: `${base}/oauth2/v2.0/devicecode`,
        end_session_endpoint: `${base}/oauth2/v2.0/logout`,
        jwks_uri: `${base}/discovery/v2.0/keys`,
        response_types_supported: ['code', 'id_token'],
        response_modes_supported: ['query', 'fragment', 'form_post'],
        subject_types_supported: ['pairwise'],
        id_token_signing_alg_values_supported: ['RS256'],
        scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
        token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'],
        claims_supported: ['sub', 'iss', 'aud', 'exp', 'iat', 'name', 'oid', 'tid', 'preferred_username'],
      })
    },
  )

  app.get<{ Querystring: Static<typeof discoveryQuery> }>(
    '/common/discovery/instance',
    { schema: { querystring: discoveryQuery } },
    (request, reply) => {
      const { host } = new URL(origin)
      const asked = request.query.authorization_endpoint
      if (asked !== undefined && !asked.startsWith(`${origin}/`)) return fail(reply, 'invalid_request')
      return reply.send({
        tenant_discovery_endpoint: `${origin}/${labTenantId}/v2.0/.well-known/openid-configuration`,
        'api-version': '1.1',
        metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
      })
    },
  )

  app.get<Tenant>('/:tenant/discovery/v2.0/keys', { schema: { params: tenantParams } }, (_request, reply) =>
    reply.send(tokens.jwks()),
  )

  app.post<Tenant & { Body: Static<typeof deviceCodeForm> }>(
    '/:tenant/oauth2/v2.0/devicecode',
    { schema: { params: tenantParams, body: deviceCodeForm }, attachValidation: true },
    (request, reply) => {
      if (request.validationError) return fail(reply, 'invalid_request')
      if (!knownTenants.has(request.params.tenant)) return fail(reply, 'invalid_tenant')
      const { client_id: clientId, scope } = request.body
      if (clientId !== labClientId) return fail(reply, 'unauthorized_client')
      const issued = codes.issue(clientId, scope)
      if (!issued) return fail(reply, 'temporarily_unavailable')
      return reply.header('cache-control', 'no-store').send({
        user_code: issued.userCode,
        device_code: issued.deviceCode,
        verification_uri: parts.verificationUri,
        expires_in: issued.expiresInMs / 1000,
        interval: issued.intervalMs / 1000,
        message: `Lab: open ${parts.verificationUri} in a browser and enter the code ${issued.userCode}.`,
      })
    },
  )

  app.post<Tenant & { Body: Static<typeof tokenForm> }>(
    '/:tenant/oauth2/v2.0/token',
    { schema: { params: tenantParams, body: tokenForm }, attachValidation: true },
    (request, reply) => {
      if (request.validationError) return fail(reply, 'invalid_request')
      if (!knownTenants.has(request.params.tenant)) return fail(reply, 'invalid_tenant')
      const form = request.body
      if (form.client_id !== labClientId) return fail(reply, 'unauthorized_client')
      if (deviceCodeGrants.has(form.grant_type)) return answerPoll(reply, form.device_code)
      if (form.grant_type === 'refresh_token') return answerRefresh(reply, form.refresh_token, form.scope)
      return fail(reply, 'unsupported_grant_type')
    },
  )

  function answerPoll(reply: FastifyReply, deviceCode: string | undefined): FastifyReply {
    if (deviceCode === undefined) return fail(reply, 'invalid_request')
    const result = codes.poll(deviceCode, labClientId)
    if (result.kind !== 'approved') return fail(reply, result.kind)
    const account = accounts.find(result.personId)
    return account?.enabled ? grant(reply, account, result.scope) : fail(reply, 'account_disabled')
  }

  function answerRefresh(
    reply: FastifyReply,
    refreshToken: string | undefined,
    scope: string | undefined,
  ): FastifyReply {
    if (refreshToken === undefined) return fail(reply, 'invalid_request')
    const claims = tokens.readRefresh(refreshToken)
    if (!claims || claims.clientId !== labClientId) return fail(reply, 'invalid_grant')
    const account = accounts.find(claims.oid)
    if (!account?.enabled) return fail(reply, 'account_disabled')
    // RFC 6749 6: a refresh never widens what was granted.
    const granted = new Set(claims.scope.split(' '))
    const asked = graphScopes(scope ?? claims.scope).split(' ')
    return grant(reply, account, asked.filter((one) => granted.has(one)).join(' '))
  }
}

/** Graph scopes of a request, without their resource prefix and without those that only shape the answer. */
function graphScopes(scope: string): string {
  const shaping = new Set(['openid', 'profile', 'email', 'offline_access', ''])
  return scope
    .split(' ')
    .filter((one) => !shaping.has(one))
    .map((one) => one.replace(/^https:\/\/graph\.microsoft\.com\//, ''))
    .join(' ')
}
