import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/** One line of the owner's table of compatible devices, cell by cell. */
export interface TableRow {
  vendor: string
  model: string
  dynamicE911: boolean
  minimum: string
  approved: string
  remarks: string
  links: string
}

/** The line of a brand as a whole. */
export interface VendorRow {
  vendor: string
  remarks: string
  links: string
}

/** The table and the notes below it as they stand in the fixture. */
export const tableText = readFileSync(join(root, 'test/fixtures/compatible-devices.md'), 'utf8')

/** The same part of the owner's document where it lies beside the checkout; undefined elsewhere. */
export function ownersDocument(): string | undefined {
  const path = join(root, '../shared/plan-sip-gateway.md')
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}

/** Reads the table without any help of the code under test. */
export function readTable(text: string): { vendors: VendorRow[]; rows: TableRow[] } {
  const vendors: VendorRow[] = []
  const rows: TableRow[] = []
  const lines = text.split('\n').filter((line) => line.startsWith('|'))
  for (const line of lines.slice(2)) {
    const cells = line.split('|').slice(1, -1)
    const [first = '', model = '', minimum = '', approved = '', remarks = '', links = ''] = cells.map(
      (cell) => cell.trim(),
    )
    const brand = /^\*\*(.+)\*\*$/.exec(first)?.[1]
    if (brand !== undefined) {
      vendors.push({ vendor: brand, remarks, links })
      continue
    }
    rows.push({
      vendor: vendors.at(-1)?.vendor ?? '',
      model: model.replace('<sup>1</sup>', '').trim(),
      dynamicE911: model.includes('<sup>1</sup>'),
      minimum,
      approved,
      remarks,
      links,
    })
  }
  return { vendors, rows }
}
