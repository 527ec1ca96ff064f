import type { DeviceDefinition } from './definition.ts'
import { parseFirmware } from './firmware/grammars.ts'
import { compareFirmware, type FirmwareVersion } from './firmware/version.ts'

export { parseFirmware } from './firmware/grammars.ts'
export { compareFirmware, type FirmwareVersion } from './firmware/version.ts'

/**
 * How a device's firmware stands to its row of the table. `between`: minimum met, approved not reached.
 * `other-train`: the vendor defines no order between what runs and what is approved. `unknown`: not said.
 */
export type FirmwareState =
  'approved' | 'newer' | 'between' | 'below-minimum' | 'other-train' | 'unreadable' | 'unknown'

/** A judgement with one sentence for the admin. */
export interface FirmwareJudgement {
  state: FirmwareState
  text: string
}

type OrderedState = Exclude<FirmwareState, 'unreadable' | 'unknown'>

const sentences: Record<FirmwareState, (reported: string, definition: DeviceDefinition) => string> = {
  approved: (reported) => `Firmware ${reported} is the approved version.`,
  newer: (reported, row) =>
    `Firmware ${reported} is newer than the approved ${row.approvedFirmware}; it has not been approved yet.`,
  between: (reported, row) =>
    `Firmware ${reported} may be used, but ${row.approvedFirmware} is approved: update when convenient.`,
  'below-minimum': (reported, row) =>
    `Firmware ${reported} is older than the minimum ${row.minimumFirmware}: update to ${row.approvedFirmware}.`,
  'other-train': (reported, row) =>
    `Firmware ${reported} is counted apart from the approved ${row.approvedFirmware}: install the approved one.`,
  unreadable: (_, row) =>
    `The ${row.model} reports a firmware version that cannot be read; ${row.approvedFirmware} is approved.`,
  unknown: (_, row) =>
    `The ${row.model} has not said which firmware it runs; ${row.approvedFirmware} is approved.`,
}

/** Judges the firmware that a device reports against the minimum and the approved version of its row. */
export function judgeFirmware(definition: DeviceDefinition, reported: string | undefined): FirmwareJudgement {
  const state = judge(definition, reported)
  return { state, text: sentences[state](reported ?? '', definition) }
}

function judge(definition: DeviceDefinition, reported: string | undefined): FirmwareState {
  if (reported === undefined || reported === '') return 'unknown'
  const read = (text: string): FirmwareVersion | undefined => parseFirmware(definition.family, text)
  const version = read(reported)
  const minimum = read(definition.minimumFirmware)
  const approved = read(definition.approvedFirmware)
  return version && minimum && approved ? order(version, minimum, approved) : 'unreadable'
}

function order(version: FirmwareVersion, minimum: FirmwareVersion, approved: FirmwareVersion): OrderedState {
  // An approved version without a strand names a release: each of its builds is approved.
  const same = approved.strand === '' ? { ...version, strand: '', minor: approved.minor } : version
  const toApproved = compareFirmware(same, approved)
  if (toApproved === 0) return 'approved'
  if (toApproved === 1) return 'newer'
  const toMinimum = compareFirmware(version, minimum)
  if (toMinimum === -1) return 'below-minimum'
  // A minimum of another train (AudioCodes: 3.x beside an approved 2.x) says nothing about this one.
  return toApproved === -1 ? 'between' : 'other-train'
}
