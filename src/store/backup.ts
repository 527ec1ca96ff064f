import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import Database from 'better-sqlite3'
import { ApplianceError, errorText } from '#src/base/errors.ts'
import { storePaths, syncDirectory } from './data-dir.ts'

/** Backup copies that are kept. */
export const keptBackups = 3
/** Pages copied per turn of the event loop, so that calls go on meanwhile. */
const pagesPerTurn = 64
const namePattern = /^branchline-(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z\.db$/
type DateParts = [number, number, number, number, number, number]

function nameFor(atMs: number): string {
  return `branchline-${new Date(atMs).toISOString().replace(/[-:]|\.\d+/g, '')}.db`
}

/** Paths of the copies in a folder, latest first. */
export function listBackups(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => namePattern.test(name))
    .sort()
    .reverse()
    .map((name) => join(folder, name))
}

/** When the latest copy was made by the box's clock, epoch ms; undefined when there is none. */
export function latestBackupAtMs(folder: string): number | undefined {
  const [latest] = listBackups(folder)
  const stamp = latest && namePattern.exec(basename(latest))
  if (!stamp) return undefined
  const [year, month, day, hour, minute, second] = stamp.slice(1).map(Number) as DateParts
  return Date.UTC(year, month - 1, day, hour, minute, second)
}

/** The latest copy that passes SQLite's check; undefined when there is none. */
export function latestHealthyBackup(folder: string): string | undefined {
  return listBackups(folder).find(isHealthy)
}

function isHealthy(path: string): boolean {
  try {
    const copy = new Database(path, { readonly: true, fileMustExist: true })
    try {
      return copy.pragma('quick_check(1)', { simple: true }) === 'ok'
    } finally {
      copy.close()
    }
  } catch {
    return false
  }
}

/** Copies the running database into the folder, complete or not at all, and drops copies beyond the newest few. */
export async function makeBackup(database: Database.Database, folder: string, atMs: number): Promise<string> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, nameFor(atMs))
  const partial = `${path}.partial`
  try {
    rmSync(partial, { force: true })
    await database.backup(partial, { progress: () => pagesPerTurn })
    standAlone(partial)
    chmodSync(partial, 0o600)
    syncFile(partial)
    renameSync(partial, path)
    syncDirectory(folder)
  } catch (error) {
    rmSync(partial, { force: true })
    throw error
  }
  for (const old of listBackups(folder).slice(keptBackups)) rmSync(old, { force: true })
  return path
}

/** Takes the copy out of WAL mode: it is then one file, also for whoever only looks at it. */
function standAlone(path: string): void {
  const copy = new Database(path)
  try {
    copy.pragma('journal_mode = DELETE')
  } finally {
    copy.close()
  }
}

function syncFile(path: string): void {
  const handle = openSync(path, 'r+')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

/**
 * Goes back to a backup copy while no store is open: the present files are kept beside it under a name with
 * `damaged`, the copy takes their place. Without `backup` the latest healthy one. Returns the copy it took.
 */
export function restoreBackup(options: { dataDir: string; atMs: number; backup?: string }): string {
  const paths = storePaths(options.dataDir)
  const backup = options.backup ?? latestHealthyBackup(paths.backups)
  if (backup === undefined || !isHealthy(backup)) {
    throw new ApplianceError(
      'NOT_FOUND',
      { folder: paths.backups, backup },
      { text: 'There is no usable backup copy.' },
    )
  }
  const damaged = `${paths.database}.damaged-${options.atMs}`
  const incoming = `${paths.database}.incoming`
  try {
    copyFileSync(backup, incoming)
    syncFile(incoming)
    for (const suffix of ['-wal', '-shm', '']) {
      if (existsSync(paths.database + suffix)) renameSync(paths.database + suffix, damaged + suffix)
    }
    renameSync(incoming, paths.database)
    syncDirectory(options.dataDir)
  } catch (error) {
    throw new ApplianceError('STORE_FAILED', { backup, reason: errorText(error) }, { cause: error })
  }
  return backup
}
