import t from 'tap'
import { addDevice, dayMs, hourMs, register, someAccess, startOnboarding } from './onboarding-fixture.ts'

const state = (box: Awaited<ReturnType<typeof startOnboarding>>, id: string): string | undefined =>
  box.store.devices.find(id)?.state

t.test('signed in: 30 days; signed out, onboarded or found: 14 days; not an hour earlier', async (t) => {
  const box = await startOnboarding(t)
  const { store, onboarding } = box
  addDevice(store, { id: 'in' }, 'anna')
  addDevice(store, { id: 'out', state: 'signed-out' })
  addDevice(store, { id: 'on', state: 'onboarded' })
  addDevice(store, { id: 'found', state: 'found', mac: '001565000001' })
  onboarding.start()
  await box.run(14 * 24 - 1)
  t.same(
    ['in', 'out', 'on', 'found'].map((id) => state(box, id)),
    ['signed-in', 'signed-out', 'onboarded', 'found'],
    '13 days and 23 hours',
  )
  await box.run(1)
  t.same(
    ['in', 'out', 'on', 'found'].map((id) => state(box, id)),
    ['signed-in', 'off-boarded', 'off-boarded', 'off-boarded'],
    '14 days',
  )
  await box.run(16 * 24 - 1)
  t.equal(state(box, 'in'), 'signed-in', '29 days and 23 hours')
  await box.run(1)
  t.equal(state(box, 'in'), 'off-boarded', '30 days')
  t.match(onboarding.offBoarded(), [
    { deviceId: 'in', reason: 'stale', text: 'Not seen for 30 days.' },
    { reason: 'stale', text: 'Not seen for 14 days.' },
    { reason: 'stale', text: 'Not seen for 14 days.' },
    { reason: 'stale', text: 'Not seen for 14 days.' },
  ])
})

t.test('the days are settings', async (t) => {
  const box = await startOnboarding(t)
  addDevice(box.store, { id: 'in' }, 'anna')
  addDevice(box.store, { id: 'out', state: 'signed-out' })
  box.onboarding.start()
  box.settings.provisioning.signedInStaleDays = 3
  box.settings.provisioning.signedOutStaleDays = 2
  await box.run(48)
  t.same([state(box, 'in'), state(box, 'out')], ['signed-in', 'off-boarded'])
  await box.run(24)
  t.equal(state(box, 'in'), 'off-boarded')
})

t.test('what the device fetches while it is off-boarded is worth nothing either', async (t) => {
  const box = await startOnboarding(t)
  const { store, onboarding } = box
  addDevice(store, { id: 'd', label: 'Lobby' }, 'anna')
  const change = store.bindings.change.bind(store.bindings)
  let fetched: string | undefined
  // While the disk is waited for, the phone comes for its configuration.
  store.bindings.change = (...args) => {
    fetched = store.lines.password('l-d')
    return change(...args)
  }
  await onboarding.offBoard('d', 'admin')
  t.not(fetched, undefined)
  t.not(store.lines.password('l-d'), fetched)
})

t.test('everything that the device knew is worth nothing any more', async (t) => {
  const box = await startOnboarding(t)
  const { store, onboarding, facts, logger } = box
  addDevice(store, { id: 'd', label: 'Lobby' }, 'anna')
  store.deviceAccess.save(someAccess({ deviceId: 'd' }))
  await register(box, 'd')
  const secrets = store.lines.secrets('u-d')
  onboarding.start()
  await box.run(31 * 24)
  t.equal(state(box, 'd'), 'off-boarded')
  t.equal(store.signIns.forLine('l-d'), undefined)
  t.equal(store.signIns.tokenCache('l-d'), undefined, 'the tokens are gone')
  t.same(store.bindings.find('u-d', 0), [], 'nobody is rung there')
  t.equal(store.deviceAccess.find('d'), undefined, 'the provisioning address is worth nothing')
  t.not(store.lines.password('l-d'), 'old secret')
  t.notSame(store.lines.secrets('u-d'), secrets, 'its digest is refused')
  t.same(facts, [{ name: 'deviceChanged', fact: { deviceId: 'd', change: 'off-boarded' } }])
  t.match(store.audit.list({ limit: 1 }), [
    {
      actor: 'system',
      action: 'device.offBoard',
      subject: 'd',
      details: { reason: 'stale', unseenDays: 30 },
    },
  ])
  t.ok(logger.lines.some(({ level, text }) => level === 'warn' && text === 'device off-boarded: Lobby'))
})

t.test(
  'a sign of life starts the time anew: a registration, or a configuration that was fetched',
  async (t) => {
    const box = await startOnboarding(t)
    const { store } = box
    for (const id of ['registers', 'fetches', 'silent']) addDevice(store, { id })
    store.deviceAccess.save(someAccess({ deviceId: 'fetches' }))
    box.onboarding.start()
    await box.run(13 * 24)
    await register(box, 'registers', 60_000)
    store.deviceAccess.noteFetched('fetches', box.clock.nowMs())
    await box.run(2 * 24)
    t.same(
      ['registers', 'fetches', 'silent'].map((id) => state(box, id)),
      ['onboarded', 'onboarded', 'off-boarded'],
    )
    await box.run(11 * 24)
    t.same([state(box, 'registers'), state(box, 'fetches')], ['onboarded', 'onboarded'])
    await box.run(25)
    t.same([state(box, 'registers'), state(box, 'fetches')], ['off-boarded', 'off-boarded'])
  },
)

