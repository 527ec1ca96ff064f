import t from 'tap'
import { someDevice, someLine } from '#test/store/store-fixture.ts'
import { TestProvisioning, ownFolder } from './provisioning-fixture.ts'

const mac = '805ec0a1b2c3'

t.test('what no device sent is left to others; what a device sent is never redirected', async (t) => {
  const box = new TestProvisioning(t)
  const browser = { headers: { 'user-agent': 'Mozilla/5.0' } }
  t.equal(await box.ask('/', browser), undefined)
  t.equal(await box.ask('/favicon.ico', browser), undefined)
  t.equal(await box.ask('/unknown.cfg', browser), undefined)
  t.equal((await box.ask('/unknown.cfg'))?.status, 404, 'a phone gets a 404')
  t.equal(
    (await box.ask('/snomM900-000413a1b2c3.htm', { headers: { 'user-agent': 'x' } }))?.status,
    404,
    'no files of its kind',
  )
  t.strictSame(box.store.devices.list(), [])
})

t.test('a new phone: found, with a line of its own, and no secret over plain HTTP', async (t) => {
  const box = new TestProvisioning(t)
  const boot = await box.ask(`/any/prefix/${mac.toUpperCase()}.boot`)
  t.match(boot, { status: 200, headers: { 'content-type': /^text\/plain/ } })
  t.match(box.store.devices.findByMac(mac), {
    state: 'found',
    kind: 'phone',
    label: 'Yealink T46S (a1b2c3)',
    vendor: 'Yealink',
    model: 'T46S',
    firmware: '66.86.0.15',
  })
  const [line] = box.store.lines.list()
  t.match(line, { username: /^bl\d{8}$/, label: 'Yealink T46S (a1b2c3)' })
  const password = box.store.lines.password(line?.id ?? '') ?? 'none'
  const access = box.store.deviceAccess.find(box.deviceId(mac))
  const bodies = []
  for (const name of [`${mac}.boot`, 'y000000000066.cfg', `${mac}.cfg`]) {
    bodies.push((await box.ask(`/${name}`, { mac }))?.body)
  }
  const all = bodies.join('')
  t.match(all, 'http://box.example:8080/ca.pem')
  t.match(all, `https://box.example:8443/device/${box.deviceId(mac)}/${access?.token}/`)
  for (const secret of [password, line?.username ?? '', access?.adminPassword ?? '']) t.notMatch(all, secret)
  t.match(box.store.deviceAccess.find(box.deviceId(mac)), {
    handedOverTo: '192.0.2.10',
    fetchedAtMs: undefined,
  })
})

t.test('a request that contradicts itself, or asks for nothing of ours, finds nobody', async (t) => {
  const box = new TestProvisioning(t)
  const requests: [string, Parameters<TestProvisioning['ask']>[1]][] = [
    [`/${mac}.cfg`, { mac: '805ec0ffffff' }],
    [`/${mac}.cfg`, { headers: { 'user-agent': 'PolyVVX-VVX_450-UA/6.4.3.5814_64167f9f4c90' } }],
    ['/ffffffffffff.cfg', {}],
    ['/000000000000.cfg', {}],
    [`/${mac}.rom`, { mac }],
    [`/${mac}-local.cfg`, { mac }],
    ['/y000000000066.cfg', {}],
    ['/deadbeef1234.cfg', { headers: { 'user-agent': 'Cisco-CP-7841-3PCC/11.3.7' } }],
  ]
  for (const [path, change] of requests) t.equal((await box.ask(path, change))?.status, 404, path)
  t.strictSame(box.store.devices.list(), [])
})

t.test('the first token is good at its address until the second has been used', async (t) => {
  const box = new TestProvisioning(t)
  const first = ownFolder(await box.ask(`/${mac}.cfg`))
  t.equal((await box.ask(`${first}${mac}.cfg`))?.status, 404, 'never over plain HTTP')
  t.equal((await box.askSecure(`${first}${mac}.cfg`, { remoteAddress: '192.0.2.11' }))?.status, 404)
  t.equal(ownFolder(await box.ask(`/${mac}.cfg`)), first, 'not used yet: the same address may ask again')
  const own = ownFolder(await box.askSecure(`${first}${mac}.cfg`))
  t.not(own, first)
  t.equal((await box.ask(`/${mac}.cfg`))?.status, 404, 'used: nobody may ask again')

  await box.restart()
  t.equal(ownFolder(await box.askSecure(`${first}${mac}.cfg`)), own, 'a restart in between changes nothing')
  t.equal(ownFolder(await box.askSecure(`${own}${mac}.cfg`)), own)
  t.equal((await box.askSecure(`${first}${mac}.cfg`))?.status, 404, 'from now on it is dead')
  t.equal(
    (await box.askSecure(`${own}${mac}.cfg`, { remoteAddress: '192.0.2.99' }))?.status,
    200,
    'DHCP may move it',
  )
  await box.restart()
  t.equal((await box.askSecure(`${own}${mac}.cfg`))?.status, 200)
})

