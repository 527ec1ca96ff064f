import { closeSync, fsyncSync, mkdirSync, openSync, accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { ApplianceError, errorText } from '#src/base/errors.ts'

/** Name of the database inside the data directory. */
export const databaseFileName = 'branchline.db'
/** Name of the folder with the backup copies inside the data directory. */
export const backupFolderName = 'backup'

/** The paths that the store uses below one data directory. */
export interface StorePaths {
  database: string
  lock: string
  backups: string
}

/** Names the store's files. */
export function storePaths(dataDir: string): StorePaths {
  return {
    database: join(dataDir, databaseFileName),
    lock: join(dataDir, 'branchline.lock'),
    backups: join(dataDir, backupFolderName),
  }
}

/** Makes the data directory (mode 0700) when it is missing and checks that it can be written, or throws DATA_DIR_UNUSABLE. */
export function prepareDataDir(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new ApplianceError(
      'DATA_DIR_UNUSABLE',
      { dataDir, reason: errorText(error) },
      {
        cause: error,
        advice: `Make ${dataDir} a directory that the service may write, or choose another with --data.`,
      },
    )
  }
}

/** Makes names that were created or renamed in a directory survive a power cut. */
export function syncDirectory(directory: string): void {
  const handle = openSync(directory, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
