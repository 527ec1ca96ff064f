import type { DeviceFamily, Vendor } from '../definition.ts'

/** What one piece of evidence says of a device. */
export interface Claim {
  vendor?: Vendor | undefined
  /** As the device spells it. */
  model?: string | undefined
  /** Where the evidence tells the family but not the model. */
  family?: DeviceFamily | undefined
  mac?: string | undefined
  firmware?: string | undefined
}

/** A MAC as a capture group, bare or with colons, for patterns with the `i` flag. */
export const macPattern = '(?<mac>(?:[0-9a-f]{2}:){5}[0-9a-f]{2}|[0-9a-f]{12})'

/**
 * Bare lower-case digits of a MAC; undefined for text that is none, for group addresses and for all zeros:
 * no device's own address looks so.
 */
export function readMac(text: string | undefined): string | undefined {
  if (text === undefined || text.length > 17) return undefined
  const mac = text.replace(/[:-]/g, '').toLowerCase()
  if (!/^[0-9a-f]{12}$/.test(mac) || mac === '000000000000') return undefined
  return (parseInt(mac.slice(0, 2), 16) & 1) === 1 ? undefined : mac
}

/** True for text of printable ASCII that is no longer than the limit: nothing else is looked at any further. */
export function isPlain(text: string | undefined, maxLength: number): text is string {
  return text !== undefined && text.length > 0 && text.length <= maxLength && /^[\x20-\x7e]+$/.test(text)
}
