/**
 * `found`: it asked for its configuration, nobody has vouched for it yet. `onboarded`: vouched for by the admin, a
 * listed MAC, an adoption window or an enrolment code; nobody ever signed in. The rest as in the mission's words.
 */
export type DeviceState = 'found' | 'onboarded' | 'signed-out' | 'signed-in' | 'off-boarded'

/** A handset (IPEI) is a device of its own behind its DECT server. */
export type DeviceKind = 'phone' | 'ata' | 'dect-server' | 'dect-handset'

/** A phone, ATA, DECT server or DECT handset; owns its lines (a DECT server none, each of its handsets one). */
export interface Device {
  id: string
  kind: DeviceKind
  /** What people call it, for example "Reception". */
  label: string
  /** Twelve lower-case hexadecimal digits; undefined for a softphone and for a handset. */
  mac: string | undefined
  /** Of a handset only: the 13 characters as printed, without spaces (EN 300 175-6, check digit last). */
  ipei: string | undefined
  /** Of a handset only: the id of its DECT server. */
  parentId: string | undefined
  /** As the device catalogue spells them; undefined until the device has said what it is. */
  vendor: string | undefined
  model: string | undefined
  /** As the device last reported it. */
  firmware: string | undefined
  /** Where it stands, for example "Lobby, ground floor"; undefined when nobody said. */
  location: string | undefined
  state: DeviceState
  createdAtMs: number
  /** Last authenticated registration; undefined before the first. */
  lastSeenAtMs: number | undefined
}
