import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { GroupCommit } from '#src/store/group-commit.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { openTestStore, someBinding, someCall, temporaryDirectory } from './store-fixture.ts'

function openGroup(t: { teardown(release: () => void): void }) {
  const directory = temporaryDirectory(t)
  const statements: string[] = []
  const database = new Database(join(directory, 'x.db'), { verbose: (text) => statements.push(String(text)) })
  database.exec('CREATE TABLE t (n INTEGER PRIMARY KEY)')
  t.teardown(() => void database.close())
  const clock = new FakeClock()
  const insert = database.prepare<[number]>('INSERT INTO t VALUES (?)')
  const rows = database.prepare<[], number>('SELECT n FROM t ORDER BY n').pluck()
  const group = new GroupCommit(database, clock, 10)
  return {
    clock,
    database,
    group,
    add: (n: number) => group.join({ write: () => insert.run(n).changes }),
    rows: () => rows.all(),
    commits: () => statements.filter((text) => text === 'COMMIT').length,
  }
}

t.test('changes of one turn share one commit, and are on disk when they resolve', async (t) => {
  const { add, rows, commits } = openGroup(t)
  const first = add(1)
  const second = add(2)
  t.strictSame(rows(), [], 'nothing is written inside the call')
  await Promise.all([first, second])
  t.strictSame(rows(), [1, 2])
  t.equal(commits(), 1)
})

t.test('a lone change does not wait; changes that follow share the next window', async (t) => {
  const { add, rows, commits, clock } = openGroup(t)
  await add(1)
  const more = [add(2), add(3)]
  await new Promise((resolve) => setImmediate(resolve))
  t.strictSame(rows(), [1], 'the window is open')
  clock.advance(10)
  await Promise.all(more)
  t.strictSame(rows(), [1, 2, 3])
  t.equal(commits(), 2)
  t.equal(clock.pending, 0)
})

t.test('a failing member is undone alone', async (t) => {
  const { add, group, rows, database } = openGroup(t)
  const good = add(1)
  const twice = add(1)
  const thrown = group.join({
    write: () => {
      database.exec('INSERT INTO t VALUES (99)')
      throw new RangeError('not now')
    },
  })
  const last = add(2)
  await t.rejects(twice, { code: 'STORE_FAILED', details: { sqlite: 'SQLITE_CONSTRAINT_PRIMARYKEY' } })
  await t.rejects(thrown, new RangeError('not now'), 'what the member threw itself')
  await Promise.all([good, last])
  t.strictSame(rows(), [1, 2], 'what the failing member had written is gone')
})

t.test('a member of one statement needs no savepoint to be undone alone', async (t) => {
  const { add, group, rows, database } = openGroup(t)
  const several = database.prepare('INSERT INTO t VALUES (5), (6), (1)')
  const good = add(1)
  const bad = group.join({ write: () => several.run(), oneStatement: true })
  const last = group.join({ write: () => database.exec('INSERT INTO t VALUES (2)').open, oneStatement: true })
  await t.rejects(bad, { code: 'STORE_FAILED', details: { sqlite: 'SQLITE_CONSTRAINT_PRIMARYKEY' } })
  await Promise.all([good, last])
  t.strictSame(rows(), [1, 2], 'the rows before the one that failed are gone too')
})

t.test('a failing commit rejects every member and keeps nothing', async (t) => {
  const { group, add, rows, database } = openGroup(t)
  database.exec('PRAGMA foreign_keys = ON; CREATE TABLE c (n REFERENCES t (n) DEFERRABLE INITIALLY DEFERRED)')
  const taken: string[] = []
  // A deferred foreign key is judged at COMMIT only.
  const orphan = group.join({
    write: () => database.exec('INSERT INTO c VALUES (77)').open,
    committed: () => taken.push('orphan'),
  })
  const other = add(1)
  await t.rejects(orphan, { code: 'STORE_FAILED' })
  await t.rejects(other, { code: 'STORE_FAILED' })
  t.strictSame(rows(), [])
  t.strictSame(taken, [], 'memory was not told')
  t.notOk(database.inTransaction)
  group.flush()
})

t.test('flush writes what waits now', async (t) => {
  const { add, group, rows } = openGroup(t)
  const waiting = add(5)
  group.flush()
  t.strictSame(rows(), [5])
  t.equal(await waiting, 1)
})

t.test('a later change in the batch sees the earlier one; memory only after the commit', async (t) => {
  const store = openTestStore(t)
  const seen: string[][] = []
  const register = (contactUri: string) =>
    store.bindings.change('line1', 0, (current) => {
      seen.push(current.map((binding) => binding.contactUri))
      return [...current, someBinding({ contactUri })]
    })
  const first = register('sip:a@192.0.2.1')
  const second = register('sip:b@192.0.2.1')
  t.strictSame(store.bindings.find('line1', 0), [])
  await Promise.all([first, second])
  t.strictSame(seen, [[], ['sip:a@192.0.2.1']])
  t.equal(store.bindings.find('line1', 0).length, 2)
})

t.test('a change that throws stores nothing, the others of the batch stand', async (t) => {
  const store = openTestStore(t)
  const refused = store.bindings.change('line1', 0, () => {
    throw new Error('too many contacts')
  })
  const call = store.callLog.add(someCall())
  const stored = store.bindings.change('line2', 0, () => [someBinding({ aor: 'line2' })])
  await t.rejects(refused, { message: 'too many contacts' })
  await call
  t.equal((await stored).length, 1)
  t.strictSame(store.bindings.find('line1', 0), [])
  t.equal(store.callLog.count(), 1)
})

t.test('the same call id twice: the second is refused, counted once', async (t) => {
  const store = openTestStore(t)
  const [first, second] = await Promise.allSettled([
    store.callLog.add(someCall()),
    store.callLog.add(someCall()),
  ])
  t.equal(first.status, 'fulfilled')
  t.equal(second.status, 'rejected')
  t.equal(store.callLog.count(), 1)
})
