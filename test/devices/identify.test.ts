import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { seenUserAgents } from '#src/devices/evidence/user-agents.ts'
import { identifyDevice, type IdentifiedDevice } from '#src/devices/identify.ts'
import { expectations } from './user-agent-expectations.ts'

const root = join(import.meta.dirname, '../..')
const fixture = readFileSync(join(root, 'test/fixtures/user-agents.tsv'), 'utf8')
const rows = fixture
  .trimEnd()
  .split('\n')
  .slice(1)
  .map((line) => {
    const [vendor = '', model = '', http = '', sip = ''] = line.split('\t')
    return { name: `${vendor} ${model}`, http: http.trim(), sip: sip.trim() }
  })

const shown = (device: IdentifiedDevice | undefined): unknown =>
  device && {
    vendor: device.vendor,
    model: device.model ?? '-',
    family: device.family ?? '-',
    mac: device.mac ?? '-',
    firmware: device.firmware ?? '-',
  }

t.test('every User-Agent of the facts is identified', async (t) => {
  t.equal(rows.length, 51)
  t.equal(expectations.length, rows.length)
  for (const [index, { name, http, sip }] of rows.entries()) {
    const device = identifyDevice({ userAgent: http || undefined, sipUserAgent: sip || undefined })
    t.same(shown(device), expectations[index], name)
    t.equal(device?.grade, http ? 'user-agent' : 'sip-user-agent')
    t.equal(device?.from.mac, device?.mac && device.grade)
    t.equal(device?.conflict, undefined)
  }
  const original = join(root, '../shared/facts/user-agents.tsv')
  if (existsSync(original)) t.equal(fixture, readFileSync(original, 'utf8'), 'the fixture is the original')
})

t.test('the texts that stand beside the patterns are read by them', async (t) => {
  const complete = seenUserAgents.filter((text) => !text.includes('<'))
  t.ok(complete.length >= 20)
  for (const text of complete) t.ok(identifyDevice({ userAgent: text }), text)
})

t.test('forms that the facts describe beside their table', async (t) => {
  const forms: [string, Partial<IdentifiedDevice>][] = [
    ['Yealink SIP-T46S 66.85.0.5 001565AABBCC', { model: 'T46S', mac: '001565aabbcc' }],
    ['Yealink  SIP-T46S 66.85.0.5  00:15:65:aa:bb:cc', { model: 'T46S', mac: '001565aabbcc' }],
    [
      'FileTransport PolyCCX-CCX_500-UA/9.4.1.0508 (SN:64167f9f4c90) Type/Application',
      { model: 'CCX 500', mac: '64167f9f4c90', firmware: '9.4.1.0508' },
    ],
    [
      'Cisco-CP-8865-3PCC/12.0.3_dcf719f39350_11111111-2222-3333-4444-555555555555_' +
        '11111111-2222-3333-4444-555555555556',
      { model: '8865', mac: 'dcf719f39350', firmware: '12.0.3' },
    ],
    ['Cisco/ATA191-MPP-11-1-0-MSR4 (FCH2443D9R4)', { model: 'ATA191', family: 'cisco-ata' }],
    ['Cisco-ATA191-MPP/11-1-0MSR3-9', { model: 'ATA191', firmware: '11-1-0MSR3-9' }],
    [
      'AUDC-IPPhone/2.0.0_build_15 (420HD; 00908F3BBCBA)',
      { model: '420HD', firmware: '2.0.0_build_15', mac: '00908f3bbcba' },
    ],
    [
      'Mozilla/4.0 (compatible; AudioCodes; MP-112;6.60A.367.001;00908F123456;site)',
      { model: 'MP-112', family: 'audc-mp', firmware: '6.60A.367.001' },
    ],
    ['Spectralink IP-DECT Server 400 PCS22Ab', { vendor: 'Spectralink', firmware: 'PCS22Ab' }],
  ]
  for (const [userAgent, expected] of forms) t.match(identifyDevice({ userAgent }), expected, userAgent)
})

t.test('a path tells what its name tells, below any prefix and in both letter cases', async (t) => {
  const paths: [string, Partial<IdentifiedDevice>][] = [
    ['/001565aabbcc.boot', { vendor: 'Yealink', mac: '001565aabbcc', grade: 'path' }],
    ['/some/where/001565AABBCC.cfg', { vendor: 'Yealink', mac: '001565aabbcc', grade: 'mac-prefix' }],
    ['/y000000000066.cfg', { vendor: 'Yealink', model: 'T46S', family: 'yealink', mac: undefined }],
    ['/y000000000107.cfg', { vendor: 'Yealink', model: 'T43U' }],
    ['/y000000000095.cfg', { vendor: 'Yealink', model: undefined }],
    ['/y000000000000.boot', { vendor: 'Yealink', model: undefined }],
    ['/lang_de/64167f000001-phone.cfg', { vendor: 'Poly', mac: '64167f000001' }],
    ['/000000000000.cfg', { vendor: 'Poly', mac: undefined }],
    ['/CP-8841-3PCC.xml', { vendor: 'Cisco', model: '8841', family: 'cisco-mpp' }],
    ['/8841-3PCC.xml', { vendor: 'Cisco', model: '8841' }],
    ['/ata191.cfg', { vendor: 'Cisco', model: 'ATA191', family: 'cisco-ata' }],
    ['/00908F9D8992.cfg', { vendor: 'AudioCodes', mac: '00908f9d8992' }],
    ['/440HD.img', { vendor: 'AudioCodes', model: '440HD' }],
    ['/00908f9d8992.ini', { vendor: 'AudioCodes', mac: '00908f9d8992' }],
    ['/009033010203-config.xml', { vendor: 'Spectralink', mac: '009033010203' }],
    ['/snomM900-000413B60680.htm', { vendor: 'Snom', mac: '000413b60680' }],
  ]
  for (const [path, expected] of paths) {
    const device = identifyDevice({ path })
    for (const [field, value] of Object.entries(expected)) {
      t.equal(device?.[field as keyof IdentifiedDevice], value, `${path}: ${field}`)
    }
  }
})

