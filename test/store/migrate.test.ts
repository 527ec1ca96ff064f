import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { storePaths } from '#src/store/data-dir.ts'
import { openDatabaseFile } from '#src/store/database-file.ts'
import { migrations } from '#src/store/migrations/index.ts'
import type { Migration } from '#src/store/migrations/migration.ts'
import { temporaryDirectory } from './store-fixture.ts'

const second: Migration = { version: 2, name: 'notes', sql: 'CREATE TABLE notes (text TEXT)' }
const broken: Migration = {
  version: 3,
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
  t.strictSame(look(dataDir), { version: 2, tables: ['notes'] })
})

t.test('a step that fails leaves the database at the step before, complete', async (t) => {
  const dataDir = temporaryDirectory(t)
  t.throws(() => openDatabaseFile(storePaths(dataDir), [...migrations, second, broken]), {
    code: 'DATA_DIR_UNUSABLE',
    details: { reason: /no_such_table/ },
  })
  t.strictSame(look(dataDir), { version: 2, tables: ['notes'] })
  openDatabaseFile(storePaths(dataDir), [...migrations, second]).close()
})
