import t from 'tap'
import { catalogue, findDefinition } from '#src/devices/catalogue.ts'
import type { DeviceDefinition, DeviceFamily } from '#src/devices/definition.ts'
import { compareFirmware, judgeFirmware, parseFirmware, type FirmwareVersion } from '#src/devices/firmware.ts'

/** Every version of the table and of the facts, by the family that writes so. */
const versions: Record<DeviceFamily, readonly string[]> = {
  yealink: [
    ...['83', '28.71.0.81', '66.84.0.125', '66.85.0.5', '66.86.0.15', '66.86.5.1', '66.85.257.3'],
    ...['69.85.0.5', '69.86.0.15', '29.83.0.120', '29.83.0.130', '124.85.0.40', '124.86.0.147'],
    ...['108.86.0.20', '108.86.5.1', '96.85.0.5', '96.86.5.1', '18.0.0.80', '9.72.0.30', '185.87.0.10'],
  ],
  'yealink-dect': ['77.81.0.35', '77.83.0.85', '146.85.5.1', '130.87.0.10', '103.83.0.122', '116.85.0.38'],
  'poly-ucs': [
    ...['5.9.5', '5.9.5.0614', '5.9.5.3182', '5.9.6.2327', '5.9.7.3480', '6.3.1.8427', '6.4.3.5814'],
    ...['7.1.1.0997', '7.2.4.0185', '4.2.1.0275', '8.1.0.12774', '5.9.1.0615'],
  ],
  'poly-obi': ['3.2.2.5921', '5.1.11', '1.3.0.2824', '4.0.1.6480', '3.2.4.8441', '3.2.5.8732'],
  'poly-rove': ['8.0.3.0009', '8.0.5.0002', '8.0.5.0003'],
  'cisco-mpp': [
    ...['11.1.1MPP', '11-3-3MPP', '11.3.5MPP', '12-0-3MPP', '12.0.3', '11.0', '11.0.1'],
    ...['sip88xx.11-3-5MPP0001-66', 'sip88xx.12-0-7MPP0201-66.loads', '11-1-0MPP0401-002'],
  ],
  'cisco-ata': ['11-1-0-MSR4', '11-1-0MSR3-9', '11.2.2MPP', '11-2-2MPP0101-013', '11-1-0MPP0401-002'],
  'audc-2x': ['2.2.8', '2.2.16.570', '2.2.16.681', '2.2.8.61', '2.0.0_build_15', '3.2.1', '2.2.2'],
  'audc-3x': ['3.2.1', '3.4.6.687', '3.4.8.808', '3.4.6.604', '2.2.16.570'],
  'audc-mp': ['6.60A.367.001', '7.40A.400.063', '7.26A.356.075', '7.26B.100.001'],
  'spectralink-server': ['PCS22Ab', 'PCS24B', 'PCS24Ab', 'PCS16E_', 'PCS18bA', 'PCS22A_'],
  'spectralink-handset': ['PCS22B', 'PCS22D', 'PCS23Ca', 'PCS24G', 'PCS16E_'],
}

function parse(family: DeviceFamily, text: string): FirmwareVersion {
  const version = parseFirmware(family, text)
  if (!version) throw new TypeError(`${family} does not read ${text}`)
  return version
}

function compare(family: DeviceFamily, a: string, b: string): number | undefined {
  return compareFirmware(parse(family, a), parse(family, b))
}

t.test('every version of the table and the facts is read by its family', async (t) => {
  let count = 0
  for (const [family, texts] of Object.entries(versions) as [DeviceFamily, string[]][]) {
    for (const text of texts) {
      t.ok(parseFirmware(family, text), `${family} ${text}`)
      count++
    }
  }
  t.ok(count >= 80, `${count} versions`)
  for (const row of catalogue) {
    t.ok(parseFirmware(row.family, row.minimumFirmware), `${row.id}: minimum`)
    t.ok(parseFirmware(row.family, row.approvedFirmware), `${row.id}: approved`)
  }
})

