import { parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js'

const e164 = /^\+[1-9]\d{6,14}$/

// RFC 3966 5.1.1: visual separators mean nothing.
const separators = /[\s().\-/]/g

/**
 * The user part of a Request-URI as a person dialled it: percent-encoding undone (`%23` is `#`), URI
 * parameters such as `;phone-context` cut off. Undefined when the URI has no user part.
 */
export function dialledText(requestUri: string): string | undefined {
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

/** The number without visual separators, when what was dialled looks like a number at all. */
export function dialledDigits(text: string): string | undefined {
  const digits = text.replace(separators, '')
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
