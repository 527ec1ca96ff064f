import Database from 'better-sqlite3'
import { ApplianceError, errorText } from '#src/base/errors.ts'

/** The code SQLite gave a failure, for example `SQLITE_FULL`; undefined when it is not SQLite's. */
export function sqliteCode(error: unknown): string | undefined {
  return error instanceof Database.SqliteError ? error.code : undefined
}

/** True when SQLite says that the file itself is broken. */
export function isCorruption(error: unknown): boolean {
  const code = sqliteCode(error)
  return code !== undefined && (code.startsWith('SQLITE_CORRUPT') || code.startsWith('SQLITE_NOTADB'))
}

/** What a person can do about a failed write. */
function adviceFor(code: string | undefined): string {
  if (code?.startsWith('SQLITE_FULL'))
    return 'Make room on the data disk; the change can then be tried again.'
  if (code?.startsWith('SQLITE_IOERR')) return 'Check the data disk: it refused to read or write.'
  if (code?.startsWith('SQLITE_READONLY')) return 'Make the data directory writable for the service.'
  if (code?.startsWith('SQLITE_CONSTRAINT'))
    return 'Something with the same name exists, or something it belongs to is gone.'
  return 'Look into the log for the cause; nothing was changed.'
}

/** Turns whatever a database call threw into the store's own error; coded errors pass through. */
export function toStoreError(error: unknown): ApplianceError {
  if (error instanceof ApplianceError) return error
  const code = sqliteCode(error)
  if (isCorruption(error)) {
    return new ApplianceError(
      'STORE_CORRUPT',
      { sqlite: code, reason: errorText(error) },
      {
        cause: error,
        advice: 'Restart the box: it checks the database and names the backup copy to go back to.',
      },
    )
  }
  return new ApplianceError(
    'STORE_FAILED',
    { sqlite: code, reason: errorText(error) },
    { cause: error, advice: adviceFor(code) },
  )
}

/** Runs a database call; what it throws becomes STORE_FAILED (or STORE_CORRUPT). */
export function guarded<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw toStoreError(error)
  }
}
