import type { Database } from 'better-sqlite3'
import { ApplianceError } from '#src/base/errors.ts'
import type { Migration } from './migrations/migration.ts'

/** Reads the version that the database file carries; 0 for a new file. */
export function readVersion(database: Database): number {
  return database.pragma('user_version', { simple: true }) as number
}

/** Refuses a database that a newer program wrote: its tables may mean something else by now. */
export function refuseNewer(database: Database, migrations: readonly Migration[]): void {
  const found = readVersion(database)
  const known = migrations.at(-1)?.version ?? 0
  if (found <= known) return
  throw new ApplianceError(
    'STORE_NEWER',
    { file: database.name, found, known },
    {
      advice: `Install the newer version again. ${database.name} has version ${found}, this program knows ${known}; the file was not touched.`,
    },
  )
}

/** Brings the database up to date, each step and its version number in one transaction. Returns the steps taken. */
export function migrate(database: Database, migrations: readonly Migration[]): number {
  let steps = 0
  for (const migration of migrations) {
    if (migration.version <= readVersion(database)) continue
    database
      .transaction(() => {
        database.exec(migration.sql)
        database.pragma(`user_version = ${migration.version}`)
      })
      .immediate()
    steps++
  }
  return steps
}
