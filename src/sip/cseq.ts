import { isToken } from './header-names.ts'
import { isBlank } from './params.ts'

/** A CSeq value (RFC 3261 20.16). */
export interface CSeq {
  /** 0 … 2^31-1. */
  number: number
  method: string
}

/** RFC 3261 8.1.1.5: the sequence number must stay below 2^31. */
export const maxCSeq = 2 ** 31 - 1

/** Reads a non-negative decimal number no larger than `max`; leading zeros are allowed, signs are not. */
export function parseDecimal(text: string, max: number): number | undefined {
  if (text.length === 0 || text.length > 20) return undefined
  let value = 0
  for (let index = 0; index < text.length; index++) {
    const digit = text.charCodeAt(index) - 0x30
    if (digit < 0 || digit > 9) return undefined
    value = value * 10 + digit
  }
  return value > max ? undefined : value
}

/** Parses `4711 INVITE`; undefined when the number is out of range or the method is no token. */
export function parseCSeq(value: string): CSeq | undefined {
  let end = 0
  while (end < value.length && !isBlank(value.charCodeAt(end))) end++
  const number = parseDecimal(value.slice(0, end), maxCSeq)
  if (number === undefined) return undefined
  while (end < value.length && isBlank(value.charCodeAt(end))) end++
  const method = value.slice(end)
  return isToken(method) ? { number, method } : undefined
}