t.test('comparing is antisymmetric and transitive, and a version equals itself', async (t) => {
  let triples = 0
  for (const [family, listed] of Object.entries(versions) as [DeviceFamily, string[]][]) {
    const rows = catalogue.filter((row) => row.family === family)
    const texts = [...new Set([...listed, ...rows.flatMap((r) => [r.minimumFirmware, r.approvedFirmware])])]
    const parsed = texts.map((text) => parse(family, text))
    for (const [i, a] of parsed.entries()) {
      if (compareFirmware(a, a) !== 0) t.fail(`${texts[i]} is not itself`)
      for (const [j, b] of parsed.entries()) {
        const ab = compareFirmware(a, b)
        const ba = compareFirmware(b, a)
        if (ab === undefined ? ba !== undefined : ba === undefined || ab + ba !== 0) {
          t.fail(`${family}: ${texts[i]} against ${texts[j]} gives ${ab}, the other way ${ba}`)
        }
        for (const [k, c] of parsed.entries()) {
          triples++
          const bc = compareFirmware(b, c)
          const ac = compareFirmware(a, c)
          if (ab !== undefined && bc !== undefined && ab <= 0 && bc <= 0) {
            const expected = ab === 0 && bc === 0 ? 0 : -1
            if (ac !== expected) t.fail(`${family}: ${texts[i]} ≤ ${texts[j]} ≤ ${texts[k]} gives ${ac}`)
          }
        }
      }
    }
  }
  t.ok(triples > 10_000, `${triples} triples`)
})

t.test('each family orders as its vendor counts', async (t) => {
  const ordered: [DeviceFamily, string, string, number | undefined, string][] = [
    ['yealink', '66.84.0.125', '66.85.0.5', -1, 'the branch decides'],
    ['yealink', '69.85.0.5', '66.86.0.15', -1, 'the hardware in front does not'],
    ['yealink', '29.83.0.120', '29.83.0.130', -1, 'builds of one line'],
    ['yealink', '66.86.0.15', '66.86.5.1', undefined, 'a customer’s line is counted apart'],
    ['yealink', '66.85.0.5', '69.85.0.9', undefined, 'so is every hardware'],
    ['yealink', '83', '29.83.0.1', -1, 'a branch alone is its beginning'],
    ['yealink', '28.71.0.81', '83', -1, 'and above everything of an earlier branch'],
    ['poly-ucs', '5.9.5', '5.9.5.0614', -1, 'the fourth number counts'],
    ['poly-ucs', '7.1.1.0997', '7.1.1.997', 0, 'its leading zeros do not'],
    ['poly-ucs', '5.9.10.0001', '5.9.9.9999', 1, 'numbers, not texts'],
    ['cisco-mpp', '11-3-3MPP', '11.3.3MPP', 0, 'dashes are dots'],
    ['cisco-mpp', '11.0', '11.0.1', -1, 'a missing number is zero'],
    ['cisco-mpp', 'sip88xx.11-3-5MPP0001-66', '11-3-5MPP0002-66', -1, 'the build breaks the tie'],
    ['cisco-mpp', 'sip88xx.11-3-5MPP0001-66', '11.3.5MPP', 1, 'a build comes after its bare release'],
    ['cisco-mpp', '12.0.3', 'sip88xx.11-3-5MPP0009-1', 1, 'three integers first'],
    ['cisco-ata', '11-1-0-MSR4', '11-1-0MPP0401-002', undefined, 'MSR and MPP are counted apart'],
    ['cisco-ata', '11-1-0MSR3-9', '11-1-0-MSR4', -1, 'MSR by number'],
    ['audc-2x', '2.2.8', '3.2.1', undefined, 'the trains are never compared'],
    ['audc-2x', '2.0.0_build_15', '2.0.0.16', -1, '_build_ is a dot'],
    ['audc-3x', '3.4.6.604', '3.4.6.687', -1, 'within the train by number'],
    ['audc-mp', '7.26A.356.075', '7.26B.100.001', -1, 'the letter before the third number'],
    ['audc-mp', '6.60A.367.001', '7.26A.356.075', -1, 'the release first'],
    ['spectralink-server', 'PCS22Ab', 'PCS24B', -1, 'the year'],
    ['spectralink-server', 'PCS22Ab', 'PCS22B', -1, 'the letter'],
    ['spectralink-server', 'PCS22A', 'PCS22Ab', -1, 'no suffix comes first'],
    ['spectralink-server', 'PCS16E_', 'PCS16E', 0, 'an underscore is none'],
    ['spectralink-server', 'PCS18bA', 'pcs18Ba', 0, 'letter case does not matter'],
  ]
  for (const [family, a, b, expected, why] of ordered) {
    t.equal(compare(family, a, b), expected, `${a} against ${b}: ${why}`)
  }
})

