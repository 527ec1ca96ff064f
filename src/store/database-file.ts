import { chmodSync, closeSync, existsSync, openSync, statSync } from 'node:fs'
import Database from 'better-sqlite3'
import { ApplianceError, errorText } from '#src/base/errors.ts'
import { latestHealthyBackup } from './backup.ts'
import type { StorePaths } from './data-dir.ts'
import { migrate, refuseNewer } from './migrate.ts'
import { migrations } from './migrations/index.ts'
import type { Migration } from './migrations/migration.ts'
import { isCorruption, sqliteCode } from './store-errors.ts'

/**
 * Opens the database for writing: checked, migrated, WAL, every commit on disk before it counts. Throws
 * STORE_CORRUPT or STORE_NEWER and then has left the file as it was.
 */
export function openDatabaseFile(
  paths: StorePaths,
  steps: readonly Migration[] = migrations,
): Database.Database {
  let database: Database.Database | undefined
  try {
    if (existsSync(paths.database)) inspect(paths, steps)
    keepPrivate(paths.database)
    database = new Database(paths.database, { timeout: 2_000 })
    database.pragma('journal_mode = WAL')
    // NORMAL would lose the last commits in a power cut, and those were acknowledged to phones and admins.
    database.pragma('synchronous = FULL')
    database.pragma('foreign_keys = ON')
    migrate(database, steps)
    return database
  } catch (error) {
    database?.close()
    throw isCorruption(error) ? corrupt(paths, errorText(error), error) : openFailure(paths, error)
  }
}

/** Numbers, names and calls are nobody else's business; SQLite gives its -wal and -shm files the mode of this one. */
function keepPrivate(path: string): void {
  closeSync(openSync(path, 'a', 0o600))
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600)
}

/** Looks at an existing file through a read-only connection, so that a damaged or newer one stays untouched. */
function inspect(paths: StorePaths, steps: readonly Migration[]): void {
  if (statSync(paths.database).size === 0) {
    // A fresh file that was cut off before its first write is empty too; but not when there are copies of it.
    if (latestHealthyBackup(paths.backups)) throw corrupt(paths, 'the file is empty')
    return
  }
  const database = new Database(paths.database, { readonly: true, timeout: 2_000 })
  try {
    refuseNewer(database, steps)
    const found = quickCheck(database)
    if (found !== 'ok') throw corrupt(paths, found)
  } finally {
    database.close()
  }
}

/** SQLite's structural check; `ok` or the first thing that is wrong. */
export function quickCheck(database: Database.Database): string {
  return String(database.pragma('quick_check(1)', { simple: true }))
}

function corrupt(paths: StorePaths, reason: string, cause?: unknown): ApplianceError {
  const backup = latestHealthyBackup(paths.backups)
  const wayBack = backup
    ? `To go back: stop the box, move ${paths.database} and its -wal and -shm files away, copy ${backup} to ${paths.database}, start the box.`
    : `There is no backup copy: move ${paths.database} and its -wal and -shm files away to start empty.`
  return new ApplianceError(
    'STORE_CORRUPT',
    { file: paths.database, backup, reason },
    { cause, advice: `The damaged file was left as it is. ${wayBack}` },
  )
}

function openFailure(paths: StorePaths, error: unknown): ApplianceError {
  if (error instanceof ApplianceError) return error
  return new ApplianceError(
    'DATA_DIR_UNUSABLE',
    { file: paths.database, sqlite: sqliteCode(error), reason: errorText(error) },
    {
      cause: error,
      advice: `Make ${paths.database} readable and writable for the service, with room on the disk.`,
    },
  )
}
