import t from 'tap'
import { readHandsetCsv } from '#src/dect/read-handset-csv.ts'
import { openStore } from '#src/store/open-store.ts'
import { someBinding, someUser, temporaryDirectory, testKey } from '#test/store/store-fixture.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { threadCpuMs } from '#test/support/cpu-time.ts'
import { someIpei, startTestDect } from './dect-fixture.ts'

t.test('a server is added by MAC and model, once', async (t) => {
  const { dect, server, store } = startTestDect(t)
  t.match(server, { kind: 'dect-server', mac: '0090330a0b0c', vendor: 'Spectralink', state: 'onboarded' })
  t.strictSame(store.devices.findByMac('0090330a0b0c'), server)
  t.throws(() => dect.servers.add({ label: 'Again', mac: '0090.330a.0b0c', model: 'IP-DECT Server 200' }), {
    code: 'CONFLICT',
    details: { field: 'mac' },
    message: /Ward DECT/,
  })
  t.throws(() => dect.servers.add({ label: 'X', mac: '0090330a0b0d', model: '7202' }), { code: 'INVALID' })
  t.strictSame(
    dect.servers.models().map(({ model }) => model),
    ['IP-DECT Server 200', 'IP-DECT Server 400', 'IP-DECT Server 6500', 'Virtual IP-DECT Server One'],
  )
})

t.test('handsets become devices with one line each, secrets of their own, and an access code', async (t) => {
  const { dect, store, server, changed } = startTestDect(t)
  const added = await dect.handsets.add(server.id, [
    { ipei: '57005 0782068 7', label: ' Ward 3 ', extension: '203' },
    { ipei: someIpei(1), label: 'Ward 4' },
  ])
  t.equal(added.length, 2)
  t.match(added[0], {
    device: { kind: 'dect-handset', ipei: '5700507820687', parentId: server.id, label: 'Ward 3' },
    line: { label: '203', username: /^bl\d{6}$/ },
    extension: '203',
    state: 'announced',
    registered: false,
  })
  t.match(added[1], { line: { label: 'Ward 4' }, extension: undefined })
  t.strictSame(store.lines.listByDevice(server.id), [], 'the server itself has no line')
  const [first, second] = added.map(({ device, line }) => ({
    password: store.lines.password(line.id),
    code: dect.handsets.accessCode(device.id),
  }))
  t.match(first, { password: /^\w{16}$/, code: /^\d{6}$/ })
  t.not(first?.password, second?.password)
  t.strictSame(changed, [server.id], 'one change of its files for both')
})

t.test('a list is taken as a whole or not at all, and every problem is told', async (t) => {
  const { dect, store, server, changed } = startTestDect(t)
  await dect.handsets.add(server.id, [{ ipei: someIpei(0), label: 'First', extension: '200' }])
  const refused = dect.handsets.add(server.id, [
    { ipei: someIpei(1), label: 'Good', extension: '201' },
    { ipei: someIpei(0), label: 'Known' },
    { ipei: someIpei(1), label: 'Twice' },
    { ipei: '57005 0782068 1', label: 'Check' },
    { ipei: someIpei(2), label: ' ' },
    { ipei: someIpei(3), label: 'x'.repeat(61) },
    { ipei: someIpei(4), label: 'a\nb' },
    { ipei: someIpei(5), label: 'Taken', extension: '200' },
    { ipei: someIpei(6), label: 'Same', extension: '201' },
    { ipei: someIpei(7), label: 'Help', extension: '112' },
    { ipei: someIpei(8), label: 'Help from outside', extension: '0112' },
    { ipei: someIpei(9), label: 'Letters', extension: '20a' },
  ])
  await t.rejects(refused, {
    code: 'INVALID',
    message: '11 things are wrong in the list; nothing was added.',
    details: {
      problems: [
        { row: 2, field: 'ipei', text: /“First” has this IPEI/ },
        { row: 3, field: 'ipei', text: /Row 1 has this IPEI/ },
        { row: 4, field: 'ipei', text: /check character/ },
        { row: 5, field: 'label', text: /missing/ },
        { row: 6, field: 'label', text: /longer than 60/ },
        { row: 7, field: 'label', text: /no display/ },
        { row: 8, field: 'extension', text: /Another phone/ },
        { row: 9, field: 'extension', text: /Row 1 has this extension/ },
        { row: 10, field: 'extension', text: /emergency/ },
        { row: 11, field: 'extension', text: /emergency/ },
        { row: 12, field: 'extension', text: /one to six digits/ },
      ],
    },
  })
  t.equal(store.devices.listChildren(server.id).length, 1)
  t.equal(store.lines.list().length, 1)
  t.equal(changed.length, 1, 'nothing changed')
})

