import { formatIpei, readIpei } from '#src/model/ipei.ts'

/** What identifies a device: exactly one of the two is there, in the store's notation. */
export type DeviceAddress = { mac: string; ipei: undefined } | { mac: undefined; ipei: string }

/** As printed on phones and written by tools: `001565123456`, `00:15:65:12:34:56`, `00-15-65-…`, `0015.6512.3456`. */
const macPattern = /^(?:[0-9a-f]{12}|[0-9a-f]{2}(?:[:.-][0-9a-f]{2}){5}|[0-9a-f]{4}(?:[:.-][0-9a-f]{4}){2})$/i
/** Five digits of the maker, seven of the handset, a check character; often printed in groups. */
const ipeiPattern = /^\d{5}[ -]?\d{7}[ -]?[\d*]$/

/** Reads a MAC address or an IPEI as people write them; a text says in one sentence why it is neither. */
export function readDeviceAddress(text: string): DeviceAddress | string {
  const bare = text.trim()
  if (bare === '') return 'The MAC address is missing.'
  if (macPattern.test(bare)) return readMac(bare)
  if (ipeiPattern.test(bare)) return readHandset(bare)
  return `“${shorten(bare)}” is neither a MAC address (twelve hexadecimal digits) nor an IPEI (13 characters).`
}

function readMac(text: string): DeviceAddress | string {
  const mac = text.replace(/[:.-]/g, '').toLowerCase()
  if (/^(.)\1{11}$/.test(mac)) return `“${text}” is a placeholder, not the MAC address of a device.`
  // IEEE 802: the lowest bit of the first octet marks an address of a group, which no device has as its own.
  if (Number.parseInt(mac.slice(0, 2), 16) & 1) return `“${text}” is a group address, no device can have it.`
  return { mac, ipei: undefined }
}

function readHandset(text: string): DeviceAddress | string {
  const { ipei, problem } = readIpei(text)
  return ipei === undefined ? `“${text}” is not an IPEI: ${problem}` : { mac: undefined, ipei }
}

/** For people: `00:15:65:12:34:56`, `12345 1234567 8`. */
export function formatDeviceAddress({
  mac,
  ipei,
}: {
  mac: string | undefined
  ipei: string | undefined
}): string {
  if (mac !== undefined) return mac.match(/../g)?.join(':').toUpperCase() ?? mac
  if (ipei !== undefined) return formatIpei(ipei)
  return ''
}

/** A cell that somebody else wrote, short enough for a sentence. */
export function shorten(text: string): string {
  // What a terminal or a page could take for more than a character has no place in a sentence.
  const plain = text.replace(/[\p{Cc}\p{Cf}]/gu, '�')
  return plain.length <= 40 ? plain : `${plain.slice(0, 39)}…`
}
