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

/**
 * Brings the database up to date, each step and its version number in one transaction. Returns the steps taken.
 * References are not followed meanwhile, or dropping a table that is being rebuilt would empty those that point to
 * it; before a step is committed they must all hold again.
 */
export function migrate(database: Database, migrations: readonly Migration[]): number {
  const wasOn = database.pragma('foreign_keys', { simple: true }) === 1
  database.pragma('foreign_keys = OFF')
  let steps = 0
  try {
    for (const migration of migrations) {
      if (migration.version <= readVersion(database)) continue
      database
        .transaction(() => {
          database.exec(migration.sql)
          checkReferences(database, migration)
          database.pragma(`user_version = ${migration.version}`)
        })
        .immediate()
      steps++
    }
  } finally {
    if (wasOn) database.pragma('foreign_keys = ON')
  }
  return steps
}

function checkReferences(database: Database, { version, name }: Migration): void {
  const broken = database.pragma('foreign_key_check') as unknown[]
  if (broken.length === 0) return
  throw new ApplianceError('STORE_FAILED', { version, name, broken: broken.slice(0, 5) })
}
