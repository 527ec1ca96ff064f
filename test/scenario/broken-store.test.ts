import {
  chmodSync,
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { adminPassword, Box, type Health } from '#test/support/box.ts'
import { until } from '#test/support/until.ts'
import { addPhone } from './office.ts'

// One data directory, damaged in one way after the other; at the end it is mended and everything is back.

const box = await Box.prepare({ lab: false })
const database = join(box.dataDir, 'branchline.db')
const keyFile = join(box.dataDir, 'seal.key')
const whole = join(box.folder, 'whole.db')
t.teardown(async () => {
  await box.stop()
  box.remove()
})

/** Starts the box in rescue and returns what it says of its store. */
async function startDamaged(): Promise<Health['parts'][number]> {
  box.launch()
  const health = await box.waitForHealth(
    ({ parts }) => parts.some(({ name, state }) => name === 'calls' && state === 'failed'),
    30_000,
  )
  const store = health.parts.find(({ name }) => name === 'store')
  if (!store) throw new Error('health does not name the store')
  return store
}

/** Nobody can become the owner of a box that has lost sight of its store, not even with a code from the console. */
async function refusesClaims(t: Test): Promise<void> {
  t.match(await box.json('/api/session'), { claimed: null, loggedIn: false })
  for (const path of ['/api/claim', '/api/login']) {
    const body =
      path === '/api/claim' ? { code: '0000-0000', password: adminPassword } : { password: adminPassword }
    const reply = await box.ask(path, { body })
    t.equal(reply.status, 503, path)
    t.match(reply.json(), { code: 'PART_NOT_RUNNING' })
  }
  t.equal((await box.ask('/api/devices')).status, 401)
  t.match((await box.ask('/')).text, /<title>Branchline/, 'the page itself is there')
  await until(() => box.said.includes('store failed'))
  t.notMatch(box.said, 'Claim code', 'the console offers no claim code')
}

t.test('a box that works: claimed, with a phone', async (t) => {
  await box.start()
  await box.logIn()
  await addPhone(box, 'Reception')
  t.equal(await box.stop(), 0)
  copyFileSync(database, whole)
})

t.test('garbage in place of the database', async (t) => {
  const garbage = Buffer.alloc(65_536, 'not a database ')
  writeFileSync(database, garbage)
  const { state, detail, advice } = await startDamaged()
  t.match({ state, detail }, { state: 'failed', detail: 'The database is damaged.' })
  t.match(advice, `move ${database} and its -wal and -shm files away`)
  await refusesClaims(t)
  t.equal(await box.stop(), 0)
  t.ok(readFileSync(database).equals(garbage), 'the damaged file is as it was')
})

t.test('a truncated database: the advice names the last backup copy', async (t) => {
  copyFileSync(whole, database)
  truncateSync(database, Math.floor(statSync(whole).size / 2))
  const { state, advice } = await startDamaged()
  t.equal(state, 'failed')
  const backup = /copy (\S+) to/.exec(advice ?? '')?.[1] ?? ''
  t.ok(existsSync(backup), `the backup copy is there: ${advice}`)
  t.equal(await box.stop(), 0)
  // The advice, done as written.
  renameSync(database, `${database}.away`)
  copyFileSync(backup, database)
  await box.start()
  await box.logIn()
  t.match(await box.json('/api/session'), { claimed: true, loggedIn: true })
  t.equal(await box.stop(), 0)
})

t.test('a database of a newer version stays untouched', async (t) => {
  copyFileSync(whole, database)
  const newer = new Database(database)
  newer.pragma('user_version = 999')
  newer.close()
  const before = readFileSync(database)
  const { state, detail, advice } = await startDamaged()
  t.match({ state, detail }, { state: 'failed', detail: 'The database was written by a newer version.' })
  t.match(advice, 'has version 999')
  await refusesClaims(t)
  t.equal(await box.stop(), 0)
  t.ok(readFileSync(database).equals(before))
})

t.test('the sealing key is open to others, then gone', async (t) => {
  copyFileSync(whole, database)
  chmodSync(keyFile, 0o644)
  t.match(await startDamaged(), {
    state: 'failed',
    detail: /can be read by others/,
    advice: new RegExp(`chmod 600 ${keyFile}`),
  })
  t.equal(await box.stop(), 0)
  chmodSync(keyFile, 0o600)

  renameSync(keyFile, `${keyFile}.away`)
  t.match(await startDamaged(), { state: 'failed', advice: new RegExp(`Put the key back as ${keyFile} `) })
  await refusesClaims(t)
  t.equal(await box.stop(), 0)
  t.notOk(existsSync(keyFile), 'no new key was made beside the old database')
  renameSync(`${keyFile}.away`, keyFile)
})

t.test('mended: the owner, his password and his phone are back', async (t) => {
  await box.start()
  t.match(await box.json('/api/session'), { claimed: true })
  await box.logIn()
  t.match(await box.json('/api/devices'), { devices: [{ label: 'Reception' }] })
})
