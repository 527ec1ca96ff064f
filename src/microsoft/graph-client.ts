import { Type, type Static, type TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { ApplianceError } from '#src/base/errors.ts'
import type { TenantEndpoints } from '#src/model/tenant.ts'
import type { User } from '#src/model/user.ts'
import { graphScopes, numberCategories, phoneServicePlans, usablePlanStates } from './graph-facts.ts'
import type { HttpClient } from './network-client.ts'

/** A person as the tenant describes them now. */
export type TenantPerson = Omit<User, 'updatedAtMs'>

/** Reads of Microsoft Graph with a person's own token. */
export interface GraphClient {
  /** Rejects with TENANT_UNREACHABLE, SIGN_IN_FAILED (a permission is missing) or the signal's reason. */
  readPerson(accessToken: string, signal: AbortSignal): Promise<TenantPerson>
}

const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

const userResource = Type.Object({
  id: Type.String({ minLength: 1 }),
  userPrincipalName: Type.String(),
  displayName: Type.Optional(nullable(Type.String())),
})
const licencePage = Type.Object({
  value: Type.Array(
    Type.Object({
      servicePlans: Type.Array(
        Type.Object({ servicePlanName: Type.String(), provisioningStatus: Type.String() }),
      ),
    }),
  ),
  '@odata.nextLink': Type.Optional(Type.String()),
})
const teamsConfiguration = Type.Object({
  telephoneNumbers: Type.Optional(
    nullable(
      Type.Array(
        Type.Object({
          telephoneNumber: Type.String(),
          assignmentCategory: Type.Optional(nullable(Type.String())),
        }),
      ),
    ),
  ),
})
// Microsoft's example shows the resource inside `value`, its schema does not.
const wrappedConfiguration = Type.Object({ value: teamsConfiguration })

type Numbers = NonNullable<Static<typeof teamsConfiguration>['telephoneNumbers']>

const maxPages = 10

/** Opens a client of the tenant's Graph. */
export function createGraphClient(options: {
  endpoints: Pick<TenantEndpoints, 'graphUrl' | 'tenantId' | 'lab'>
  http: HttpClient
}): GraphClient {
  const { endpoints, http } = options
  const { graphUrl, tenantId, lab } = endpoints

  /** Undefined = 404. */
  const get = async (url: string, accessToken: string, signal: AbortSignal): Promise<unknown> => {
    const headers = { accept: 'application/json', authorization: `Bearer ${accessToken}` }
    const { status, text } = await http({ method: 'GET', url, headers }, signal)
    if (status === 404) return undefined
    if (status === 401 || status === 403) throw notPermitted(url, status)
    if (status !== 200) throw unexpected(url, { status })
    try {
      return JSON.parse(text)
    } catch (error) {
      throw unexpected(url, { status }, error)
    }
  }

  const isLicensed = async (id: string, accessToken: string, signal: AbortSignal): Promise<boolean> => {
    let url: string | undefined = `${graphUrl}/users/${encodeURIComponent(id)}/licenseDetails`
    for (let page = 0; url !== undefined && page < maxPages; page++) {
      const answer = await get(url, accessToken, signal)
      if (!Value.Check(licencePage, answer)) throw unexpected(url, {})
      const plans = answer.value.flatMap((licence) => licence.servicePlans)
      const usable = plans.some(
        (plan) =>
          phoneServicePlans.has(plan.servicePlanName) && usablePlanStates.has(plan.provisioningStatus),
      )
      if (usable) return true
      url = answer['@odata.nextLink']
      // The token is for Graph and goes nowhere else, whatever a link says.
      if (url !== undefined && new URL(url).origin !== new URL(graphUrl).origin) throw unexpected(url, {})
    }
    return false
  }

  const findNumber = async (
    id: string,
    accessToken: string,
    signal: AbortSignal,
  ): Promise<string | undefined> => {
    const url = `${graphUrl}/admin/teams/userConfigurations/${encodeURIComponent(id)}`
    const answer = await get(url, accessToken, signal)
    if (answer === undefined) return undefined // no Teams account, so no number
    if (Value.Check(wrappedConfiguration, answer)) return bestNumber(answer.value.telephoneNumbers ?? [])
    if (Value.Check(teamsConfiguration, answer)) return bestNumber(answer.telephoneNumbers ?? [])
    throw unexpected(url, {})
  }

  return {
    async readPerson(accessToken, signal) {
      const url = `${graphUrl}/me?$select=id,displayName,userPrincipalName`
      const user = await get(url, accessToken, signal)
      if (!Value.Check(userResource, user)) throw unexpected(url, {})
      const [licensed, number] = await Promise.all([
        isLicensed(user.id, accessToken, signal),
        findNumber(user.id, accessToken, signal),
      ])
      const { id, userPrincipalName: upn } = user
      return { id, tenantId, upn, displayName: user.displayName ?? upn, number, licensed, lab }
    },
  }
}

/** The number at which a person is reached: E.164 without `tel:` and extension, best category first. */
export function bestNumber(numbers: Numbers): string | undefined {
  const rank = (category: string | null | undefined): number => {
    const index = numberCategories.indexOf(category ?? '')
    return index < 0 ? numberCategories.length : index
  }
  return numbers
    .toSorted((a, b) => rank(a.assignmentCategory) - rank(b.assignmentCategory))
    .map((one) => one.telephoneNumber.replace(/^tel:/i, '').replace(/;.*$/, ''))
    .find((number) => /^\+[1-9][0-9]{1,14}$/.test(number))
}

function notPermitted(url: string, status: number): ApplianceError {
  return new ApplianceError(
    'SIGN_IN_FAILED',
    { url, status },
    {
      text: 'The tenant does not let the box read licence and phone number.',
      advice: `Grant the application the delegated permissions ${graphScopes.join(' and ')}.`,
    },
  )
}

function unexpected(url: string, details: Record<string, unknown>, cause?: unknown): ApplianceError {
  const { host, pathname } = new URL(url)
  return new ApplianceError('TENANT_UNREACHABLE', { host, pathname, ...details }, { cause })
}