t.test('when the store refuses in the middle nothing stays', async (t) => {
  const { dect, store, server } = startTestDect(t)
  const add = store.lines.add.bind(store.lines)
  let calls = 0
  store.lines.add = (line, password) => {
    if (++calls === 3) throw new Error('disk full')
    add(line, password)
  }
  const handsets = [0, 1, 2, 3].map((index) => ({ ipei: someIpei(index), label: `H${index}` }))
  await t.rejects(dect.handsets.add(server.id, handsets), { message: 'disk full' })
  t.strictSame(store.devices.listChildren(server.id), [])
  t.strictSame(store.lines.list(), [])
  store.lines.add = add
  t.equal((await dect.handsets.add(server.id, handsets)).length, 4, 'the same list is taken afterwards')
})

t.test(
  'a handset that a power cut left without a line hides no other, and is gone at the next start',
  async (t) => {
    const { dect, store, server } = startTestDect(t)
    await dect.handsets.add(server.id, [{ ipei: someIpei(0), label: 'Whole' }])
    const add = store.lines.add.bind(store.lines)
    const remove = store.devices.remove.bind(store.devices)
    store.lines.add = () => {
      throw new Error('power cut')
    }
    store.devices.remove = () => undefined
    await t.rejects(dect.handsets.add(server.id, [{ ipei: someIpei(1), label: 'Half' }]))
    store.lines.add = add
    store.devices.remove = remove
    t.equal(store.devices.listChildren(server.id).length, 2)
    t.strictSame(
      dect.handsets.list(server.id).map(({ device }) => device.label),
      ['Whole'],
    )
    const half = store.devices.findByIpei(someIpei(1))?.id ?? ''
    dect.start()
    t.equal(store.devices.find(half), undefined)
    t.equal(store.secrets.get(`dect.accessCode.${half}`), undefined)
    t.equal((await dect.handsets.add(server.id, [{ ipei: someIpei(1), label: 'Half' }])).length, 1)
  },
)

t.test('a name of digits is an extension, and judged as one', async (t) => {
  const { dect, server } = startTestDect(t)
  const [first, second] = await dect.handsets.add(server.id, [
    { ipei: someIpei(0), label: '203' },
    { ipei: someIpei(1), label: 'Ward' },
  ])
  if (!first || !second) throw new Error('two were added')
  t.equal(first.extension, '203')
  const one = (label: string) => dect.handsets.add(server.id, [{ ipei: someIpei(2), label }])
  await t.rejects(one('203'), {
    code: 'INVALID',
    details: { problems: [{ field: 'label', text: /has this extension/ }] },
  })
  await t.rejects(one('0112'), {
    code: 'INVALID',
    details: { problems: [{ field: 'label', text: /emergency/ }] },
  })
  const rename = (label: string) => dect.handsets.rename(second.device.id, { label, extension: undefined })
  t.throws(() => rename('203'), { code: 'INVALID', details: { field: 'label' } })
  t.throws(() => rename('9110'), { code: 'INVALID', details: { field: 'label' } })
  t.equal(rename('204').extension, '204')
  t.equal(rename('204').extension, '204', 'its own')
  await t.rejects(
    dect.handsets.add(server.id, [
      { ipei: someIpei(3), label: '205' },
      { ipei: someIpei(4), label: 'B', extension: '205' },
    ]),
    { code: 'INVALID', details: { problems: [{ row: 2, field: 'extension', text: /Row 1/ }] } },
  )
})

t.test('one handset goes, the others stay as they are', async (t) => {
  const { dect, store, server, changed, clock } = startTestDect(t)
  const added = await dect.handsets.add(
    server.id,
    [0, 1, 2].map((index) => ({ ipei: someIpei(index), label: `H${index}`, extension: String(200 + index) })),
  )
  for (const { line } of added) {
    const binding = someBinding({ aor: line.username, expiresAtMs: clock.nowMs() + 60_000 })
    await store.bindings.change(line.username, clock.nowMs(), () => [binding])
  }
  const [first, second, third] = added
  if (!first || !second || !third) throw new Error('three were added')
  dect.handsets.remove(second.device.id)
  t.equal(store.devices.find(second.device.id), undefined)
  t.equal(store.lines.findByUsername(second.line.username), undefined)
  t.equal(store.lines.secrets(second.line.username), undefined, 'nothing can prove to be it')
  t.strictSame(store.bindings.find(second.line.username, clock.nowMs()), [])
  t.equal(store.secrets.get(`dect.accessCode.${second.device.id}`), undefined, 'its code is gone as well')
  t.throws(() => dect.handsets.accessCode(second.device.id), { code: 'NOT_FOUND' })
  t.throws(() => dect.handsets.remove(second.device.id), { code: 'NOT_FOUND' })
  t.strictSame(
    dect.handsets.list(server.id).map(({ device, state }) => [device.label, state]),
    [
      ['H0', 'registered'],
      ['H2', 'registered'],
    ],
  )
  t.strictSame(changed, [server.id, server.id])
  const again = await dect.handsets.add(server.id, [{ ipei: someIpei(1), label: 'Back', extension: '201' }])
  t.not(again[0]?.line.username, second.line.username, 'it comes back with another account')
})

