import { createHash } from 'node:crypto'
import t from 'tap'
import {
  openTestStore,
  someCall,
  someDevice,
  someLine,
  someUser,
  temporaryDirectory,
} from './store-fixture.ts'

const hash = (algorithm: string, text: string) => createHash(algorithm).update(text).digest('hex')
const signIn = (lineId: string, userId = 'u1') => ({ lineId, userId, signedInAtMs: 1, verifiedAtMs: 1 })

t.test('line secrets follow password and realm (RFC 7616 3.4.2)', async (t) => {
  const store = openTestStore(t)
  store.devices.save(someDevice())
  store.lines.add(someLine(), 'first')
  t.strictSame(store.lines.secrets('line1'), {
    ha1Md5: hash('md5', 'line1:branchline:first'),
    ha1Sha256: hash('sha256', 'line1:branchline:first'),
    ha1Sha512: hash('sha512-256', 'line1:branchline:first'),
  })
  store.lines.setPassword('l1', 'second')
  t.equal(store.lines.secrets('line1')?.ha1Md5, hash('md5', 'line1:branchline:second'))
  store.lines.useRealm('office.example')
  t.equal(store.lines.secrets('line1')?.ha1Sha256, hash('sha256', 'line1:office.example:second'))
  t.equal(store.lines.secrets('nobody'), undefined)
  t.throws(() => store.lines.setPassword('nobody', 'x'), { code: 'NOT_FOUND' })
})

t.test('a line gets another label and keeps all else', async (t) => {
  const directory = temporaryDirectory(t)
  const store = openTestStore(t, { dataDir: directory })
  store.devices.save(someDevice())
  store.lines.add(someLine(), 'x')
  store.lines.setLabel('l1', '204')
  t.strictSame(store.lines.find('l1'), someLine({ label: '204' }))
  t.equal(store.lines.findByUsername('line1')?.label, '204')
  t.equal(store.lines.secrets('line1')?.ha1Md5, hash('md5', 'line1:branchline:x'))
  t.throws(() => store.lines.setLabel('nobody', 'x'), { code: 'NOT_FOUND' })
  await store.close()
  t.equal(openTestStore(t, { dataDir: directory }).lines.find('l1')?.label, '204', 'and it is on disk')
})

t.test('a line needs its device and a name of its own', async (t) => {
  const store = openTestStore(t)
  t.throws(() => store.lines.add(someLine(), 'x'), { code: 'STORE_FAILED', advice: /belongs to is gone/ })
  store.devices.save(someDevice())
  store.lines.add(someLine(), 'x')
  t.throws(() => store.lines.add(someLine({ id: 'l2' }), 'y'), { code: 'STORE_FAILED' })
  t.strictSame(store.lines.list(), [someLine()], 'the refused one is not in memory')
  t.equal(store.lines.secrets('line1')?.ha1Md5, hash('md5', 'line1:branchline:x'))
})

t.test('the device is signed in while anybody is signed in on one of its lines', async (t) => {
  const store = openTestStore(t)
  const state = () => store.devices.find('d1')?.state
  store.devices.save(someDevice())
  store.lines.add(someLine(), 'a')
  store.lines.add(someLine({ id: 'l2', username: 'line2' }), 'b')
  t.equal(state(), 'onboarded')
  store.signIns.save(signIn('l1'), someUser(), 'token 1')
  store.signIns.save(signIn('l2', 'u2'), someUser({ id: 'u2', number: undefined }), 'token 2')
  t.equal(state(), 'signed-in')
  t.equal(store.signIns.remove('l1'), true)
  t.equal(store.signIns.remove('l1'), false)
  t.equal(state(), 'signed-in', 'somebody is left')
  t.equal(store.signIns.tokenCache('l1'), undefined)
  store.users.remove('u2')
  t.equal(state(), 'signed-out')
  t.strictSame(store.signIns.list(), [])
})

t.test('a sign-in on a line that is gone keeps nothing, also not the user', async (t) => {
  const store = openTestStore(t)
  t.throws(() => store.signIns.save(signIn('gone'), someUser(), 'token'), { code: 'STORE_FAILED' })
  t.equal(store.users.find('u1'), undefined)
})

t.test('signing in again replaces tokens; a removed line takes its sign-in with it', async (t) => {
  const store = openTestStore(t)
  store.devices.save(someDevice())
  store.lines.add(someLine(), 'a')
  store.signIns.save(signIn('l1'), someUser(), 'old')
  store.signIns.save({ ...signIn('l1'), verifiedAtMs: 9 }, someUser({ displayName: 'Anna B' }), 'new')
  t.equal(store.signIns.tokenCache('l1'), 'new')
  t.equal(store.signIns.forLine('l1')?.verifiedAtMs, 9)
  t.equal(store.users.find('u1')?.displayName, 'Anna B')
  t.equal(store.signIns.forUser('u1').length, 1)
  store.lines.remove('l1')
  t.strictSame(store.signIns.forUser('u1'), [])
  t.equal(store.devices.find('d1')?.state, 'signed-out')
})

