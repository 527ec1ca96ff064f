import type { Device } from '#src/model/device.ts'
import type { Line } from '#src/model/line.ts'
import { readIpei } from '#src/model/ipei.ts'
import type { HandsetProblem, NewHandset } from './ports.ts'

/** A handset that can be added as it stands. */
export interface CheckedHandset {
  /** 13 characters, no spaces. */
  ipei: string
  label: string
  extension: string | undefined
}

/** What the box has already, for comparison. */
export interface HandsetFacts {
  findByIpei(ipei: string): Device | undefined
  lines: readonly Line[]
  emergencyNumbers: readonly string[]
}

const maxLabelLength = 60
const controlCharacter = /\p{Cc}/u

/** True for as many digits as routing takes for an extension, wherever they stand: a name of digits is dialled too. */
export function isExtension(text: string): boolean {
  return /^\d{1,6}$/.test(text)
}

/** Judges a list of handsets by itself and against what the box has; every problem of every row is told. */
export function checkHandsets(
  handsets: readonly NewHandset[],
  facts: HandsetFacts,
): { checked: CheckedHandset[]; problems: HandsetProblem[] } {
  const problems: HandsetProblem[] = []
  const rowOfIpei = new Map<string, number>()
  const rowOfExtension = new Map<string, number>()
  const checked = handsets.map((handset, index): CheckedHandset => {
    const row = handset.row ?? index + 1
    const add = (field: HandsetProblem['field'], text: string): number => problems.push({ row, field, text })

    const { ipei, problem } = readIpei(handset.ipei)
    if (ipei === undefined) add('ipei', problem)
    else {
      const known = facts.findByIpei(ipei)
      const earlier = rowOfIpei.get(ipei)
      if (known) add('ipei', `“${known.label}” has this IPEI already.`)
      else if (earlier !== undefined) add('ipei', `Row ${earlier} has this IPEI already.`)
      rowOfIpei.set(ipei, earlier ?? row)
    }

    const label = handset.label.trim()
    const labelProblem = problemOfLabel(label)
    if (labelProblem !== undefined) add('label', labelProblem)

    const extension = handset.extension?.trim() || undefined
    const digits = extension ?? (isExtension(label) ? label : undefined)
    if (digits !== undefined) {
      const earlier = rowOfExtension.get(digits)
      const extensionProblem =
        earlier === undefined
          ? problemOfExtension(digits, facts)
          : `Row ${earlier} has this extension already.`
      if (extensionProblem !== undefined) {
        add(extension === undefined ? 'label' : 'extension', extensionProblem)
      }
      rowOfExtension.set(digits, earlier ?? row)
    }
    return { ipei: ipei ?? '', label, extension }
  })
  return { checked, problems }
}

/** Why a text cannot name a handset; undefined when it can. `label` has no blanks around it. */
export function problemOfLabel(label: string): string | undefined {
  if (label === '') return 'The name is missing.'
  if (label.length > maxLabelLength) return `The name is longer than ${maxLabelLength} characters.`
  if (controlCharacter.test(label)) return 'The name has a character that no display can show.'
  return undefined
}

/** Why digits cannot be a handset's extension; undefined when they can. `ownLineId`: the line that may have it. */
export function problemOfExtension(
  digits: string,
  facts: Pick<HandsetFacts, 'lines' | 'emergencyNumbers'>,
  ownLineId?: string,
): string | undefined {
  if (!isExtension(digits)) return 'An extension is one to six digits.'
  // Behind a 0 or 9, as people dial it by habit, help is called only where nobody has that extension.
  if ([digits, digits.replace(/^[09]/, '')].some((number) => facts.emergencyNumbers.includes(number))) {
    return 'This is a number for emergency calls.'
  }
  const taken = facts.lines.some(({ id, label }) => label === digits && id !== ownLineId)
  return taken ? 'Another phone has this extension already.' : undefined
}