t.test('a token opens the files of its own MAC only', async (t) => {
  const box = new TestProvisioning(t)
  const { own } = await box.plugIn(mac)
  const other = '805ec0a1b2c4'
  await box.plugIn(other)
  const get = async (path: string, change = {}): Promise<number | undefined> =>
    (await box.askSecure(path, change))?.status
  t.equal(await get(`${own}${mac.toUpperCase()}.CFG`), 200)
  t.equal(await get(`${own}${other}.cfg`), 404)
  t.equal(await get(`${own}${mac}.cfg`, { mac: other }), 404)
  t.equal(await get(own.replace(box.deviceId(mac), box.deviceId(other)) + `${other}.cfg`), 404)
  t.equal(await get(`${own}nothing.cfg`), 404)
  t.equal(await get(`${own}${mac}.cfg`, { method: 'PUT' }), 204)
  t.equal(await get(`${own}${mac}.cfg`, { method: 'DELETE' }), 405)
  t.match(await box.askSecure(`${own}${mac}.cfg`, { method: 'HEAD' }), { status: 200, body: '' })
})

t.test('HEAD hands nothing over', async (t) => {
  const box = new TestProvisioning(t)
  t.match(await box.ask(`/${mac}.cfg`, { method: 'HEAD', remoteAddress: '192.0.2.66' }), {
    status: 200,
    body: '',
  })
  t.match(ownFolder(await box.ask(`/${mac}.cfg`)), '/device/')
})

t.test('a phone that was added on the page is configured at once, one that is in use is not', async (t) => {
  const box = new TestProvisioning(t)
  const { store } = box
  store.devices.save(someDevice({ mac, label: 'Reception' }))
  store.lines.add(someLine(), 'typed in by hand')
  const { own } = await box.plugIn(mac)
  t.match(store.devices.findByMac(mac), { state: 'onboarded', vendor: 'Yealink', model: 'T46S' })
  t.match((await box.askSecure(`${own}${mac}.cfg`))?.body, /account\.1\.password = typed in by hand/)

  const inUse = '805ec0a1b2c4'
  store.devices.save(someDevice({ id: 'd2', mac: inUse, lastSeenAtMs: 5 }))
  store.lines.add(someLine({ id: 'l2', deviceId: 'd2', username: 'line2' }), 'secret')
  t.equal((await box.ask(`/${inUse}.cfg`))?.status, 404)
  t.equal(store.deviceAccess.find('d2'), undefined)
  t.match(box.provisioning.found.refused(), [{ deviceId: 'd2', from: '192.0.2.10', count: 1, why: 'in-use' }])
})

t.test('nobody gets the identity of a person by a MAC, not even with the admin’s leave', async (t) => {
  const box = new TestProvisioning(t)
  const { own } = await box.plugIn(mac)
  const lineId = box.signInOn(mac)
  const before = box.store.lines.password(lineId)
  await box.register(mac)
  t.equal((await box.ask(`/${mac}.boot`, { remoteAddress: '192.0.2.66' }))?.status, 404)
  t.equal((await box.ask(`/${mac}.boot`, { remoteAddress: '192.0.2.66' }))?.status, 404)
  t.match(box.provisioning.found.refused(), [{ from: '192.0.2.66', count: 2, why: 'in-use' }])
  t.match(
    box.store.audit.list({ limit: 10 }).map(({ action }) => action),
    ['device.configurationRefused'],
    'written down once',
  )
  // FakeSignIn forgets, as the real one would, who was on the line.
  box.store.signIns.remove(lineId)
  t.equal(await box.provisioning.found.allowAgain(box.deviceId(mac), 'admin'), true)
  t.match(box.signIn.actions, [`signOut ${lineId} admin`])
  t.not(box.store.lines.password(lineId), before, 'what an earlier holder knew is worth nothing')
  t.equal((await box.askSecure(`${own}${mac}.cfg`))?.status, 404, 'nor is the old address')
  t.strictSame(box.store.bindings.find(box.store.lines.find(lineId)?.username ?? '', box.clock.nowMs()), [])
  t.equal((await box.ask(`/${mac}.boot`))?.status, 404, 'only the address that asked')
  t.equal((await box.ask(`/${mac}.boot`, { remoteAddress: '192.0.2.66' }))?.status, 200)
})

