import type { Device } from '#src/model/device.ts'
import { formatDeviceAddress, readDeviceAddress, shorten } from './device-address.ts'
import type { EnrolmentState, PreviewRow } from './ports.ts'
import type { FileRow } from './read-announcements.ts'

/** Characters of the longest name, as everywhere on the page. */
export const maxLabelLength = 60
/** Characters of the longest place. */
export const maxLocationLength = 100

/** What stands on the box already, by MAC or IPEI. */
export interface Known {
  announced: ReadonlyMap<string, { label: string; state: EnrolmentState }>
  devices: ReadonlyMap<string, Device>
}

/** Says of each line of a file what would be announced, or why it cannot be. Changes nothing. */
export function judgeRows(rows: readonly FileRow[], known: Known): PreviewRow[] {
  const lineOf = new Map<string, number>()
  return rows.map((row): PreviewRow => {
    const { line } = row
    if (row.kind === 'unreadable') return { line, kind: 'broken', address: '', text: row.text }
    const written = row.mac === '' ? row.ipei : row.mac
    const broken = (text: string): PreviewRow => ({ line, kind: 'broken', address: shorten(written), text })

    if (row.mac !== '' && row.ipei !== '')
      return broken('It has a MAC address and an IPEI; a device has one of them.')
    const address = readDeviceAddress(written)
    if (typeof address === 'string') return broken(address + spreadsheetHint(written))
    const key = address.mac ?? address.ipei
    const earlier = lineOf.get(key)
    if (earlier !== undefined) return broken(`The same device stands in line ${earlier} already.`)

    const location = row.location
    if (location === '') return broken('The location is missing.')
    const wrong =
      textProblem('location', location, maxLocationLength) ?? textProblem('label', row.label, maxLabelLength)
    if (wrong !== undefined) return broken(wrong)
    const announced = known.announced.get(key)
    if (announced) {
      return broken(
        `${formatDeviceAddress(address)} is announced already, as “${announced.label}” (${announced.state}). ${remedy(announced.state)}`,
      )
    }
    lineOf.set(key, line)
    const label = row.label === '' ? cut(location) : row.label
    const announcement = { ...address, label, location }
    return { line, kind: 'good', announcement, note: noteOn(known.devices.get(key)) }
  })
}

function remedy(state: EnrolmentState): string {
  if (state === 'waiting') return 'Its code is valid.'
  return 'Make a new code for that entry instead.'
}

function noteOn(device: Device | undefined): string | undefined {
  if (!device) return undefined
  if (device.state === 'found') return 'The box has seen this device already; it waits for its code.'
  return `The box knows this device as “${device.label}”; dialling the code gives it this name and place.`
}

function textProblem(name: string, text: string, most: number): string | undefined {
  if (/\p{Cc}/u.test(text)) return `The ${name} contains a control character.`
  return text.length > most
    ? `The ${name} has ${text.length} characters; at most ${most} are allowed.`
    : undefined
}

function spreadsheetHint(written: string): string {
  return /^\d[.,]\d+E\+?\d+$/i.test(written.trim())
    ? ' A spreadsheet took it for a number: format the column as text.'
    : ''
}

function cut(location: string): string {
  return location.length <= maxLabelLength ? location : `${location.slice(0, maxLabelLength - 1).trimEnd()}…`
}
