import { errorText } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Absence } from './absence.ts'
import type { OnboardingStores } from './ports.ts'

/** What is remembered of a device that was off-boarded. */
export interface OffBoardedNote {
  atMs: number
  reason: 'stale' | 'admin'
  unseenMs: number
}

/** Everything that must survive a restart, by device id. */
export interface AbsenceRecord {
  absent: Map<string, Absence>
  offBoarded: Map<string, OffBoardedNote>
}

const name = 'onboarding.absence'
const version = 1

/** Reads the record; one that cannot be read is begun anew, which off-boards nobody too early. */
export function loadAbsence(secrets: OnboardingStores['secrets'], logger: Logger): AbsenceRecord {
  const text = secrets.get(name)
  if (text === undefined) return { absent: new Map(), offBoarded: new Map() }
  try {
    // Written below by this file, and sealed: nobody else can have put anything there.
    const read = JSON.parse(text) as {
      version: number
      absent: [string, number, string][]
      offBoarded: [string, OffBoardedNote][]
    }
    if (read.version !== version) throw new RangeError(`version ${read.version}`)
    return {
      absent: new Map(read.absent.map(([id, unseenMs, stamp]) => [id, { unseenMs, stamp }])),
      offBoarded: new Map(read.offBoarded),
    }
  } catch (error) {
    logger.warn({ reason: errorText(error) }, 'how long devices were away cannot be read, it is counted anew')
    return { absent: new Map(), offBoarded: new Map() }
  }
}

/** Writes the record. Only devices that are away stand in it: on a healthy box it is empty and never written. */
export function saveAbsence(secrets: OnboardingStores['secrets'], record: AbsenceRecord): void {
  const absent = [...record.absent]
    .filter(([, { unseenMs }]) => unseenMs > 0)
    .map(([id, { unseenMs, stamp }]) => [id, Math.round(unseenMs), stamp])
  const text = JSON.stringify({ version, absent, offBoarded: [...record.offBoarded] })
  if (secrets.get(name) !== text) secrets.set(name, text)
}
