import Database from 'better-sqlite3'
import { systemClock, type Clock } from '#src/base/clock.ts'
import { ApplianceError, errorText } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import { secretSettings } from '#src/model/setting-fields.ts'
import { createAuditStore } from './audit-store.ts'
import { latestBackupAtMs, makeBackup } from './backup.ts'
import { SqliteBindingStore } from './binding-store.ts'
import { createCallLogStore } from './call-log-store.ts'
import { createCallingPolicyStore } from './calling-policy-store.ts'
import type { StoreContext } from './context.ts'
import { prepareDataDir, storePaths } from './data-dir.ts'
import { openDatabaseFile } from './database-file.ts'
import { createDeviceAccessStore } from './device-access-store.ts'
import { createDeviceStates } from './device-states.ts'
import { createDeviceStore } from './device-store.ts'
import { createEnrolmentStore } from './enrolment-store.ts'
import { GroupCommit } from './group-commit.ts'
import { Housekeeping } from './housekeeping.ts'
import { SqliteLineStore } from './line-store.ts'
import { ReadMemory } from './read-memory.ts'
import { createSealer, type Sealer } from './seal.ts'
import { createSecretStore } from './secret-store.ts'
import { createSettingsStore } from './settings-store.ts'
import { createSignInStore } from './sign-in-store.ts'
import type { Store } from './store.ts'
import { guarded } from './store-errors.ts'
import { createUserStore } from './user-store.ts'

/** Calls and audit entries beyond these are dropped, oldest first. */
const keptCalls = 200_000
const keptAuditEntries = 100_000
// A commit costs about 400 µs of CPU whatever it holds, a member of it about 10 (measured). At 800 registrations
// per second 80 ms make that 16 µs each; a phone waits 500 ms before it repeats itself (RFC 3261 17.1.2.2).
const commitWindowMs = 80

/** What the store needs. */
export interface StoreOptions {
  /** Made (mode 0700) when it is missing. */
  dataDir: string
  /** 32 bytes, from `loadSealKey`. */
  sealKey: Buffer
  /** Digest realm that the line secrets are computed for; `lines.useRealm` changes it later. */
  realm: string
  clock: Clock
  logger: Logger
}

/**
 * Opens the box's store. Throws DATA_DIR_UNUSABLE, STORE_CORRUPT, STORE_NEWER or SEAL_KEY_MISSING, each with
 * advice, and then has changed nothing.
 */
export function openStore(options: StoreOptions): Store {
  const paths = storePaths(options.dataDir)
  prepareDataDir(options.dataDir)
  const sealer = createSealer(options.sealKey)
  const lock = takeLock(paths.lock, options.dataDir)
  let database: Database.Database | undefined
  try {
    database = openDatabaseFile(paths)
    checkKey(database, sealer)
    return buildStore({ ...options, database, sealer, backups: paths.backups, lock })
  } catch (error) {
    database?.close()
    lock.close()
    throw error
  }
}

/** What `buildStore` puts together. */
interface StoreParts extends StoreOptions {
  database: Database.Database
  sealer: Sealer
  backups: string
  lock: Database.Database
}

function buildStore({ database, sealer, backups, lock, clock, logger, realm }: StoreParts): Store {
  const group = new GroupCommit(database, systemClock, commitWindowMs)
  const context: StoreContext = {
    database,
    sealer,
    group,
    memory: new ReadMemory(),
    logger,
    nowMs: () => clock.nowMs(),
  }
  const deviceStates = createDeviceStates(context)
  const bindings = new SqliteBindingStore(context)
  const lines = new SqliteLineStore(context, bindings, deviceStates, realm)
  bindings.load()
  lines.load()
  const callLog = createCallLogStore(context)
  const audit = createAuditStore(context)
  const housekeeping = new Housekeeping(
    {
      lastBackupAtMs: () => latestBackupAtMs(backups),
      backup: () => makeBackup(database, backups, clock.nowMs()),
      prune() {
        callLog.prune(keptCalls)
        audit.prune(keptAuditEntries)
      },
    },
    clock,
    logger,
  )
  housekeeping.start()

  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    group.flush()
    await housekeeping.stop()
    group.flush()
    database.pragma('wal_checkpoint(TRUNCATE)')
    database.close()
    lock.close()
  }
  return {
    settings: createSettingsStore(context, secretSettings()),
    users: createUserStore(context, deviceStates),
    callingPolicies: createCallingPolicyStore(context),
    devices: createDeviceStore(context, lines, bindings),
    deviceAccess: createDeviceAccessStore(context),
    enrolments: createEnrolmentStore(context),
    lines,
    bindings,
    signIns: createSignInStore(context, deviceStates),
    callLog,
    audit,
    secrets: createSecretStore(context),
    close: () => (closing ??= close()),
  }
}

/** Refuses a second box on the same directory: each would serve its own memory. The kernel frees it with the process. */
function takeLock(path: string, dataDir: string): Database.Database {
  let lock: Database.Database | undefined
  try {
    lock = new Database(path, { timeout: 1_000 })
    lock.pragma('journal_mode = MEMORY')
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock?.close()
    throw new ApplianceError(
      'DATA_DIR_UNUSABLE',
      { dataDir, reason: errorText(error) },
      {
        cause: error,
        advice: `Another Branchline may be running on ${dataDir}: stop it, or choose another with --data.`,
      },
    )
  }
}

const keyCheckPlace = 'meta/seal-key'

/** Proves that the key fits this database before anything is sealed with a second one. */
function checkKey(database: Database.Database, sealer: Sealer): void {
  guarded(() => {
    const row = database
      .prepare<[], { value: Buffer }>("SELECT value FROM meta WHERE name = 'seal-key'")
      .get()
    if (row) sealer.open(row.value, keyCheckPlace)
    else {
      database
        .prepare<[Buffer]>("INSERT INTO meta (name, value) VALUES ('seal-key', ?)")
        .run(sealer.seal('branchline', keyCheckPlace))
    }
  })
}