t.test('sightings show at once and reach the disk at most once a minute', async (t) => {
  const dataDir = temporaryDirectory(t)
  const store = openTestStore(t, { dataDir })
  store.devices.save(someDevice())
  store.devices.noteSeen('d1', 1_000)
  store.devices.noteSeen('d1', 60_999)
  t.equal(store.devices.find('d1')?.lastSeenAtMs, 60_999)
  store.devices.noteSeen('nobody', 5)
  await store.close()
  const again = openTestStore(t, { dataDir })
  t.equal(again.devices.find('d1')?.lastSeenAtMs, 1_000)
  again.devices.noteSeen('d1', 61_000)
  again.devices.save({ ...someDevice(), label: 'Lobby', lastSeenAtMs: 61_000 })
  t.strictSame(
    again.devices.list().map((device) => device.label),
    ['Lobby'],
  )
})

t.test('calls are paged by start time, none lost and none twice where starts are equal', async (t) => {
  const store = openTestStore(t)
  const calls = Array.from({ length: 25 }, (_, index) =>
    someCall({
      id: `c${String(index).padStart(2, '0')}`,
      startedAtMs: Math.floor(index / 3),
      callee: undefined,
    }),
  )
  await Promise.all(calls.map((call) => store.callLog.add(call)))
  const seen: string[] = []
  let beforeMs: number | undefined
  for (;;) {
    const page = store.callLog.list({ limit: 4, ...(beforeMs === undefined ? {} : { beforeMs }) })
    if (page.length === 0) break
    seen.push(...page.map((call) => call.id))
    beforeMs = page.at(-1)?.startedAtMs
  }
  t.equal(new Set(seen).size, 25)
  t.equal(seen.length, 25)
  t.equal(seen[0], 'c24', 'latest first')
  t.equal(store.callLog.find('c00')?.callee, undefined)
})

t.test('a call that ended a moment ago is in the log, also while changes share a commit', async (t) => {
  const store = openTestStore(t)
  await store.callLog.add(someCall({ id: 'first', startedAtMs: 1 }))
  // The second one waits for the next commit.
  const second = store.callLog.add(someCall({ id: 'second', startedAtMs: 2 }))
  t.strictSame(
    store.callLog.list({ limit: 5 }).map(({ id }) => id),
    ['second', 'first'],
  )
  const third = store.callLog.add(someCall({ id: 'third', startedAtMs: 3 }))
  t.equal(store.callLog.find('third')?.startedAtMs, 3)
  await Promise.all([second, third])
  t.equal(store.callLog.count(), 3)
})

t.test('audit entries are paged by id, latest first', async (t) => {
  const store = openTestStore(t)
  for (let index = 1; index <= 5; index++) {
    store.audit.add({ atMs: index, actor: 'admin', action: 'a', subject: 's', details: {} })
  }
  t.strictSame(
    store.audit.list({ limit: 2 }).map((entry) => entry.id),
    [5, 4],
  )
  t.strictSame(
    store.audit.list({ limit: 9, beforeId: 4 }).map((entry) => entry.id),
    [3, 2, 1],
  )
})

t.test('settings: a stale etag is a conflict and changes nothing', async (t) => {
  const store = openTestStore(t)
  const first = store.settings.active()
  t.strictSame(first.document, {})
  const { etag } = store.settings.activate({ stopGraceS: 1 }, first.etag)
  t.throws(() => store.settings.activate({ stopGraceS: 2 }, first.etag), { code: 'CONFLICT' })
  t.strictSame(store.settings.active(), { document: { stopGraceS: 1 }, etag })
  const back = store.settings.activate({ stopGraceS: 1 }, etag)
  t.not(back.etag, etag, 'an etag never comes back')
})

t.test('policies: own before Global before the defaults', async (t) => {
  const store = openTestStore(t)
  const policy = store.callingPolicies.forUser('u1')
  t.equal(policy.allowSipDevicesCalling, false)
  store.callingPolicies.save({ ...policy, scope: 'Global', allowSipDevicesCalling: true })
  t.equal(store.callingPolicies.forUser('u1').allowSipDevicesCalling, true)
  store.callingPolicies.save({ ...policy, scope: 'u1', busyOnBusy: true })
  t.match(store.callingPolicies.forUser('u1'), {
    scope: 'u1',
    allowSipDevicesCalling: false,
    busyOnBusy: true,
  })
  t.strictSame(
    store.callingPolicies.list().map(({ scope }) => scope),
    ['Global', 'u1'],
  )
})

t.test('two tenants with one number: the user read last is called', async (t) => {
  const store = openTestStore(t)
  store.users.save(someUser({ id: 'lab', updatedAtMs: 1 }))
  store.users.save(someUser({ id: 'real', updatedAtMs: 2, lab: false }))
  t.equal(store.users.findByNumber('+4930123456')?.id, 'real')
  t.equal(store.users.findByNumber('+1'), undefined)
})

t.test('secrets are replaced and removed by name', async (t) => {
  const store = openTestStore(t)
  store.secrets.set('a', '1')
  store.secrets.set('a', '2')
  t.equal(store.secrets.get('a'), '2')
  store.secrets.remove('a')
  t.equal(store.secrets.get('a'), undefined)
})
