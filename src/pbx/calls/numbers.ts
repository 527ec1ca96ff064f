import { parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js'

const e164 = /^\+[1-9]\d{6,14}$/

// RFC 3966 5.1.1: visual separators mean nothing.
const separators = /[\s().\-/]/g

/** What phones without a dial plan call for help with (RFC 5031); sub-services such as `.fire` are cut off. */
export const emergencyService = 'urn:service:sos'

/** Longer is no number and no name, and would only fill the call log. */
const maxDialledLength = 128

/**
 * The user part of a Request-URI as a person dialled it: percent-encoding undone (`%23` is `#`), URI
 * parameters such as `;phone-context` cut off. Undefined when the URI has no user part that could be meant.
 */
export function dialledText(requestUri: string): string | undefined {
  if (/^urn:service:sos(?:\.|$)/i.test(requestUri)) return emergencyService
  const text = userTextOf(requestUri)
  // Encoded control characters would be header fields of their own further on.
  return text === undefined || text.length > maxDialledLength || /[\x00-\x1f\x7f]/.test(text)
    ? undefined
    : text
}

function userTextOf(requestUri: string): string | undefined {
  const user = /^(?:sips?|tel):([^@?]+)(?:@|$)/i.exec(requestUri)?.[1]
  if (user === undefined || (!requestUri.includes('@') && !/^tel:/i.test(requestUri))) return undefined
  const text = user.split(';')[0]?.split(':')[0] ?? ''
  try {
    return decodeURIComponent(text)
  } catch {
    // A stray % is not an encoding; the routing then refuses the text as it is.
    return text
  }
}

/**
 * The number without visual separators, when what was dialled looks like a number at all. A `#` at the end is the key
 * that says "that is all" and was sent along.
 */
export function dialledDigits(text: string): string | undefined {
  const digits = text.replace(separators, '').replace(/#$/, '')
  return /^\+?\d+$/.test(digits) ? digits : undefined
}

/**
 * Turns what was dialled in `country` into E.164 (`030 1234` becomes `+49301234`); undefined when it cannot
 * be a number there. Whether the number is really assigned is not asked: the trunk knows that.
 */
export function toE164(text: string, country: string): string | undefined {
  const digits = dialledDigits(text)
  if (digits === undefined) return undefined
  if (digits.startsWith('+')) return e164.test(digits) ? digits : undefined
  const number = parsePhoneNumberFromString(digits, country as CountryCode)
  return number?.isPossible() && e164.test(number.number) ? number.number : undefined
}

/**
 * Whether somebody calls for help: the number itself, with a plus that a mobile's user puts there, the service URN, or
 * behind a 0 or 9 for an outside line, as people do by habit, when that is nobody's number or extension.
 */
export function isEmergency(
  dialled: string,
  emergencyNumbers: readonly string[],
  isTaken: (digits: string) => boolean,
): boolean {
  if (dialled === emergencyService) return true
  const digits = dialledDigits(dialled)?.replace(/^\+/, '')
  if (digits === undefined) return false
  if (emergencyNumbers.includes(digits)) return true
  return /^[09]/.test(digits) && emergencyNumbers.includes(digits.slice(1)) && !isTaken(digits)
}
