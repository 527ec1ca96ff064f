import t from 'tap'
import { csvCell } from '#src/onboarding/codes-csv.ts'
import { ipeiCheckCharacter } from '#src/model/ipei.ts'
import { readDeviceAddress } from '#src/onboarding/device-address.ts'
import { judgeRows, type Known } from '#src/onboarding/judge-rows.ts'
import type { PreviewRow } from '#src/onboarding/ports.ts'
import { maxFileBytes, maxRows, readAnnouncements } from '#src/onboarding/read-announcements.ts'
import { someDevice } from '#test/store/store-fixture.ts'

const nothing: Known = { announced: new Map(), devices: new Map() }
const judge = (file: string | Buffer, known = nothing): PreviewRow[] =>
  judgeRows(readAnnouncements(typeof file === 'string' ? Buffer.from(file) : file), known)
const good = (file: string | Buffer): (string | undefined)[][] =>
  judge(file).map((row) => {
    if (row.kind === 'broken') return [`broken: ${row.text}`]
    const { mac, ipei, label, location } = row.announcement
    return [mac ?? ipei, label, location]
  })
const broken = (file: string, known = nothing): string[] =>
  judge(file, known).map((row) => (row.kind === 'broken' ? `${row.line}: ${row.text}` : 'good'))

t.test('addresses are read in every notation, and nothing else is', async (t) => {
  const macs = [
    '001565a1b2c3',
    '00:15:65:A1:B2:C3',
    '00-15-65-a1-b2-c3',
    '00.15.65.a1.b2.c3',
    '0015.65a1.b2c3',
    ' 001565A1B2C3 ',
  ]
  for (const text of macs) t.same(readDeviceAddress(text), { mac: '001565a1b2c3', ipei: undefined }, text)
  for (const text of ['0358601234563', '03586 0123456 3', '03586-0123456-3']) {
    t.same(readDeviceAddress(text), { mac: undefined, ipei: '0358601234563' }, text)
  }
  const others: [string, RegExp][] = [
    ['', /^The MAC address is missing\.$/],
    ['00156512345', /neither a MAC address/],
    ['00:15:65:12:34:5g', /neither/],
    ['00:15:65-12:34:56:78', /neither/],
    ['000000000000', /placeholder/],
    ['FF-FF-FF-FF-FF-FF', /placeholder/],
    ['01:00:5e:00:00:01', /group address/],
    ['0358601234564', /check character does not fit.*should be 3/],
    ['x'.repeat(500), /^“x{39}…” is neither/],
    ['\u202e\u001b[31m', /neither/],
  ]
  for (const [text, sentence] of others) t.match(readDeviceAddress(text), sentence, text.slice(0, 20))
  t.notMatch(readDeviceAddress('\u202e\u001b[31m'), /[\u202e\u001b]/, 'nothing that plays with the screen')
})

t.test('the check digit of an IPEI (EN 300 175-6): weighted sum modulo 11, ten is a star', async (t) => {
  t.equal(ipeiCheckCharacter('000000000001'), '1')
  t.equal(ipeiCheckCharacter('000000000010'), '0')
  t.equal(ipeiCheckCharacter('000000000100'), '*')
  t.same(readDeviceAddress('00000 0000100 *'), { mac: undefined, ipei: '000000000100*' })
})

t.test('what office programs save is read as it was meant', async (t) => {
  const expected = [
    ['001565000001', 'Lobby', 'Café, left'],
    ['001565000002', 'Küche', 'Café, left'],
  ]
  const text =
    'MAC;Location;Label\r\n00:15:65:00:00:01;"Café, left";Lobby\r\n001565000002;Café, left;Küche\r\n'
  t.same(good(text), expected, 'semicolons, CRLF')
  t.same(good(`\uFEFF${text}`), expected, 'a byte order mark')
  t.same(good(text.replaceAll('\r\n', '\n')), expected, 'line feeds')
  t.same(good(text.replaceAll('\r\n', '\r')), expected, 'an old Macintosh')
  t.same(good(`sep=;\r\n${text}`), expected, "Excel's own mark")
  t.same(good(Buffer.from(text, 'latin1')), expected, 'Windows-1252')
  t.same(
    good(Buffer.from(`\uFEFF${text.replaceAll(';', '\t')}`, 'utf16le')),
    expected,
    'Unicode text of Excel',
  )
  t.same(good(`\r\n\r\n${text}\r\n;;\r\n`), expected, 'empty lines are no rows')
  t.same(good('MAC id,Location\n001565000001,"Lobby, ""west"""\n'), [
    ['001565000001', 'Lobby, "west"', 'Lobby, "west"'],
  ])
  t.same(good('001565000001,Lobby\n001565000002,Canteen,Pay desk\n'), [
    ['001565000001', 'Lobby', 'Lobby'],
    ['001565000002', 'Pay desk', 'Canteen'],
  ])
  t.same(
    good('Room,Name,IPEI,MAC address\n1,A,0358601234563,\n2,B,,001565000001\n'.replace('Room', 'Location')),
    [
      ['0358601234563', 'A', '1'],
      ['001565000001', 'B', '2'],
    ],
  )
})