t.test(
  'evidence is put together: the User-Agent names the model, the path or the query the MAC',
  async (t) => {
    const poly = identifyDevice({
      path: '/p/64167f9f4c90.cfg',
      userAgent: 'FileTransport PolycomVVX-VVX_450-UA/5.9.1.0615 Type/Application',
    })
    t.match(poly, { model: 'VVX450', mac: '64167f9f4c90', grade: 'user-agent', conflict: undefined })
    t.same(poly?.from, { vendor: 'user-agent', model: 'user-agent', mac: 'path', firmware: 'user-agent' })
    const ata = identifyDevice({
      path: '/ata191.cfg',
      query: 'mac=6C:41:0E:11:22:33',
      userAgent: 'Cisco/ATA191-MPP-11-1-0-MSR4 (FCH2443D9R4)',
    })
    t.match(ata, { model: 'ATA191', mac: '6c410e112233', from: { mac: 'query' } })
  },
)

t.test('plug and play', async (t) => {
  t.match(
    identifyDevice({
      sipUserAgent: 'Yealink W52P 25.81.0.10',
      pnp: { vendor: 'yealink', model: 'W52P', version: '25.81.0.10', uri: 'sip:MAC001565f4f9e1@224.0.1.75' },
    }),
    { model: 'W52P', mac: '001565f4f9e1', firmware: '25.81.0.10', conflict: undefined },
  )
  t.match(
    identifyDevice({
      pnp: {
        vendor: 'Yealink',
        model: 'T46S',
        version: '66.85.0.5',
        uri: 'sip:MAC%3a001565f4f9e1@224.0.1.75',
      },
    }),
    { model: 'T46S', mac: '001565f4f9e1', grade: 'pnp' },
  )
  t.match(
    identifyDevice({
      pnp: { vendor: 'AudioCodes', model: '440HD', version: '2.2.2', uri: 'sip:224.0.1.75:5060' },
    }),
    { vendor: 'AudioCodes', model: '440HD', mac: undefined, firmware: '2.2.2' },
  )
  t.equal(identifyDevice({ pnp: { vendor: 'Nobody', model: 'X1', version: '1.0' } }), undefined)
})

t.test('a verified certificate outranks what the request says', async (t) => {
  const device = identifyDevice({
    certificateSubject: 'OU=CP-8841-3PCC, L=FCH1234ABCD, S=00562b043615',
    userAgent: 'Cisco-CP-7841-3PCC/11.0 (00562b043615)',
  })
  t.match(device, { model: '8841', mac: '00562b043615', grade: 'certificate', conflict: undefined })
  t.match(identifyDevice({ certificateSubject: 'C=US\nO=Polycom Inc.\nCN=64167F9F4C90' }), {
    vendor: 'Poly',
    mac: '64167f9f4c90',
  })
  t.equal(identifyDevice({ certificateSubject: 'CN=64167F9F4C90' }), undefined, 'a MAC alone names no maker')
  t.equal(identifyDevice({ certificateSubject: 'O=constructor, CN=64167F9F4C90' }), undefined)
})

t.test('evidence that contradicts itself is reported', async (t) => {
  const twoMacs = identifyDevice({
    path: '/001565000002.cfg',
    userAgent: 'Yealink SIP-T46S 66.85.0.5 00:15:65:00:00:01',
  })
  t.same(twoMacs?.conflict, { field: 'mac', values: ['001565000001', '001565000002'] })
  const stolen = identifyDevice({
    certificateSubject: 'OU=CP-8841-3PCC, S=00562b043615',
    query: 'mac=00562b043616',
  })
  t.same(stolen?.conflict, { field: 'mac', values: ['00562b043615', '00562b043616'] })
  const twoVendors = identifyDevice({
    path: '/001565000001.boot',
    userAgent: 'Cisco-CP-8841-3PCC/11.0 (001565000001)',
  })
  t.same(twoVendors?.conflict, { field: 'vendor', values: ['Cisco', 'Yealink'] })
  const foreignPrefix = identifyDevice({ userAgent: 'Yealink SIP-T46S 66.85.0.5 00:90:8f:00:00:01' })
  t.same(foreignPrefix?.conflict, { field: 'vendor', values: ['Yealink', 'AudioCodes'] })
  const unlisted = identifyDevice({ userAgent: 'Yealink SIP-T46S 66.85.0.5 d8:11:22:00:00:01' })
  t.equal(unlisted?.conflict, undefined, 'a prefix that the list has not contradicts nothing')
})