t.test('a handset that the disk does not let go keeps all that it had', async (t) => {
  const { dect, store, server } = startTestDect(t)
  const [handset] = await dect.handsets.add(server.id, [{ ipei: someIpei(0), label: 'H' }])
  const id = handset?.device.id ?? ''
  const code = dect.handsets.accessCode(id)
  store.devices.remove = () => {
    throw new Error('disk full')
  }
  t.throws(() => dect.handsets.remove(id), { message: 'disk full' })
  t.equal(dect.handsets.accessCode(id), code)
})

t.test('a server takes its handsets and their secrets with it', async (t) => {
  const { dect, store, server } = startTestDect(t)
  const [handset] = await dect.handsets.add(server.id, [{ ipei: someIpei(0), label: 'H' }])
  dect.subscription.open(server.id, 60_000)
  const code = store.secrets.get(`dect.accessCode.${handset?.device.id}`)
  const remove = store.devices.remove.bind(store.devices)
  store.devices.remove = () => {
    throw new Error('disk full')
  }
  t.throws(() => dect.servers.remove(server.id), { message: 'disk full' })
  t.equal(store.secrets.get(`dect.accessCode.${handset?.device.id}`), code, 'all or nothing')
  t.ok(dect.subscription.find(server.id))
  store.devices.remove = remove
  dect.servers.remove(server.id)
  t.strictSame(store.devices.list(), [])
  t.equal(store.secrets.get(`dect.accessCode.${handset?.device.id}`), undefined)
  t.equal(dect.subscription.find(server.id), undefined)
  t.throws(() => dect.configuration.viewOf(server.id), { code: 'NOT_FOUND' })
  await t.rejects(dect.handsets.add(server.id, [{ ipei: someIpei(0), label: 'H' }]), { code: 'NOT_FOUND' })
})

t.test('a handset gets another name and extension and keeps its account', async (t) => {
  const { dect, store, server, changed } = startTestDect(t)
  const [handset, other] = await dect.handsets.add(server.id, [
    { ipei: someIpei(0), label: 'H', extension: '200' },
    { ipei: someIpei(1), label: 'O', extension: '201' },
  ])
  if (!handset || !other) throw new Error('two were added')
  const { id } = handset.device
  const renamed = dect.handsets.rename(id, { label: 'Night', extension: '200' })
  t.match(renamed, { device: { label: 'Night' }, extension: '200', line: { id: handset.line.id } })
  t.match(dect.handsets.rename(id, { label: 'Night', extension: undefined }), { line: { label: 'Night' } })
  t.throws(() => dect.handsets.rename(id, { label: 'Night', extension: '201' }), {
    code: 'INVALID',
    details: { field: 'extension' },
  })
  t.throws(() => dect.handsets.rename(id, { label: '', extension: undefined }), {
    code: 'INVALID',
    details: { field: 'label' },
  })
  t.throws(() => dect.handsets.rename(server.id, { label: 'x', extension: undefined }), { code: 'NOT_FOUND' })
  t.equal(store.lines.find(handset.line.id)?.username, handset.line.username)
  t.equal(changed.length, 3)
})

t.test('how far a handset has come', async (t) => {
  const { dect, store, server, clock } = startTestDect(t)
  const [handset] = await dect.handsets.add(server.id, [{ ipei: someIpei(0), label: 'H' }])
  if (!handset) throw new Error('one was added')
  const { line, device } = handset
  const state = (): string | undefined => dect.handsets.list(server.id)[0]?.state
  t.equal(state(), 'announced')
  const binding = someBinding({ aor: line.username, expiresAtMs: clock.nowMs() + 60_000 })
  await store.bindings.change(line.username, clock.nowMs(), () => [binding])
  store.devices.noteSeen(device.id, clock.nowMs())
  t.equal(state(), 'registered')
  const user = someUser({ displayName: 'Anna', number: '+493055501001' })
  store.users.save(user)
  store.signIns.save({ lineId: line.id, userId: user.id, signedInAtMs: 1, verifiedAtMs: 1 }, user, '{}')
  t.equal(state(), 'signed-in')
  t.match(dect.configuration.viewOf(server.id).lines, [
    { displayName: 'Anna', signedIn: { displayName: 'Anna', number: '+493055501001' }, label: 'H' },
  ])
  store.signIns.remove(line.id)
  clock.advance(61_000)
  t.equal(state(), 'subscribed', 'it registered once and is away')
})

