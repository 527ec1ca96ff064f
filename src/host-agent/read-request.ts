import { isIPv4 } from 'node:net'
import { refuse } from './machine.ts'
import { readBans } from './read-bans.ts'
import type { HostNetwork, Request, RequestName, StaticAddress } from './requests.ts'

type Refusal = { ok: false; error: string }
type Fields = Record<string, unknown>

/** Reads the bytes of a request, every field checked; anything else is a refusal that repeats none of the bytes. */
export function readRequest(name: RequestName, bytes: Buffer): { ok: true; request: Request } | Refusal {
  const fields = parseFields(bytes)
  if (!fields) return refuse('The request is not a JSON object.')
  switch (name) {
    case 'reboot':
    case 'factory-reset':
      return readReason(name, fields)
    case 'network':
      return readNetwork(fields)
    case 'time':
      return readTimeZone(fields)
    case 'bans':
      return readBanRequest(fields)
  }
}

function parseFields(bytes: Buffer): Fields | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined
    return value as Fields
  } catch {
    return undefined
  }
}

/** Refuses when there is a field that is not expected; its name is not repeated, it may be anything. */
function unknownField(fields: Fields, known: readonly string[]): Refusal | undefined {
  const strange = Object.keys(fields).some((key) => !known.includes(key))
  return strange
    ? refuse(`The request has a field that is not known; known are ${known.join(', ')}.`)
    : undefined
}

function readReason(
  name: 'reboot' | 'factory-reset',
  fields: Fields,
): { ok: true; request: Request } | Refusal {
  const strange = unknownField(fields, ['reason'])
  if (strange) return strange
  const { reason } = fields
  if (typeof reason !== 'string' || reason.length > 200)
    return refuse('The reason must be a text of at most 200 characters.')
  return { ok: true, request: { name, reason: reason.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ') } }
}

function readBanRequest(fields: Fields): { ok: true; request: Request } | Refusal {
  const strange = unknownField(fields, ['flush', 'ban', 'lift'])
  if (strange) return strange
  const read = readBans(fields)
  return read.ok ? { ok: true, request: { name: 'bans', bans: read.bans } } : read
}

function readTimeZone(fields: Fields): { ok: true; request: Request } | Refusal {
  const strange = unknownField(fields, ['timeZone'])
  if (strange) return strange
  const { timeZone } = fields
  // Dots never: the name becomes a path.
  if (
    typeof timeZone !== 'string' ||
    timeZone.length > 64 ||
    !/^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z][A-Za-z0-9_+-]*){0,2}$/.test(timeZone)
  )
    return refuse('The time zone must be a name such as Europe/Berlin.')
  return { ok: true, request: { name: 'time', timeZone } }
}

const commonFields = ['interface', 'mode', 'vlan', 'ntp', 'hostname'] as const
const staticFields = ['address', 'prefixLength', 'gateway', 'dns'] as const

function readNetwork(fields: Fields): { ok: true; request: Request } | Refusal {
  const { mode, interface: port, vlan, ntp, hostname } = fields
  if (mode !== 'dhcp' && mode !== 'static') return refuse('The mode must be dhcp or static.')
  const strange = unknownField(fields, mode === 'static' ? [...commonFields, ...staticFields] : commonFields)
  if (strange) return strange
  if (port !== undefined && !isInterfaceName(port))
    return refuse('The interface must be a name such as eth0.')
  if (vlan !== undefined && !isWhole(vlan, 1, 4094))
    return refuse('The VLAN must be a number from 1 to 4094.')
  if (ntp !== undefined && !isListOf(ntp, 3, isHost))
    return refuse('The time servers must be at most three names or IPv4 addresses.')
  if (hostname !== undefined && !isLabel(hostname))
    return refuse('The host name must be one word of letters, digits and hyphens.')
  const address = mode === 'static' ? readStatic(fields) : undefined
  if (address && 'ok' in address) return address
  const network: HostNetwork = {
    interface: port,
    vlan,
    static: address,
    ntp: ntp ?? [],
    hostname,
  }
  return { ok: true, request: { name: 'network', network } }
}

function readStatic(fields: Fields): StaticAddress | Refusal {
  const { address, prefixLength, gateway, dns } = fields
  if (!isWhole(prefixLength, 1, 30)) return refuse('The prefix length must be a number from 1 to 30.')
  if (typeof address !== 'string' || !isHostAddress(address, prefixLength))
    return refuse('The address must be an IPv4 address that a host may have.')
  if (gateway !== null && (typeof gateway !== 'string' || !isHostAddress(gateway, prefixLength)))
    return refuse('The gateway must be an IPv4 address or null.')
  if (gateway !== null && subnet(gateway, prefixLength) !== subnet(address, prefixLength))
    return refuse('The gateway must be in the subnet of the address.')
  if (gateway === address) return refuse('The gateway must be another address than the own one.')
  if (!isListOf(dns, 3, isIPv4Text)) return refuse('The name servers must be at most three IPv4 addresses.')
  return { address, prefixLength, gateway, dns }
}

/** The kernel takes more; what goes into a file name and a [Match] line is held shorter (no slash, glob, space or dot alone). */
function isInterfaceName(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/.test(value)
}

function isWhole(value: unknown, min: number, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max
}

function isListOf(value: unknown, max: number, check: (item: unknown) => item is string): value is string[] {
  return Array.isArray(value) && value.length <= max && value.every(check)
}

function isIPv4Text(value: unknown): value is string {
  return typeof value === 'string' && isIPv4(value)
}

/** RFC 1123 label, RFC 6762 for the name in .local. */
function isLabel(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(value) &&
    !/^\d+$/.test(value)
  )
}

function isHost(value: unknown): value is string {
  if (isIPv4Text(value)) return true
  if (typeof value !== 'string' || value.length > 253) return false
  // All digits would be an address that is none.
  return (
    value.split('.').every((label) => /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label)) &&
    !/^[\d.]+$/.test(value)
  )
}

function numberOf(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
}

function subnet(address: string, prefixLength: number): number {
  return Math.floor(numberOf(address) / 2 ** (32 - prefixLength))
}

/** Neither the network's nor the broadcast address of its subnet, and of a range that hosts have (RFC 6890). */
function isHostAddress(value: string, prefixLength: number): boolean {
  if (!isIPv4(value)) return false
  const first = Number(value.split('.')[0])
  if (first === 0 || first === 127 || first >= 224) return false
  const size = 2 ** (32 - prefixLength)
  const within = numberOf(value) % size
  return within !== 0 && within !== size - 1
}
