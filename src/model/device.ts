/** `onboarded`: known, nobody ever signed in. The rest as in the mission's words. */
export type DeviceState = 'onboarded' | 'signed-out' | 'signed-in' | 'off-boarded'

/** A phone, ATA or DECT server; owns one or more lines. */
export interface Device {
  id: string
  kind: 'phone' | 'ata' | 'dect-server'
  /** What people call it, for example "Reception". */
  label: string
  /** Twelve lower-case hexadecimal digits; undefined for a softphone. */
  mac: string | undefined
  state: DeviceState
  createdAtMs: number
  /** Last authenticated registration; undefined before the first. */
  lastSeenAtMs: number | undefined
}
