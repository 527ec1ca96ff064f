import type { DeviceAccess } from '#src/model/device-access.ts'
import type { Device } from '#src/model/device.ts'
import type { RefusedNote } from './ports.ts'
import { isBootstrap } from './tokens.ts'

/** What a request that names nothing but a MAC gets. */
export type HandOver =
  | { kind: 'hand-over' }
  /** The same again to the same address: the phone has not come to use it yet. */
  | { kind: 'repeat' }
  | { kind: 'refused'; why: RefusedNote['why'] }

/**
 * Decides whether a device's token may go out to somebody who merely knows its MAC. The rule behind every case: a
 * hand-over happens once, and never for a line that a person is signed in on or that a phone already uses, so the
 * most that a stranger can gain is a line that can do nothing but sign in and call for help.
 */
export function judgeHandOver(facts: {
  state: Device['state']
  access: DeviceAccess | undefined
  signedIn: boolean
  /** One of its accounts has been registered. */
  inUse: boolean
  from: string
}): HandOver {
  const { state, access, signedIn, inUse, from } = facts
  if (signedIn) return { kind: 'refused', why: 'in-use' }
  // Whoever asks for one that was off-boarded makes it a new device first; until then there is nothing to give.
  if (state === 'off-boarded') return { kind: 'refused', why: 'handed-over' }
  if (!access) {
    // Added on the page and set up by hand: a phone uses this line, and its password is not for whoever asks.
    return inUse ? { kind: 'refused', why: 'in-use' } : { kind: 'hand-over' }
  }
  const { handedOverTo } = access
  if (access.handedOverAtMs === undefined) {
    // An address without a time is the one that the admin has allowed.
    return handedOverTo === undefined || handedOverTo === from
      ? { kind: 'hand-over' }
      : { kind: 'refused', why: 'other-address' }
  }
  const unused = isBootstrap(access.token) && access.fetchedAtMs === undefined
  return unused && handedOverTo === from ? { kind: 'repeat' } : { kind: 'refused', why: 'handed-over' }
}