t.test(
  'a disk that fails while a phone is allowed again never leaves an old password to be fetched',
  async (t) => {
    const box = new TestProvisioning(t)
    const { own } = await box.plugIn(mac)
    await box.askSecure(`${own}${mac}.cfg`)
    const setPassword = box.store.lines.setPassword.bind(box.store.lines)
    box.store.lines.setPassword = () => {
      throw new Error('disk full')
    }
    await t.rejects(box.provisioning.found.allowAgain(box.deviceId(mac), 'admin'), { message: 'disk full' })
    t.equal((await box.ask(`/${mac}.cfg`, { remoteAddress: '192.0.2.66' }))?.status, 404)
    t.equal((await box.askSecure(`${own}${mac}.cfg`))?.status, 200, 'who had it before keeps it')
    box.store.lines.setPassword = setPassword
    t.ok(await box.provisioning.found.allowAgain(box.deviceId(mac), 'admin'))
  },
)

t.test('a phone that lost its line to a power cut gets one when it asks again', async (t) => {
  const box = new TestProvisioning(t)
  const add = box.store.lines.add.bind(box.store.lines)
  const remove = box.store.devices.remove.bind(box.store.devices)
  box.store.lines.add = () => {
    throw new Error('power cut')
  }
  box.store.devices.remove = () => undefined
  t.equal((await box.ask(`/${mac}.boot`))?.status, 503)
  box.store.lines.add = add
  box.store.devices.remove = remove
  t.strictSame(box.store.lines.list(), [], 'the device stands without a line')
  await box.restart()
  const { own } = await box.plugIn(mac)
  t.match((await box.askSecure(`${own}${mac}.cfg`))?.body, /account\.1\.user_name = bl\d{8}/)
})

t.test('an off-boarded phone that was reset is a new one', async (t) => {
  const box = new TestProvisioning(t)
  const { own } = await box.plugIn(mac)
  const device = box.store.devices.findByMac(mac) ?? someDevice()
  const [line] = box.store.lines.listByDevice(device.id)
  const before = box.store.lines.password(line?.id ?? '')
  box.store.devices.save({ ...device, state: 'off-boarded' })
  t.equal((await box.askSecure(`${own}${mac}.cfg`))?.status, 404)
  const again = await box.plugIn(mac)
  t.not(again.own, own)
  t.equal(box.store.devices.findByMac(mac)?.state, 'found')
  t.not(box.store.lines.password(line?.id ?? ''), before)
})

t.test('the list of found phones is bounded, per address and in all', async (t) => {
  const box = new TestProvisioning(t)
  const nth = (index: number): string => `805ec1${index.toString(16).padStart(6, '0')}`
  let taken = 0
  for (let index = 0; index < 60; index++) {
    if ((await box.ask(`/${nth(index)}.boot`))?.status === 200) taken++
  }
  t.equal(taken, 50)
  t.equal(box.provisioning.found.list().length, 50)
  box.clock.advance(3_600_000)
  t.equal((await box.ask(`/${nth(59)}.boot`))?.status, 200, 'an hour later it may go on')
  await box.register(nth(0))
  for (let index = 100; index < 400; index++) {
    box.clock.advance(1)
    await box.ask(`/${nth(index)}.boot`, { remoteAddress: `192.0.2.${index % 250}` })
  }
  t.equal(box.provisioning.found.list().length, 200)
  t.ok(box.store.devices.findByMac(nth(0)), 'one that has registered stays')
  t.equal(box.store.devices.findByMac(nth(1)), undefined, 'the oldest that never did makes room')
  t.ok(box.store.devices.findByMac(nth(399)))
  const lines = box.logger.lines.filter(({ level }) => level === 'warn')
  t.ok(lines.length <= 20, `${lines.length} warnings`)
})

