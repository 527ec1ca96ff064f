import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import { ApplianceError } from '#src/base/errors.ts'
import { accountEndedErrors, entraErrorTexts } from './graph-facts.ts'

/** What Entra says when it does not give tokens; the fields that we read. */
const entraError = Type.Object({
  error: Type.String(),
  error_description: Type.Optional(Type.String()),
  error_codes: Type.Optional(Type.Array(Type.Integer())),
  suberror: Type.Optional(Type.String()),
})

export type EntraError = Static<typeof entraError>

/** Reads an error out of an answer's body; undefined when it carries none. */
export function readEntraError(body: unknown): EntraError | undefined {
  return Value.Check(entraError, body) ? body : undefined
}

/** Sentences for the OAuth errors of RFC 8628 3.5 and RFC 6749 5.2. */
const oauthTexts: Record<string, { text: string; advice?: string }> = {
  authorization_declined: { text: 'The sign-in was declined in the browser.' },
  access_denied: { text: 'The sign-in was declined in the browser.' },
  expired_token: {
    text: 'The code was not entered in time.',
    advice: 'Start the sign-in again to get a new code.',
  },
  bad_verification_code: {
    text: 'The tenant does not know the code any more.',
    advice: 'Start the sign-in again to get a new code.',
  },
  interaction_required: { text: 'The tenant asks for a step that a phone cannot show.' },
  consent_required: { text: 'Nobody has consented to the Branchline application in this tenant.' },
}

/** Turns Entra's refusal into an error with a sentence for the person at the phone. */
export function signInFailed(refusal: EntraError): ApplianceError {
  const number = refusal.error_codes?.find((one) => entraErrorTexts.has(one))
  const known = (number === undefined ? undefined : entraErrorTexts.get(number)) ?? oauthTexts[refusal.error]
  const { text, advice } = known ?? { text: `The tenant refused the sign-in (${refusal.error}).` }
  return new ApplianceError(
    'SIGN_IN_FAILED',
    // The description names the AADSTS number and the trace that Microsoft's support asks for.
    { reason: refusal.error, entraCodes: refusal.error_codes ?? [], description: refusal.error_description },
    { text, ...(advice === undefined ? {} : { advice }) },
  )
}

/** The code's time is over by our own clock. */
export function codeExpired(): ApplianceError {
  return signInFailed({ error: 'expired_token' })
}

/** True when Entra says for certain that the account is gone or switched off. */
export function isAccountEnded(refusal: EntraError): boolean {
  return (refusal.error_codes ?? []).some((number) => accountEndedErrors.has(number))
}
