import { CsvError, parse } from 'csv-parse/sync'
import type { HandsetProblem, NewHandset } from './ports.ts'

/** More handsets than any server takes at once; longer lists come in parts. */
export const maxHandsets = 1000
/** Longest text that is read, in characters; enough for that many rows. */
export const maxCsvLength = 60_000

type Column = 'ipei' | 'label' | 'extension'

/** Column names as people and other DECT systems write them, in lower case. */
const columnNames: Readonly<Record<string, Column>> = {
  ipei: 'ipei',
  'ipei/ipdi': 'ipei',
  label: 'label',
  name: 'label',
  'display name': 'label',
  extension: 'extension',
  number: 'extension',
}
/** Order of the columns when the first row names none. */
const columnOrder: readonly Column[] = ['ipei', 'label', 'extension']
const delimiters = ['\t', ';', ',']

/**
 * Reads a pasted list of handsets: IPEI, name, extension (may be left out) in each row, parted by commas, semicolons or
 * tabs, with or without a first row that names the columns. What the values are worth is judged when they are added.
 */
export function readHandsetCsv(text: string): { handsets: NewHandset[]; problems: HandsetProblem[] } {
  const whole = (row: number, problem: string) => ({
    handsets: [],
    problems: [{ row, field: 'row' as const, text: problem }],
  })
  if (text.length > maxCsvLength) return whole(1, `The list is longer than ${maxCsvLength} characters.`)
  const records: { record: string[]; line: number }[] = []
  try {
    parse(text, {
      bom: true,
      delimiter: delimiterOf(text),
      on_record: (record: string[], { lines }) => {
        records.push({ record, line: lines })
        return record
      },
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
      skip_records_with_empty_values: true,
      to: maxHandsets + 2,
      trim: true,
    })
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    return whole(Number(error['lines'] ?? 1), 'The quotes in this row do not match.')
  }
  const [first] = records
  if (!first) return whole(1, 'The list is empty.')
  const named = columnsOf(first.record)
  if (named && !named.includes('ipei')) return whole(first.line, 'No column is named IPEI.')
  const columns = named ?? columnOrder
  const rows = named ? records.slice(1) : records
  if (rows.length === 0) return whole(first.line, 'The list has a first row and nothing below it.')
  if (rows.length > maxHandsets) return whole(maxHandsets + 1, `A list has at most ${maxHandsets} handsets.`)
  const handsets = rows.map(({ record, line }): NewHandset => {
    const value = (column: Column): string => record[columns.indexOf(column)] ?? ''
    return {
      ipei: value('ipei'),
      label: value('label'),
      extension: value('extension') || undefined,
      row: line,
    }
  })
  return { handsets, problems: [] }
}

/** The columns that the first row names; undefined when it is a handset already. */
function columnsOf(record: readonly string[]): (Column | undefined)[] | undefined {
  const columns = record.map((name) => columnNames[name.toLowerCase()])
  return columns.some((column) => column !== undefined) ? columns : undefined
}

/** What parts the columns of the first row that has any; names may well hold a comma. */
function delimiterOf(text: string): string {
  const line = text
    .split(/\r\n|\n|\r/)
    .find((candidate) => delimiters.some((delimiter) => candidate.includes(delimiter)))
  return delimiters.find((delimiter) => line?.includes(delimiter)) ?? ','
}