t.test('each broken row says its line and why, and spoils no other', async (t) => {
  const rows = [
    'MAC,Location,Label',
    '001565000001,Lobby',
    '"001565000002,Lobby',
    '001565000003,Lob"by"',
    '001565000004,Lobby,Label,more',
    '001565000001,Again',
    '001565000005,',
    `001565000006,${'x'.repeat(101)}`,
    `001565000007,Lobby,${'y'.repeat(61)}`,
    '1.56512E+11,Lobby',
    `001565000008,${'z'.repeat(3000)}`,
    '001565000009,Lob\u0007by',
    '001565000010,Lobby',
  ]
  t.same(broken(rows.join('\n')), [
    'good',
    '3: A double quote is opened and not closed again on the same line.',
    '4: It has a double quote in the wrong place.',
    '5: It has 4 cells where 3 belong. Put a text that contains “,” into double quotes.',
    '6: The same device stands in line 2 already.',
    '7: The location is missing.',
    '8: The location has 101 characters; at most 100 are allowed.',
    '9: The label has 61 characters; at most 60 are allowed.',
    '10: “1.56512E+11” is neither a MAC address (twelve hexadecimal digits) nor an IPEI (13 characters). A spreadsheet took it for a number: format the column as text.',
    '11: It has more than 2000 characters.',
    '12: The location contains a control character.',
    'good',
  ])
  t.same(broken('MAC,IPEI,Location\n001565000001,0358601234563,x\n'), [
    '2: It has a MAC address and an IPEI; a device has one of them.',
  ])
})

t.test('what the box knows already is said of each row', async (t) => {
  const known: Known = {
    announced: new Map([
      ['001565000001', { label: 'Lobby', state: 'waiting' }],
      ['001565000002', { label: 'Canteen', state: 'expired' }],
    ]),
    devices: new Map([
      ['001565000003', someDevice({ state: 'found' })],
      ['001565000004', someDevice({ state: 'signed-in', label: 'Reception' })],
    ]),
  }
  const rows = judge(
    '1\n'.replace('1\n', 'MAC,Location\n') + [1, 2, 3, 4, 5].map((n) => `00156500000${n},x`).join('\n'),
    known,
  )
  t.match(rows, [
    {
      kind: 'broken',
      text: '00:15:65:00:00:01 is announced already, as “Lobby” (waiting). Its code is valid.',
    },
    { kind: 'broken', text: /“Canteen” \(expired\)\. Make a new code for that entry instead\.$/ },
    { kind: 'good', note: 'The box has seen this device already; it waits for its code.' },
    { kind: 'good', note: /^The box knows this device as “Reception”/ },
    { kind: 'good', note: undefined },
  ])
})

t.test('a file is bounded before it is read', async (t) => {
  const row = '001565000001,x\n'
  t.throws(() => readAnnouncements(Buffer.alloc(maxFileBytes + 1, 0x61)), { code: 'TOO_LARGE' })
  t.throws(() => readAnnouncements(Buffer.from(row.repeat(maxRows + 1))), {
    code: 'TOO_LARGE',
    message: /1001 rows/,
  })
  t.equal(readAnnouncements(Buffer.from(row.repeat(maxRows))).length, maxRows)
  const worst = Buffer.from('"'.repeat(maxFileBytes))
  t.throws(() => readAnnouncements(worst), { code: 'INVALID' })
  for (const file of ['MAC,MAC,Location\n1,2,3\n', '"MAC,Location\nx,y\n', 'Colour\nred\n', ' \n\t\n']) {
    t.throws(() => readAnnouncements(Buffer.from(file)), { code: 'INVALID' }, JSON.stringify(file))
  }
})

t.test('random bytes are refused or explained, never thrown over', async (t) => {
  let seed = 7
  const next = (below: number): number => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff
    return seed % below
  }
  const pieces = [
    '"',
    ',',
    ';',
    '\t',
    '\r',
    '\n',
    '00156500000',
    '1',
    'MAC',
    'Location',
    '\0',
    'é',
    '\uFEFF',
    "'=",
    'sep=',
    '*',
  ]
  let explained = 0
  for (let round = 0; round < 2000; round++) {
    const file = Array.from({ length: next(30) }, () => pieces[next(pieces.length)]).join('')
    try {
      explained += judge(`MAC,Location\n${file}`).length
    } catch (error) {
      t.match((error as { code: string }).code, /^(INVALID|TOO_LARGE)$/, JSON.stringify(file))
    }
  }
  t.ok(explained > 1000, `${explained} rows were explained`)
})

t.test('no cell of ours is a formula', async (t) => {
  for (const text of ['=1+1', '+1', '-1', '@x', '\t=1', ' =1', '\r=1'])
    t.match(csvCell(text), /^"?'/, JSON.stringify(text))
  t.equal(csvCell('Lobby, left'), '"Lobby, left"')
  t.equal(csvCell('the "west"'), '"the ""west"""')
  t.equal(csvCell('*55*12345678'), '*55*12345678')
  t.equal(csvCell('Lobby'), 'Lobby')
})