t.test('whoever is registered or in a call is not stale, whatever was written of it', async (t) => {
  const box = await startOnboarding(t)
  const { store } = box
  addDevice(store, { id: 'registered', lastSeenAtMs: 5 })
  addDevice(store, { id: 'talks', lastSeenAtMs: 5 })
  await register(box, 'registered', 60 * dayMs)
  store.devices.save({ ...store.devices.find('registered')!, lastSeenAtMs: 5 })
  box.inCall = new Set(['l-talks'])
  box.onboarding.start()
  await box.run(40 * 24)
  t.same([state(box, 'registered'), state(box, 'talks')], ['onboarded', 'onboarded'])
  box.inCall = new Set()
  await box.run(13 * 24)
  t.equal(state(box, 'talks'), 'onboarded', 'its time began when it hung up')
  await box.run(2 * 24)
  t.equal(state(box, 'talks'), 'off-boarded')
})

t.test('a box that was off for 40 days off-boards nobody for that', async (t) => {
  const box = await startOnboarding(t)
  const { store } = box
  addDevice(store, { id: 'in' }, 'anna')
  addDevice(store, { id: 'out', state: 'signed-out' })
  addDevice(store, { id: 'gone', state: 'signed-out' })
  for (const id of ['in', 'out']) await register(box, id)
  box.onboarding.start()
  await box.run(10 * 24)
  for (const id of ['in', 'out']) await register(box, id)
  await box.run(1)
  await box.restart(40 * dayMs)
  t.same(
    ['in', 'out', 'gone'].map((id) => state(box, id)),
    ['signed-in', 'signed-out', 'signed-out'],
    'at the start',
  )
  await box.run(3 * 24)
  t.equal(state(box, 'gone'), 'signed-out', '13 days that the box was up, 53 on the calendar')
  await box.run(24)
  t.same(
    ['in', 'out', 'gone'].map((id) => state(box, id)),
    ['signed-in', 'signed-out', 'off-boarded'],
  )
})

t.test('a box that is restarted every night counts on', async (t) => {
  const box = await startOnboarding(t)
  addDevice(box.store, { id: 'out', state: 'signed-out' })
  box.onboarding.start()
  let days = 0
  for (; days < 20 && state(box, 'out') !== 'off-boarded'; days++) {
    await box.run(23)
    await box.clock.run(0.9 * hourMs)
    await box.restart(0.1 * hourMs)
  }
  t.equal(days, 15, 'a tenth of an hour is lost per night')
})

t.test('a wall clock that jumps off-boards nobody, in either direction', async (t) => {
  const box = await startOnboarding(t)
  const { store, clock } = box
  clock.setWall(1_000_000)
  addDevice(store, { id: 'in' }, 'anna')
  addDevice(store, { id: 'out', state: 'signed-out' })
  for (const id of ['in', 'out']) await register(box, id)
  box.onboarding.start()
  await box.run(2)
  for (const id of ['in', 'out']) await register(box, id)
  t.equal(store.devices.find('in')?.lastSeenAtMs, 1_000_000 + 2 * hourMs, 'seen in 1970, as the box believed')
  clock.setWall(1_790_000_000_000)
  await box.run(3)
  t.same([state(box, 'in'), state(box, 'out')], ['signed-in', 'signed-out'], 'the time was set: 2026')
  for (const id of ['in', 'out']) await register(box, id)
  clock.setWall(1_790_000_000_000 - 400 * dayMs)
  await box.run(3)
  clock.setWall(1_790_000_000_000 + 400 * dayMs)
  await box.run(10 * 24)
  t.same([state(box, 'in'), state(box, 'out')], ['signed-in', 'signed-out'], 'back and forth by years')
  await box.run(5 * 24)
  t.equal(state(box, 'out'), 'off-boarded', 'and the hours that really passed count all the same')
})

t.test('time in which phones could not register counts for nobody', async (t) => {
  const box = await startOnboarding(t)
  addDevice(box.store, { id: 'out', state: 'signed-out' })
  box.onboarding.start()
  await box.run(10 * 24)
  box.inCall = undefined
  await box.run(30 * 24)
  t.equal(state(box, 'out'), 'signed-out', 'the call side did not run')
  box.inCall = new Set()
  await box.run(4 * 24 - 1)
  t.equal(state(box, 'out'), 'signed-out')
  await box.run(2)
  t.equal(state(box, 'out'), 'off-boarded')
})