t.test('what a server is configured from keeps its order and leaves out who is off-boarded', async (t) => {
  const { dect, store, server, clock } = startTestDect(t)
  for (const [index, label] of ['Zoe', 'Mia', 'Ada'].entries()) {
    await dect.handsets.add(server.id, [{ ipei: someIpei(index), label }])
    clock.advance(1000)
  }
  const labels = (): string[] => dect.configuration.viewOf(server.id).lines.map(({ label }) => label)
  t.strictSame(labels(), ['Zoe', 'Mia', 'Ada'])
  const mia = store.devices.findByIpei(someIpei(1))
  if (!mia) throw new Error('Mia is there')
  dect.handsets.rename(mia.id, { label: 'Bea', extension: undefined })
  t.strictSame(labels(), ['Zoe', 'Bea', 'Ada'])
  store.devices.save({ ...mia, state: 'off-boarded' })
  t.strictSame(labels(), ['Zoe', 'Ada'])
  t.match(dect.configuration.viewOf(server.id).lines[0], {
    ipei: /^57005 0001000 [\d*]$/,
    accessCode: /^\d{6}$/,
  })
})

t.test('everything survives a restart', async (t) => {
  const dataDir = temporaryDirectory(t)
  const clock = new FakeClock()
  const open = () =>
    openStore({ dataDir, sealKey: testKey, realm: 'branchline', clock, logger: new MemoryLogger() })
  const before = open()
  const first = startTestDect(t, { store: before, clock })
  const [handset] = await first.dect.handsets.add(first.server.id, [
    { ipei: someIpei(0), label: 'H', extension: '200' },
  ])
  const view = first.dect.configuration.viewOf(first.server.id)
  await before.close()
  const after = open()
  t.teardown(() => after.close())
  const second = startTestDect(t, { store: after, clock })
  t.strictSame(second.dect.configuration.viewOf(first.server.id), view)
  t.strictSame(second.dect.handsets.list(first.server.id), [handset])
})

t.test('a thousand handsets are listed and rendered in a moment', async (t) => {
  const { dect, server } = startTestDect(t)
  const handsets = Array.from({ length: 1000 }, (_, index) => ({ ipei: someIpei(index), label: `H${index}` }))
  await dect.handsets.add(server.id, handsets)
  const startMs = threadCpuMs()
  t.equal(dect.handsets.list(server.id).length, 1000)
  t.equal(dect.configuration.viewOf(server.id).lines.length, 1000)
  const tookMs = threadCpuMs() - startMs
  t.ok(tookMs < 1500, `${Math.round(tookMs)} ms`)
})

t.test('a pasted list is read however its columns are parted and named', async (t) => {
  const rows = [
    { ipei: '57005 0782068 7', label: 'Ward 3', extension: '203', row: 2 },
    { ipei: '57005 0782069', label: 'Ward, 4', extension: undefined, row: 4 },
  ]
  const table = [
    'IPEI,Name,Extension\n57005 0782068 7,Ward 3,203\n\n57005 0782069,"Ward, 4"\n',
    '\ufeffname;number;ipei\r\nWard 3;203;57005 0782068 7\r\n;;\r\nWard, 4;;57005 0782069\r\n',
    'Number\tIPEI/IPDI\tDisplay Name\n203\t57005 0782068 7\tWard 3\n\n\t57005 0782069\tWard, 4',
  ]
  for (const text of table) t.strictSame(readHandsetCsv(text), { handsets: rows, problems: [] }, text)
  t.strictSame(
    readHandsetCsv('57005 0782068 7;Ward 3;203').handsets,
    [{ ipei: '57005 0782068 7', label: 'Ward 3', extension: '203', row: 1 }],
    'without names the order is IPEI, name, extension',
  )
})

t.test('a list that cannot be read says where', async (t) => {
  const table: [string, number, RegExp][] = [
    ['', 1, /empty/],
    ['\n \n', 1, /empty/],
    ['IPEI,Name\n', 1, /nothing below/],
    ['Name,Number\nWard,203', 1, /No column is named IPEI/],
    ['57005 0782068 7,Ward 3\n57005 0782069 8,"Ward 4\n', 2, /quotes/],
    ['1,x\n'.repeat(1001), 1001, /at most 1000/],
    ['1'.repeat(60_001), 1, /longer than 60000/],
  ]
  for (const [text, row, problem] of table) {
    const { handsets, problems } = readHandsetCsv(text)
    t.strictSame(handsets, [])
    t.match(problems, [{ field: 'row', text: problem }], text.slice(0, 30))
    t.equal(problems[0]?.row, row)
  }
})
