import type { ErrorCode } from '#src/base/errors.ts'
import type { TenantPerson } from '#src/microsoft/graph-client.ts'
import type { CallingPolicy } from '#src/model/calling-policy.ts'

/** Why somebody cannot be signed in: a documented code and a sentence for the person at the phone. */
export interface Refusal {
  code: ErrorCode
  text: string
}

/** Decides whether a person may be signed in on a phone: policy, then licence, then number; undefined = yes. */
export function judgePerson(person: TenantPerson, policy: CallingPolicy): Refusal | undefined {
  const { displayName, licensed, number } = person
  if (!policy.allowSipDevicesCalling) return policyRefusal(displayName)
  if (!licensed) {
    return { code: 'SIGN_IN_NO_LICENCE', text: `${displayName} has no Teams Phone licence.` }
  }
  if (number === undefined) {
    return { code: 'SIGN_IN_NO_NUMBER', text: `${displayName} has no phone number in Teams.` }
  }
  return undefined
}

/** The refusal of somebody whose calling policy has AllowSIPDevicesCalling off. */
export function policyRefusal(displayName: string): Refusal {
  const text = `${displayName} is not allowed to call from SIP phones. The calling policy can allow it.`
  return { code: 'SIGN_IN_NOT_ALLOWED', text }
}
