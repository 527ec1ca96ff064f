import { existsSync, lstatSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ApplianceError, errorText } from '#src/base/errors.ts'
import { backupFolderName, databaseFileName, syncDirectory } from '#src/store/data-dir.ts'

/**
 * What the box makes in its data directory, by name, in the order in which it goes: after a power cut in between,
 * the box is still the old one or already a new one. Folders go with all that is in them.
 */
const ownNames = [
  backupFolderName,
  'lab',
  'teams-certificate',
  'network-trial.json',
  'network.json',
  'branchline.lock-journal',
  'branchline.lock',
  `${databaseFileName}-journal`,
  `${databaseFileName}-shm`,
  `${databaseFileName}-wal`,
  databaseFileName,
  'seal.key',
]

/**
 * Throws DATA_DIR_UNUSABLE unless `dataDir` is a real directory in which a box has lived: a wrong --data must
 * never cost somebody else's files.
 */
export function refuseForeignDir(dataDir: string): void {
  const refuse = (reason: string): never => {
    throw new ApplianceError(
      'DATA_DIR_UNUSABLE',
      { dataDir, reason },
      { text: `${dataDir} is not wiped: ${reason}.`, advice: 'Check the data directory given with --data.' },
    )
  }
  let found
  try {
    found = lstatSync(dataDir)
  } catch (error) {
    return refuse(errorText(error))
  }
  if (!found.isDirectory()) refuse('it is not a directory of its own')
  if (!existsSync(join(dataDir, databaseFileName)) && !existsSync(join(dataDir, 'seal.key')))
    refuse('no box has lived there')
}

/** Removes what the box made in its data directory, by name, and nothing else; links are removed, never followed. */
export function wipeDataDir(dataDir: string): void {
  refuseForeignDir(dataDir)
  for (const name of ownNames) rmSync(join(dataDir, name), { recursive: true, force: true })
  syncDirectory(dataDir)
}
