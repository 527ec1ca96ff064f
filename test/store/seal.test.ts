import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { loadSealKey } from '#src/store/seal-key.ts'
import { createSealer } from '#src/store/seal.ts'
import { openTestStore, someDevice, someLine, temporaryDirectory, testKey } from './store-fixture.ts'

t.test('opens what it sealed, and the same text never looks the same', async (t) => {
  const sealer = createSealer(testKey)
  const first = sealer.seal('päss wörd', 'lines/1')
  const second = sealer.seal('päss wörd', 'lines/1')
  t.notOk(first.equals(second))
  t.equal(sealer.open(first, 'lines/1'), 'päss wörd')
  t.equal(sealer.open(sealer.seal('', 'x'), 'x'), '')
})

t.test('every changed byte, a cut and a move to another row are noticed', async (t) => {
  const sealer = createSealer(testKey)
  const sealed = sealer.seal('secret', 'lines/1')
  let refused = 0
  for (let index = 0; index < sealed.length; index++) {
    const changed = Buffer.from(sealed)
    changed[index] = (changed[index] ?? 0) ^ 1
    try {
      sealer.open(changed, 'lines/1')
    } catch {
      refused++
    }
  }
  t.equal(refused, sealed.length)
  t.throws(() => sealer.open(sealed.subarray(0, 20), 'lines/1'), { code: 'STORE_CORRUPT' })
  t.throws(() => sealer.open(sealed, 'lines/2'), { code: 'STORE_CORRUPT' })
  t.throws(() => createSealer(Buffer.alloc(32, 1)).open(sealed, 'lines/1'), { code: 'SEAL_KEY_MISSING' })
  t.throws(() => createSealer(Buffer.alloc(16)), { code: 'SEAL_KEY_MISSING' })
})

t.test('swapped passwords in the database are noticed', async (t) => {
  const dataDir = temporaryDirectory(t)
  const store = openTestStore(t, { dataDir })
  store.devices.save(someDevice())
  store.lines.add(someLine(), 'one')
  store.lines.add(someLine({ id: 'l2', username: 'line2' }), 'two')
  await store.close()
  const database = new Database(join(dataDir, 'branchline.db'))
  database.exec(
    "UPDATE lines SET sealed_password = (SELECT sealed_password FROM lines WHERE id = 'l2') WHERE id = 'l1'",
  )
  database.close()
  t.throws(() => openTestStore(t, { dataDir }), { code: 'STORE_CORRUPT', advice: /lines\/l1/ })
})

t.test('the key file is made once, for the owner only, and read again', async (t) => {
  const keyFile = join(temporaryDirectory(t), 'data', 'seal.key')
  const key = loadSealKey({ keyFile })
  t.equal(key.length, 32)
  t.equal(statSync(keyFile).mode & 0o777, 0o600)
  t.ok(loadSealKey({ keyFile }).equals(key))
  t.ok(loadSealKey({ keyFile, credentialPath: '/nonexistent/credential' }).equals(key))
})

t.test('a key file that others can read is refused', async (t) => {
  const keyFile = join(temporaryDirectory(t), 'seal.key')
  loadSealKey({ keyFile })
  chmodSync(keyFile, 0o640)
  t.throws(() => loadSealKey({ keyFile }), { code: 'SEAL_KEY_MISSING', advice: /chmod 600/ })
})

t.test('no new key is made beside a database that exists', async (t) => {
  const dataDir = temporaryDirectory(t)
  await openTestStore(t, { dataDir }).close()
  t.throws(() => loadSealKey({ keyFile: join(dataDir, 'seal.key') }), {
    code: 'SEAL_KEY_MISSING',
    advice: /Put the key back/,
  })
})

t.test('a credential is taken raw, in hexadecimal or in Base64, and comes before the file', async (t) => {
  const directory = temporaryDirectory(t)
  const keyFile = join(directory, 'seal.key')
  loadSealKey({ keyFile })
  const credentialPath = join(directory, 'credential')
  for (const text of [testKey, `${testKey.toString('hex')}\n`, `${testKey.toString('base64')}\n`]) {
    writeFileSync(credentialPath, text)
    t.ok(loadSealKey({ keyFile, credentialPath }).equals(testKey))
  }
  writeFileSync(credentialPath, 'too short')
  t.throws(() => loadSealKey({ keyFile, credentialPath }), { code: 'SEAL_KEY_MISSING', advice: /32 bytes/ })
  t.match(readFileSync(keyFile, 'utf8'), /^[0-9a-f]{64}\n$/)
})
