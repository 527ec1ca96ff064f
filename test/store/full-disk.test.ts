import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { SqliteBindingStore } from '#src/store/binding-store.ts'
import { createCallLogStore } from '#src/store/call-log-store.ts'
import { storePaths } from '#src/store/data-dir.ts'
import { openDatabaseFile } from '#src/store/database-file.ts'
import { GroupCommit } from '#src/store/group-commit.ts'
import { ReadMemory } from '#src/store/read-memory.ts'
import { createSealer } from '#src/store/seal.ts'
import { createSecretStore } from '#src/store/secret-store.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { someBinding, someCall, temporaryDirectory, testKey } from './store-fixture.ts'

t.test('a full disk: STORE_FAILED with advice, nothing half-written, and it works again after', async (t) => {
  const dataDir = temporaryDirectory(t)
  const database = openDatabaseFile(storePaths(dataDir))
  t.teardown(() => void database.close())
  const context = {
    database,
    sealer: createSealer(testKey),
    group: new GroupCommit(database, new FakeClock(), 0),
    memory: new ReadMemory(),
    logger: new MemoryLogger(),
    nowMs: () => 0,
  }
  const bindings = new SqliteBindingStore(context)
  const callLog = createCallLogStore(context)
  const secrets = createSecretStore(context)
  await bindings.change('line1', 0, () => [someBinding()])
  const pages = database.pragma('page_count', { simple: true }) as number
  database.pragma(`max_page_count = ${pages}`)

  const huge = 'x'.repeat(100_000)
  t.throws(() => secrets.set('big', huge), { code: 'STORE_FAILED', advice: /room/ })
  const results = await Promise.allSettled([
    bindings.change('line1', 0, () => [someBinding({ contactUri: 'sip:new@h', userAgent: huge })]),
    callLog.add(someCall({ explanation: huge })),
  ])
  for (const result of results) {
    t.match(result, { status: 'rejected', reason: { code: 'STORE_FAILED' } })
  }
  t.strictSame(bindings.find('line1', 0), [someBinding()], 'memory shows what is on disk')
  t.equal(callLog.count(), 0)
  t.equal(secrets.get('big'), undefined)
  const reader = new Database(join(dataDir, 'branchline.db'), { readonly: true })
  t.teardown(() => void reader.close())
  t.equal(reader.prepare('SELECT count(*) FROM calls').pluck().get(), 0)
  t.match(reader.prepare('SELECT contacts FROM bindings').pluck().get(), /192\.0\.2\.1/)

  database.pragma('max_page_count = 1000000')
  await Promise.all([
    bindings.change('line1', 0, () => [someBinding({ contactUri: 'sip:new@h' })]),
    callLog.add(someCall()),
  ])
  secrets.set('big', huge)
  t.equal(bindings.find('line1', 0)[0]?.contactUri, 'sip:new@h')
  t.equal(callLog.count(), 1)
  t.equal(database.pragma('quick_check', { simple: true }), 'ok')
})
