import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { migrations } from '#src/store/migrations/index.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import {
  openTestStore,
  someBinding,
  someCall,
  someDevice,
  someLine,
  someUser,
  temporaryDirectory,
} from './store-fixture.ts'

t.test('everything is there after close and open', async (t) => {
  const dataDir = temporaryDirectory(t)
  const before = openTestStore(t, { dataDir })
  before.devices.save(someDevice())
  before.lines.add(someLine(), 'secret')
  before.signIns.save(
    { lineId: 'l1', userId: 'u1', signedInAtMs: 7, verifiedAtMs: 8 },
    someUser(),
    '{"token":1}',
  )
  before.callingPolicies.save({
    scope: 'u1',
    allowSipDevicesCalling: true,
    allowCallRedirect: false,
    busyOnBusy: true,
    emergencyLocationRequired: false,
  })
  before.settings.activate({ log: { level: 'debug' } }, before.settings.active().etag)
  before.secrets.set('admin-password', 'hash')
  before.audit.add({
    atMs: 1,
    actor: 'admin',
    action: 'device.add',
    subject: 'd1',
    details: { label: 'Reception' },
  })
  const binding = someBinding({ instanceId: undefined, userAgent: undefined })
  await before.bindings.change('line1', 2_000, () => [binding])
  await before.callLog.add(someCall())
  const etag = before.settings.active().etag
  await before.close()

  const after = openTestStore(t, { dataDir })
  t.strictSame(after.devices.find('d1'), someDevice({ state: 'signed-in' }))
  t.strictSame(after.devices.findByMac('001122334455')?.id, 'd1')
  t.strictSame(after.lines.findByUsername('line1'), someLine())
  t.equal(after.lines.password('l1'), 'secret')
  t.strictSame(after.signIns.forLine('l1'), { lineId: 'l1', userId: 'u1', signedInAtMs: 7, verifiedAtMs: 8 })
  t.equal(after.signIns.tokenCache('l1'), '{"token":1}')
  t.strictSame(after.users.findByNumber('+4930123456'), someUser())
  t.equal(after.callingPolicies.forUser('u1').allowSipDevicesCalling, true)
  t.equal(after.callingPolicies.forUser('u2').allowSipDevicesCalling, false, 'the default is off')
  t.strictSame(after.settings.active(), { document: { log: { level: 'debug' } }, etag })
  t.equal(after.secrets.get('admin-password'), 'hash')
  t.strictSame(after.audit.list({ limit: 10 }), [
    { id: 1, atMs: 1, actor: 'admin', action: 'device.add', subject: 'd1', details: { label: 'Reception' } },
  ])
  t.strictSame(after.bindings.find('line1', 2_000), [binding])
  t.strictSame(after.callLog.find('call1'), someCall())
  t.equal(after.callLog.count(), 1)
})

t.test('commits reach the disk before they count, in WAL, files for the owner only', async (t) => {
  const dataDir = temporaryDirectory(t)
  const inner = join(dataDir, 'made')
  openTestStore(t, { dataDir: inner })
  t.equal(statSync(inner).mode & 0o777, 0o700)
  for (const name of readdirSync(inner).filter((name) => name.startsWith('branchline.db'))) {
    t.equal(statSync(join(inner, name)).mode & 0o777, 0o600, name)
  }
  const reader = new Database(join(inner, 'branchline.db'), { readonly: true })
  t.teardown(() => void reader.close())
  t.equal(reader.pragma('journal_mode', { simple: true }), 'wal')
  t.equal(reader.pragma('user_version', { simple: true }), migrations.length)
})

t.test('a second box on the same directory is refused', async (t) => {
  const dataDir = temporaryDirectory(t)
  openTestStore(t, { dataDir })
  t.throws(() => openTestStore(t, { dataDir }), { code: 'DATA_DIR_UNUSABLE', advice: /Another Branchline/ })
})

t.test('a data directory that is a file is refused with advice', async (t) => {
  const file = join(temporaryDirectory(t), 'file')
  writeFileSync(file, '')
  t.throws(() => openTestStore(t, { dataDir: file }), { code: 'DATA_DIR_UNUSABLE', advice: /--data/ })
})

t.test('a database from a newer version is refused and not touched', async (t) => {
  const dataDir = temporaryDirectory(t)
  await openTestStore(t, { dataDir }).close()
  const path = join(dataDir, 'branchline.db')
  const newer = new Database(path)
  newer.pragma('user_version = 99')
  newer.close()
  const bytes = readFileSync(path)
  t.throws(() => openTestStore(t, { dataDir }), {
    code: 'STORE_NEWER',
    details: { found: 99, known: migrations.length },
  })
  t.ok(readFileSync(path).equals(bytes), 'same bytes')
})

t.test('another key is refused, before anything is sealed with it', async (t) => {
  const dataDir = temporaryDirectory(t)
  await openTestStore(t, { dataDir }).close()
  t.throws(() => openTestStore(t, { dataDir, sealKey: Buffer.alloc(32, 8) }), { code: 'SEAL_KEY_MISSING' })
  const again = openTestStore(t, { dataDir })
  t.equal(again.callLog.count(), 0, 'the right key still opens it')
})

t.test('secrets do not stand in the files as text', async (t) => {
  const dataDir = temporaryDirectory(t)
  const store = openTestStore(t, { dataDir })
  store.devices.save(someDevice())
  store.lines.add(someLine(), 'pass-in-clear')
  store.secrets.set('key', 'private-in-clear')
  store.settings.activate(
    { sip: { drachtio: { host: 'd.example', secret: 'shared-in-clear' } } },
    store.settings.active().etag,
  )
  t.strictSame(store.settings.active().document, {
    sip: { drachtio: { host: 'd.example', secret: 'shared-in-clear' } },
  })
  await store.close()
  const bytes = readFileSync(join(dataDir, 'branchline.db'))
  t.ok(bytes.includes('d.example'), 'what is no secret stands there')
  for (const text of ['pass-in-clear', 'private-in-clear', 'shared-in-clear'])
    t.notOk(bytes.includes(text), text)
})

t.test('close stops the timers, twice is fine, and then every call is refused', async (t) => {
  const clock = new FakeClock()
  const store = openTestStore(t, { clock })
  await store.close()
  await store.close()
  t.equal(clock.pending, 0)
  t.throws(() => store.users.list(), { code: 'STORE_FAILED' })
  await t.rejects(store.callLog.add(someCall()), { code: 'STORE_FAILED' })
})