t.test(
  'while the window is open whatever asks is adopted; it closes by itself and with a restart',
  async (t) => {
    const box = new TestProvisioning(t)
    const events: string[] = []
    box.provisioning.on('windowChanged', ({ window }) => events.push(window ? 'open' : 'closed'))
    await box.plugIn('805ec0000001')
    const { own } = await box.plugIn('805ec0000002')
    const stateOf = (last: number): string | undefined =>
      box.store.devices.findByMac(`805ec000000${last}`)?.state
    box.provisioning.found.window.open(300_000, 'admin')
    t.strictSame([stateOf(1), stateOf(2)], ['onboarded', 'onboarded'], 'what waits already')
    await box.ask('/805ec0000003.boot')
    t.equal(stateOf(3), 'onboarded')
    box.clock.advance(300_000)
    t.equal(box.provisioning.found.window.current(), undefined)
    await box.ask('/805ec0000004.boot')
    t.equal(stateOf(4), 'found')
    t.strictSame(events, ['open', 'closed'])

    box.provisioning.found.window.open(300_000, 'admin')
    await box.restart()
    await box.ask('/805ec0000005.boot')
    t.equal(stateOf(5), 'found', 'a restarted box trusts nobody')
    t.match((await box.askSecure(`${own}805ec0000002.cfg`))?.body, /account\.1\.label = Yealink T46S/)
    const actions = box.store.audit.list({ limit: 50 }).map(({ action }) => action)
    t.equal(actions.filter((action) => action === 'adoption.open').length, 2)
    t.equal(actions.filter((action) => action === 'device.adopt').length, 4)
  },
)

t.test('switched off, or with a store that fails, it serves nothing and breaks nothing', async (t) => {
  const box = new TestProvisioning(t)
  const { own } = await box.plugIn(mac)
  box.settings.provisioning.enabled = false
  t.equal((await box.askSecure(`${own}${mac}.cfg`))?.status, 404)
  t.equal((await box.ask('/805ec0000001.boot'))?.status, 404)
  box.settings.provisioning.enabled = true
  await box.store.close()
  t.match(await box.ask('/805ec0000001.boot'), { status: 503, headers: { 'retry-after': '60' } })
  t.equal((await box.askSecure(`${own}${mac}.cfg`))?.status, 503)
})

t.test('a found phone is called by nobody: neither its label nor its MAC is a number', async (t) => {
  const box = new TestProvisioning(t)
  for (const last of ['123456', '000112']) {
    await box.ask(`/805ec0${last}.boot`, { headers: { 'user-agent': 'Yealink' } })
    await box.ask(`/805ec0${last}.boot`)
  }
  const labels = box.store.lines.list().map(({ label, username }) => `${label} ${username}`)
  t.equal(labels.length, 2)
  for (const line of box.store.lines.list()) {
    t.notMatch(line.label, /^\d+$/, line.label)
    t.match(line.username, /^bl/)
  }
})

t.test('a phone is told a name only when the certificate has it', async (t) => {
  const box = new TestProvisioning(t)
  const toldFor = async (last: string, reachedHost: string): Promise<string> =>
    /server\.url = (\S+?)\/device/.exec(
      (await box.ask(`/805ec000000${last}.cfg`, { reachedHost }))?.body ?? '',
    )?.[1] ?? ''
  t.equal(await toldFor('1', 'Box.Example'), 'https://Box.Example:8443')
  t.equal(
    await toldFor('2', 'phones.corp.example'),
    'https://192.0.2.1:8443',
    'else the address of the socket',
  )
  t.equal(await toldFor('3', '198.51.100.7'), 'https://198.51.100.7:8443')
  t.equal(await toldFor('4', '2001:db8::1'), 'https://[2001:db8::1]:8443')
})

t.test('a phone that does not answer does not hold up the end of the box', async (t) => {
  const box = new TestProvisioning(t)
  box.pbx.notify = () => new Promise(() => undefined)
  const { own } = await box.plugIn(mac)
  await box.askSecure(`${own}${mac}.cfg`)
  await box.register(mac)
  box.provisioning.found.adopt(box.deviceId(mac), 'admin')
  await box.settle()
  await box.provisioning.stop()
  t.pass('stopped')
})
