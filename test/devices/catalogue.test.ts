import t from 'tap'
import {
  catalogue,
  familyOf,
  findDefinition,
  findDefinitionById,
  modelOfCommonFile,
} from '#src/devices/catalogue.ts'
import { tableNotes, vendorNotes } from '#src/devices/vendors/notes.ts'
import { ownersDocument, readTable, tableText } from './owners-table.ts'

const { vendors, rows } = readTable(tableText)

t.test('the fixture is the owner’s table, word for word', async (t) => {
  const owners = ownersDocument()
  if (owners === undefined) {
    t.pass('the owner’s document does not lie beside this checkout')
    return
  }
  t.ok(owners.includes(tableText.trimEnd()), 'every line from the heading of the table to its last note')
  t.same(readTable(owners.slice(owners.indexOf('## Compatible devices'))), { vendors, rows })
})

t.test('every row of the owner’s table is in the catalogue as it stands there', async (t) => {
  t.equal(rows.length, 88, 'the table was read to its end')
  t.equal(vendors.length, 5)
  for (const row of rows) {
    const found = catalogue.filter(({ vendor, model }) => vendor === row.vendor && model === row.model)
    t.equal(found.length, 1, `${row.vendor} ${row.model} stands there once`)
    const [definition] = found
    t.match(definition, {
      minimumFirmware: row.minimum,
      approvedFirmware: row.approved,
      e911: row.dynamicE911 ? 'dynamic' : 'static',
      remarks: row.remarks,
    })
    t.equal(row.links, '', 'links are given per brand')
  }
})

t.test('the catalogue has nothing that the owner’s table has not', async (t) => {
  for (const { vendor, model } of catalogue) {
    t.ok(
      rows.some((row) => row.vendor === vendor && row.model === model),
      `${vendor} ${model} is in the table`,
    )
  }
  // The T41S has three equal rows in the table.
  t.equal(rows.filter(({ model }) => model === 'T41S').length, 3)
  t.equal(new Set(rows.map(({ vendor, model }) => `${vendor} ${model}`)).size, 86)
  t.equal(catalogue.length, 86)
})

t.test('what the table says of whole brands is kept', async (t) => {
  t.equal(vendorNotes.length, vendors.length)
  for (const row of vendors) {
    const notes = vendorNotes.find(({ vendor }) => vendor === row.vendor)
    t.equal(notes?.remarks, row.remarks, `${row.vendor}: remarks`)
    const links = (notes?.links ?? []).map(({ title, url }) => `[${title}](${url})`).join(' ')
    t.equal(links, row.links, `${row.vendor}: links`)
    for (const definition of catalogue.filter(({ vendor }) => vendor === row.vendor)) {
      t.equal(definition.links, notes?.links, `${definition.id} has its brand’s links`)
    }
  }
  const oneLine = tableText.replace(/\n> ?/g, ' ')
  for (const note of Object.values(tableNotes)) t.ok(oneLine.includes(note), note)
})

t.test('brands, families and kinds of the table', async (t) => {
  const count = (key: 'vendor' | 'family' | 'kind'): Record<string, number> =>
    Object.fromEntries(
      Map.groupBy(catalogue, (entry) => entry[key])
        .entries()
        .map(([k, v]) => [k, v.length]),
    )
  t.same(count('vendor'), { Cisco: 12, Poly: 23, Yealink: 28, AudioCodes: 9, Spectralink: 14 })
  t.same(count('family'), {
    'cisco-mpp': 12,
    'poly-ucs': 19,
    'poly-rove': 4,
    yealink: 28,
    'audc-2x': 5,
    'audc-3x': 4,
    'spectralink-handset': 9,
    'spectralink-server': 5,
  })
  t.same(count('kind'), { phone: 68, 'dect-base': 3, 'dect-handset': 11, 'dect-server': 4 })
})

t.test('a model is found however its device separates the words', async (t) => {
  const expected: [string, string, string][] = [
    ['Poly', 'VVX_450', 'poly-vvx450'],
    ['Poly', 'Trio_8500', 'poly-trio-8500'],
    ['Poly', 'trio 8500', 'poly-trio-8500'],
    ['Yealink', 'T21P_E2', 'yealink-t21p-e2'],
    ['Yealink', 'T21P', 'yealink-t21p'],
    ['Yealink', 't46s', 'yealink-t46s'],
    ['AudioCodes', '405', 'audiocodes-405'],
    ['AudioCodes', '405HD', 'audiocodes-405hd'],
    ['Spectralink', 'IP-DECT Server 400', 'spectralink-ip-dect-server-400'],
  ]
  for (const [vendor, model, id] of expected) {
    t.equal(findDefinition(vendor, model)?.id, id)
    t.equal(findDefinitionById(id)?.id, id)
  }
  t.equal(findDefinition('Cisco', 'T46S'), undefined, 'a model belongs to its brand')
  t.equal(findDefinition('Yealink', 'constructor'), undefined)
  t.equal(familyOf('Nobody', 'T46S'), undefined)
  t.same(familyOf('Yealink', 'T99X'), { family: 'yealink', kind: 'phone' }, 'a later model of a known line')
})

t.test('a common file names its model only when the number is that model’s alone', async (t) => {
  t.equal(modelOfCommonFile('66'), 'T46S')
  t.equal(modelOfCommonFile('77'), 'W60B')
  t.equal(modelOfCommonFile('95'), undefined, 'T53 and T53W share theirs')
  t.equal(modelOfCommonFile('999'), undefined)
})
