/**
 * How long devices have been away, counted in hours that the box itself was up. Wall-clock moments are compared for
 * being equal and never subtracted: a box that was off for weeks, or whose clock was wrong, has simply not counted.
 */
export interface Absence {
  /** Time that the box was up and saw nothing of the device, ms. */
  unseenMs: number
  /** The device's last signs of life as noted elsewhere; another text means that it gave one. */
  stamp: string
}

/** What one look at a device saw. */
export interface Look {
  deviceId: string
  /** Of a DECT handset: its server, which is there as long as one of its handsets is. */
  parentId: string | undefined
  /** It is registered or in a call at this moment. */
  present: boolean
  stamp: string
}

/** Adds `elapsedMs` to whoever gave no sign of life since the look before. A device that is looked at first starts at 0. */
export function countAbsence(
  before: ReadonlyMap<string, Absence>,
  looks: readonly Look[],
  elapsedMs: number,
): Map<string, Absence> {
  const seen = new Set<string>()
  for (const { deviceId, parentId, present, stamp } of looks) {
    if (!present && before.get(deviceId)?.stamp === stamp) continue
    seen.add(deviceId)
    if (parentId !== undefined) seen.add(parentId)
  }
  return new Map(
    looks.map(({ deviceId, stamp }) => {
      const unseenMs = seen.has(deviceId) ? 0 : (before.get(deviceId)?.unseenMs ?? 0) + elapsedMs
      return [deviceId, { unseenMs, stamp }]
    }),
  )
}
