import type { Clock } from '#src/base/clock.ts'
import type { Random } from '#src/base/random.ts'

/**
 * The errors of the lab's Entra: OAuth code, Entra's own number, what it says, HTTP status. The numbers are
 * those that people see from Microsoft, so that a search for them leads to Microsoft's pages.
 */
export const entraErrors = {
  authorization_pending: {
    number: 70016,
    status: 400,
    text: 'The person has not entered the code yet.',
  },
  slow_down: { number: 90006, status: 400, text: 'The client polls too often.' },
  authorization_declined: { number: 70017, status: 400, text: 'The person declined the sign-in.' },
  expired_token: { number: 70020, status: 400, text: 'The device code is too old.' },
  bad_verification_code: { number: 70018, status: 400, text: 'The device code is not known.' },
  unauthorized_client: { number: 700016, status: 400, text: 'This tenant has no application of that id.' },
  unsupported_grant_type: { number: 70003, status: 400, text: 'This grant type is not served.' },
  invalid_request: { number: 900144, status: 400, text: 'A parameter is missing or wrong.' },
  invalid_tenant: { number: 90002, status: 400, text: 'There is no such tenant.' },
  invalid_grant: { number: 700082, status: 400, text: 'The refresh token is not valid any more.' },
  account_disabled: { number: 50057, status: 400, text: 'The account is disabled.' },
  temporarily_unavailable: { number: 90033, status: 503, text: 'Too many sign-ins wait, try again later.' },
} as const

export type EntraErrorName = keyof typeof entraErrors

/** OAuth names that stand for more than one of our rows. */
const oauthName: Partial<Record<EntraErrorName, string>> = {
  invalid_tenant: 'invalid_request',
  account_disabled: 'invalid_grant',
}

/** The JSON body of an error answer, in Entra's shape. */
export interface EntraErrorBody {
  error: string
  error_description: string
  error_codes: number[]
  timestamp: string
  trace_id: string
  correlation_id: string
}

/** Builds the answer to a request that failed. */
export function entraErrorBody(name: EntraErrorName, from: { clock: Clock; random: Random }): EntraErrorBody {
  const { number, text } = entraErrors[name]
  return {
    error: oauthName[name] ?? name,
    error_description: `AADSTS${number}: Lab: ${text}`,
    error_codes: [number],
    timestamp: new Date(from.clock.nowMs()).toISOString(),
    trace_id: from.random.token(32),
    correlation_id: from.random.token(32),
  }
}