t.test('texts that are no version of the family are not read', async (t) => {
  const broken: [DeviceFamily, string][] = [
    ['yealink', '66.85.0'],
    ['yealink', '66.85.0.5.1'],
    ['yealink', ' 66.85.0.5'],
    ['yealink', '٦٦.85.0.5'],
    ['yealink', '66.85.0.5\n'],
    ['poly-ucs', '5'],
    ['poly-ucs', '5..9'],
    ['poly-ucs', `5.${'9'.repeat(60)}`],
    ['cisco-mpp', 'sip88xx.'],
    ['cisco-mpp', '11-3-3MPPx'],
    ['cisco-mpp', `${'1-'.repeat(20)}1`],
    ['audc-2x', '2.2.8.61beta'],
    ['audc-mp', '6.60.367.001'],
    ['spectralink-server', 'PCS2Ab'],
    ['spectralink-server', 'PCS22Abc'],
    ['spectralink-server', ''],
  ]
  for (const [family, text] of broken) t.equal(parseFirmware(family, text), undefined, JSON.stringify(text))
})

t.test('a reported version is judged in one sentence', async (t) => {
  const row = (vendor: string, model: string): DeviceDefinition => {
    const found = findDefinition(vendor, model)
    if (!found) throw new TypeError(model)
    return found
  }
  const judged: [string, string, string | undefined, string][] = [
    ['Yealink', 'T46S', '66.85.0.5', 'approved'],
    ['Yealink', 'T46S', '66.86.0.15', 'newer'],
    ['Yealink', 'T46S', '66.85.0.9', 'newer'],
    ['Yealink', 'T46S', '66.84.0.125', 'between'],
    ['Yealink', 'T46S', '66.83.0.1', 'between'],
    ['Yealink', 'T46S', '66.82.0.20', 'below-minimum'],
    ['Yealink', 'T46S', '66.85.5.1', 'other-train'],
    ['Yealink', 'T46S', 'garbage', 'unreadable'],
    ['Yealink', 'T46S', undefined, 'unknown'],
    ['Yealink', 'T42G', '29.83.0.120', 'between'],
    ['Poly', 'VVX450', '6.3.1.8427', 'approved'],
    ['Poly', 'VVX450', '5.9.1.0615', 'below-minimum'],
    ['Poly', 'VVX300', '5.9.5.0614', 'between'],
    ['Poly', 'Rove B2', '8.0.5.0002', 'newer'],
    ['Cisco', '8841', '11-3-3MPP', 'approved'],
    ['Cisco', '8841', 'sip88xx.11-3-3MPP0001-66', 'approved'],
    ['Cisco', '8841', '11.0', 'below-minimum'],
    ['Cisco', '8841', '11.2.0MPP', 'between'],
    ['Cisco', '8841', '12.0.3', 'newer'],
    ['Cisco', '8832', '11-3-5MPP', 'approved'],
    ['AudioCodes', '440HD', '2.2.8.61', 'between'],
    ['AudioCodes', '440HD', '2.2.16.570', 'approved'],
    ['AudioCodes', '440HD', '3.4.6.604', 'other-train'],
    ['AudioCodes', 'C450HD', '3.4.6.604', 'between'],
    ['AudioCodes', 'C450HD', '3.1.0', 'below-minimum'],
    ['AudioCodes', 'C450HD', '2.2.16.570', 'other-train'],
    ['Spectralink', 'IP-DECT Server 400', 'PCS22Ab', 'approved'],
    ['Spectralink', 'IP-DECT Server 400', 'PCS24B', 'newer'],
    ['Spectralink', 'IP-DECT Server 400', 'PCS16E_', 'below-minimum'],
    ['Spectralink', '7202', 'PCS22B', 'approved'],
    ['Spectralink', '7202', 'PCS22D', 'newer'],
  ]
  for (const [vendor, model, reported, expected] of judged) {
    const { state, text } = judgeFirmware(row(vendor, model), reported)
    t.equal(state, expected, `${model} with ${reported ?? 'nothing'}: ${text}`)
    t.match(text, /^[A-Z].*\.$/)
    if (expected === 'unreadable') t.notMatch(text, reported ?? '', 'a stranger’s text is not repeated')
  }
  for (const definition of catalogue) {
    t.equal(judgeFirmware(definition, definition.approvedFirmware).state, 'approved', definition.id)
  }
})
