import type { FileKind } from './render/family-renderer.ts'

/**
 * A file of a family as a vendor file writes it down. `{mac}` stands for twelve digits, `{number}` for the three
 * digits of a Yealink model's common file.
 */
export interface FileName {
  name: string
  kind: FileKind
}

const numberDigits = '000'

/** The names of one device's files, in the order of the list. */
export function namesOf(
  files: readonly FileName[],
  device: { mac: string; number?: string | undefined },
): readonly string[] {
  const number = (device.number ?? '').padStart(numberDigits.length, '0')
  return files.map(({ name }) => name.replace('{mac}', device.mac).replace('{number}', number))
}

/**
 * What a name is for, in any letter case; undefined for names that are not in the list or hold another device's
 * MAC. Any model's common file will do: the file is rendered for the device that asks.
 */
export function kindOfName(files: readonly FileName[], fileName: string, mac: string): FileKind | undefined {
  if (fileName.length > 64) return undefined
  const asked = fileName.toLowerCase()
  return files.find(({ name }) => {
    const [before = '', after] = name.replace('{mac}', mac).toLowerCase().split('{number}')
    if (after === undefined) return asked === before
    const middle = asked.slice(before.length, asked.length - after.length)
    return asked.startsWith(before) && asked.endsWith(after) && /^\d{3}$/.test(middle)
  })?.kind
}
