import { isIPv4 } from 'node:net'
import { refuse } from './machine.ts'
import type { HostBan, HostBans } from './requests.ts'

/** More than the box asks for at once. */
const maxEntries = 150
const maxSeconds = 7 * 86_400

/** Reads who is to be shut out; anything that is not plainly an address of somebody else is refused. */
export function readBans(
  fields: Record<string, unknown>,
): { ok: true; bans: HostBans } | { ok: false; error: string } {
  const { flush, ban, lift } = fields
  if (typeof flush !== 'boolean') return refuse('It must be said whether all bans go first.')
  if (!Array.isArray(ban) || ban.length > maxEntries || !Array.isArray(lift) || lift.length > maxEntries)
    return refuse(`Bans and lifted bans must be lists of at most ${maxEntries}.`)
  if (!lift.every(isForeignAddress)) return refuse('Each lifted ban must be an address.')
  if (!ban.every(isBan))
    return refuse(`Each ban must be an address, a reach (udp or all) and 1 to ${maxSeconds} seconds.`)
  return { ok: true, bans: { flush, ban, lift } }
}

function isBan(value: unknown): value is HostBan {
  if (value === null || typeof value !== 'object' || Object.keys(value).length !== 3) return false
  const { address, reach, seconds } = value as Record<string, unknown>
  const whole = Number.isInteger(seconds) && (seconds as number) >= 1 && (seconds as number) <= maxSeconds
  return isForeignAddress(address) && (reach === 'udp' || reach === 'all') && whole
}

/**
 * An IPv4 address that a host may have, or the first address of an IPv6 /64 in the one way in which the box writes it.
 * Neither this machine itself nor a group (RFC 6890, RFC 5771), nor the link that all neighbours share.
 */
function isForeignAddress(value: unknown): value is string {
  if (typeof value !== 'string') return false
  if (isIPv4(value)) {
    const first = Number(value.split('.')[0])
    return first !== 0 && first !== 127 && first < 224
  }
  return (
    /^[1-9a-f][0-9a-f]{0,3}(:(0|[1-9a-f][0-9a-f]{0,3})){3}::$/.test(value) &&
    !/^(ff..|fe[89ab].):/.test(value)
  )
}