t.test('a machine that slept counts no more than two hours for it', async (t) => {
  const box = await startOnboarding(t)
  addDevice(box.store, { id: 'out', state: 'signed-out' })
  box.onboarding.start()
  await box.run(1)
  box.clock.advance(400 * dayMs)
  await box.run(1)
  t.equal(state(box, 'out'), 'signed-out')
})

t.test('handsets count by their own registration, their server by any of them', async (t) => {
  const box = await startOnboarding(t)
  const { store, onboarding } = box
  addDevice(store, { id: 'server', kind: 'dect-server', mac: '00087b000001' })
  const handset = { kind: 'dect-handset', parentId: 'server' } as const
  addDevice(store, { id: 'h1', ipei: '0358601234563', ...handset })
  addDevice(store, { id: 'h2', ipei: '0358601234571', ...handset }, 'ben')
  onboarding.start()
  for (let day = 0; day < 16; day++) {
    await register(box, 'h2', 60_000)
    await box.run(24)
  }
  t.same(
    ['server', 'h1', 'h2'].map((id) => state(box, id)),
    ['onboarded', 'off-boarded', 'signed-in'],
  )
  await box.run(29 * 24)
  t.same(
    [state(box, 'server'), state(box, 'h2')],
    ['onboarded', 'signed-in'],
    'a handset still has its place',
  )
  await box.run(2 * 24)
  t.same(
    [state(box, 'server'), state(box, 'h2')],
    ['off-boarded', 'off-boarded'],
    'the server goes with the last',
  )

  onboarding.bringBack('server', 'admin')
  t.same(
    ['server', 'h1', 'h2'].map((id) => state(box, id)),
    ['onboarded', 'onboarded', 'onboarded'],
  )
})

t.test(
  'the admin off-boards now, and brings back with other credentials and the whole time again',
  async (t) => {
    const box = await startOnboarding(t)
    const { store, onboarding, facts } = box
    addDevice(store, { id: 'd' }, 'anna')
    await register(box, 'd')
    onboarding.start()
    await box.run(13 * 24)
    await onboarding.offBoard('d', 'admin')
    t.match(onboarding.offBoarded(), [{ deviceId: 'd', reason: 'admin', text: 'Off-boarded by the admin.' }])
    await t.rejects(onboarding.offBoard('d', 'admin'), { code: 'CONFLICT' })
    const between = store.lines.password('l-d')
    await box.restart(0)
    t.match(box.onboarding.offBoarded(), [{ deviceId: 'd', reason: 'admin' }], 'remembered over a restart')
    box.onboarding.bringBack('d', 'admin')
    t.equal(state(box, 'd'), 'onboarded')
    t.not(store.lines.password('l-d'), between, 'new credentials')
    t.same(box.onboarding.offBoarded(), [])
    t.throws(() => box.onboarding.bringBack('d', 'admin'), { code: 'CONFLICT' })
    t.throws(() => box.onboarding.bringBack('none', 'admin'), { code: 'NOT_FOUND' })
    await t.rejects(box.onboarding.offBoard('none', 'admin'), { code: 'NOT_FOUND' })
    t.same(
      facts.map(({ fact }) => fact),
      [
        { deviceId: 'd', change: 'off-boarded' },
        { deviceId: 'd', change: 'brought-back' },
      ],
    )
    await box.run(13 * 24)
    t.equal(state(box, 'd'), 'onboarded')
    t.same(
      store.audit.list({ limit: 9 }).map(({ action, actor }) => `${action} ${actor}`),
      ['device.bringBack admin', 'device.offBoard admin'],
    )
  },
)

t.test('a record that cannot be read is counted anew, and off-boards nobody', async (t) => {
  const box = await startOnboarding(t)
  addDevice(box.store, { id: 'out', state: 'signed-out' })
  box.onboarding.start()
  await box.run(13 * 24)
  for (const broken of ['{', 'null', '{"version":9}', '{"version":1}']) {
    await box.restart(0, () => box.store.secrets.set('onboarding.absence', broken))
    await box.run(13 * 24)
    t.equal(state(box, 'out'), 'signed-out', broken)
  }
  await box.run(24)
  t.equal(state(box, 'out'), 'off-boarded')
  t.ok(box.logger.lines.some(({ level, text }) => level === 'warn' && /counted anew/.test(text)))
})

t.test('one device that cannot be off-boarded does not keep the others', async (t) => {
  const box = await startOnboarding(t)
  const { store } = box
  addDevice(store, { id: 'a-bad', state: 'signed-out' })
  addDevice(store, { id: 'b-good', state: 'signed-out' })
  const setPassword = store.lines.setPassword.bind(store.lines)
  let fail = true
  store.lines.setPassword = (id, password) => {
    if (fail && id === 'l-a-bad') throw new Error('disk full')
    setPassword(id, password)
  }
  box.onboarding.start()
  await box.run(14 * 24)
  t.same([state(box, 'a-bad'), state(box, 'b-good')], ['signed-out', 'off-boarded'])
  fail = false
  await box.run(1)
  t.equal(state(box, 'a-bad'), 'off-boarded', 'the next look mends it')
})
