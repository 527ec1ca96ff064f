import { CsvError, parse } from 'csv-parse/sync'
import { ApplianceError } from '#src/base/errors.ts'
import { decodeText } from './decode-text.ts'

/** Bytes of the largest file that is looked at; a thousand rows need a third of it. */
export const maxFileBytes = 256 * 1024
/** Rows of the longest file. */
export const maxRows = 1_000
const maxLineLength = 2_000

/** One line of the file: its cells by what they mean, or why it cannot be read. */
export type FileRow =
  | { line: number; kind: 'cells'; mac: string; ipei: string; label: string; location: string }
  | { line: number; kind: 'unreadable'; text: string }

type Column = 'address' | 'mac' | 'ipei' | 'label' | 'location'

/** Spellings of the headings in lower case without anything but letters; `MAC id,Location` is Teams' own bulk file. */
const headings = new Map<string, Column>(
  Object.entries({
    ...{ mac: 'mac', macid: 'mac', macaddress: 'mac', macaddr: 'mac', macadresse: 'mac' },
    ...{ ipei: 'ipei', macoripei: 'address', macipei: 'address', address: 'address' },
    ...{ location: 'location', locationname: 'location', standort: 'location', place: 'location' },
    ...{ label: 'label', name: 'label', displayname: 'label', devicename: 'label', bezeichnung: 'label' },
  } satisfies Record<string, Column>),
)
const columnsWithoutHeading: readonly Column[] = ['address', 'location', 'label']
const delimiters = [',', ';', '\t'] as const

/**
 * Reads an uploaded CSV file. Lines are read one by one, so that a stray quote spoils its own line and not the rest
 * (a cell can therefore not hold a line break). Throws TOO_LARGE, or INVALID when the file as a whole cannot be read.
 */
export function readAnnouncements(file: Uint8Array): FileRow[] {
  if (file.byteLength > maxFileBytes) {
    throw new ApplianceError(
      'TOO_LARGE',
      { maxFileBytes },
      { text: `The file is larger than ${maxFileBytes / 1024} KiB.`, advice: 'Import it in parts.' },
    )
  }
  const lines = decodeText(file)
    .split(/\r\n|\n|\r/)
    .map((text, index) => ({ line: index + 1, text }))
    .filter(({ text }) => text.trim() !== '' && !/^[\s,;]*$/.test(text))
  // Excel's own way of naming the separator.
  const named = /^"?sep=([,;|\t])"?$/i.exec(lines[0]?.text ?? '')
  if (named) lines.shift()
  const [first] = lines
  if (!first) throw invalid('The file has no rows.')
  const delimiter = named?.[1] ?? mostFrequent(first.text)
  const columns = columnsOf(first, delimiter)
  const rows = columns.named ? lines.slice(1) : lines
  if (rows.length === 0) throw invalid('The file has a heading and no rows below it.')
  if (rows.length > maxRows) {
    throw new ApplianceError(
      'TOO_LARGE',
      { maxRows, rows: rows.length },
      {
        text: `The file has ${rows.length} rows; at most ${maxRows} are taken at a time.`,
        advice: 'Import it in parts.',
      },
    )
  }
  return rows.map((row) => readRow(row, delimiter, columns.columns))
}

function mostFrequent(text: string): string {
  const count = (delimiter: string): number => text.split(delimiter).length
  return delimiters.reduce((best, next) => (count(next) > count(best) ? next : best), ',')
}

function columnsOf(
  first: { line: number; text: string },
  delimiter: string,
): { named: boolean; columns: readonly (Column | undefined)[] } {
  const cells = splitLine(first.text, delimiter)
  if (typeof cells === 'string') throw invalid(`Line ${first.line}, which should hold the headings: ${cells}`)
  const columns = cells.map((cell) => headings.get(cell.toLowerCase().replace(/[^\p{L}]/gu, '')))
  const has = (column: Column): boolean => columns.includes(column)
  if (has('mac') || has('ipei') || has('address')) {
    const twice = columns.find((column, index) => column !== undefined && columns.indexOf(column) !== index)
    if (twice !== undefined) throw invalid(`Line ${first.line} names the column for the ${twice} twice.`)
    return { named: true, columns }
  }
  // No heading at all: then the first cell must look like an address, right or wrong.
  if (/^[0-9a-f][0-9a-f:. *-]{8,}$/i.test(cells[0] ?? ''))
    return { named: false, columns: columnsWithoutHeading }
  throw invalid('The first line has no column for the MAC address.')
}

function readRow(
  { line, text }: { line: number; text: string },
  delimiter: string,
  columns: readonly (Column | undefined)[],
): FileRow {
  const cells = splitLine(text, delimiter)
  if (typeof cells === 'string') return { line, kind: 'unreadable', text: cells }
  if (cells.slice(columns.length).some((cell) => cell !== '')) {
    const named = delimiter === '\t' ? 'tab' : delimiter
    return {
      line,
      kind: 'unreadable',
      text: `It has ${cells.length} cells where ${columns.length} belong. Put a text that contains “${named}” into double quotes.`,
    }
  }
  const cell = (column: Column): string => {
    const index = columns.indexOf(column)
    return index < 0 ? '' : (cells[index] ?? '')
  }
  const mac = cell('mac') === '' ? cell('address') : cell('mac')
  return { line, kind: 'cells', mac, ipei: cell('ipei'), label: cell('label'), location: cell('location') }
}

/** The cells of one line, trimmed; a text says why it cannot be split. */
function splitLine(text: string, delimiter: string): string[] | string {
  if (text.length > maxLineLength) return `It has more than ${maxLineLength} characters.`
  try {
    const [cells = []] = parse(text, { delimiter, trim: true, relax_column_count: true })
    // Our own lists mark cells that a spreadsheet would take for a formula with an apostrophe.
    return cells.map((cell) => cell.replace(/^'(?=[=+\-@])/, ''))
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    return error.code === 'CSV_QUOTE_NOT_CLOSED'
      ? 'A double quote is opened and not closed again on the same line.'
      : 'It has a double quote in the wrong place.'
  }
}

function invalid(text: string): ApplianceError {
  return new ApplianceError(
    'INVALID',
    {},
    { text, advice: 'The first line should be: MAC,Location,Label (the label may be missing).' },
  )
}
