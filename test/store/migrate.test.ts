import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { storePaths } from '#src/store/data-dir.ts'
import { openDatabaseFile } from '#src/store/database-file.ts'
import { migrations } from '#src/store/migrations/index.ts'
import type { Migration } from '#src/store/migrations/migration.ts'
import { temporaryDirectory } from './store-fixture.ts'

const latest = migrations.length
const second: Migration = { version: latest + 1, name: 'notes', sql: 'CREATE TABLE notes (text TEXT)' }
const broken: Migration = {
  version: latest + 2,
  name: 'broken',
  sql: 'CREATE TABLE half (n); INSERT INTO half VALUES (1); INSERT INTO no_such_table VALUES (1)',
}

function look(dataDir: string): { version: unknown; tables: unknown[] } {
  const database = new Database(join(dataDir, 'branchline.db'), { readonly: true })
  const tables = database
    .prepare("SELECT name FROM sqlite_schema WHERE name IN ('notes', 'half')")
    .pluck()
    .all()
  const version = database.pragma('user_version', { simple: true })
  database.close()
  return { version, tables }
}

t.test('versions are numbered without gaps', async (t) => {
  t.strictSame(
    migrations.map(({ version }) => version),
    migrations.map((_, index) => index + 1),
  )
})

t.test('an older database is brought up to date and keeps its rows', async (t) => {
  const dataDir = temporaryDirectory(t)
  const old = openDatabaseFile(storePaths(dataDir), migrations)
  old.exec("INSERT INTO calling_policies VALUES ('u1', 1, 0, 0, 0)")
  old.close()
  const now = openDatabaseFile(storePaths(dataDir), [...migrations, second])
  t.equal(now.prepare('SELECT scope FROM calling_policies').pluck().get(), 'u1')
  now.close()
  t.strictSame(look(dataDir), { version: latest + 1, tables: ['notes'] })
})

t.test('a step that fails leaves the database at the step before, complete', async (t) => {
  const dataDir = temporaryDirectory(t)
  t.throws(() => openDatabaseFile(storePaths(dataDir), [...migrations, second, broken]), {
    code: 'DATA_DIR_UNUSABLE',
    details: { reason: /no_such_table/ },
  })
  t.strictSame(look(dataDir), { version: latest + 1, tables: ['notes'] })
  openDatabaseFile(storePaths(dataDir), [...migrations, second]).close()
})

t.test('the second step rebuilds the devices and loses nothing that points to them', async (t) => {
  const dataDir = temporaryDirectory(t)
  const old = openDatabaseFile(storePaths(dataDir), migrations.slice(0, 1))
  old.exec(`
    INSERT INTO devices VALUES ('d1', 'phone', 'Reception', '001122334455', 'signed-in', 1, 2);
    INSERT INTO lines VALUES ('l1', 'd1', 'bl1', 'Reception', 1, x'00');
    INSERT INTO users VALUES ('u1', 't1', 'anna@contoso.example', 'Anna', NULL, 1, 1, 1);
    INSERT INTO sign_ins VALUES ('l1', 'u1', 1, 1, x'00');`)
  old.close()
  const now = openDatabaseFile(storePaths(dataDir), migrations)
  t.match(now.prepare('SELECT * FROM devices').get(), { id: 'd1', state: 'signed-in', ipei: null })
  t.equal(now.prepare('SELECT count(*) FROM lines').pluck().get(), 1)
  t.equal(now.prepare('SELECT count(*) FROM sign_ins').pluck().get(), 1)
  t.equal(now.pragma('foreign_keys', { simple: true }), 1, 'references are followed again')
  now.exec("DELETE FROM devices WHERE id = 'd1'")
  t.equal(now.prepare('SELECT count(*) FROM lines').pluck().get(), 0, 'a device still takes its lines along')
  now.close()
})

t.test('a step that leaves a reference to nothing is undone', async (t) => {
  const dataDir = temporaryDirectory(t)
  const old = openDatabaseFile(storePaths(dataDir), migrations)
  old.exec(`
    INSERT INTO devices (id, kind, label, state, created_at_ms) VALUES ('d1', 'phone', 'R', 'onboarded', 1);
    INSERT INTO lines VALUES ('l1', 'd1', 'bl1', 'R', 1, x'00');`)
  old.close()
  const careless = { version: latest + 1, name: 'careless', sql: 'DELETE FROM devices' }
  t.throws(() => openDatabaseFile(storePaths(dataDir), [...migrations, careless]), { code: 'STORE_FAILED' })
  const now = openDatabaseFile(storePaths(dataDir), migrations)
  t.equal(now.prepare('SELECT count(*) FROM devices').pluck().get(), 1)
  now.close()
})
