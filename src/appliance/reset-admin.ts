import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { adminHashName } from '#src/api/auth/owner.ts'
import { sessionsName } from '#src/api/auth/sessions.ts'
import { ApplianceError } from '#src/base/errors.ts'
import { openStore } from '#src/store/open-store.ts'
import { databaseFileName } from '#src/store/data-dir.ts'
import { loadSealKey } from '#src/store/seal-key.ts'
import type { ApplianceOptions } from './options.ts'

/** What taking the admin's password away needs of the process. */
export type ResetOptions = Pick<ApplianceOptions, 'dataDir' | 'sealCredentialFile' | 'clock' | 'log'>

/**
 * Takes the admin's password and every login away, for somebody who has forgotten it and can run programs on the
 * box: the next start prints a claim code. Everything else stays. Only while the box is stopped: the store lets
 * nobody else in, and a running box would go on with what it holds in memory.
 */
export async function resetAdmin({ dataDir, sealCredentialFile, clock, log }: ResetOptions): Promise<void> {
  if (!existsSync(join(dataDir, databaseFileName))) {
    throw new ApplianceError(
      'NOT_FOUND',
      { dataDir },
      { text: `There is no box in ${dataDir}.`, advice: 'Name its data directory with --data.' },
    )
  }
  const sealKey = loadSealKey({ credentialPath: sealCredentialFile, keyFile: join(dataDir, 'seal.key') })
  const store = openStore({ dataDir, sealKey, realm: '', clock, logger: log.logger })
  try {
    store.secrets.remove(adminHashName)
    store.secrets.remove(sessionsName)
    const action = 'admin.reset'
    store.audit.add({ atMs: clock.nowMs(), actor: 'console', action, subject: 'admin', details: {} })
  } finally {
    await store.close()
  }
}
