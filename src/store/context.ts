import type { Database } from 'better-sqlite3'
import type { Logger } from '#src/base/logger.ts'
import type { GroupCommit } from './group-commit.ts'
import type { ReadMemory } from './read-memory.ts'
import type { Sealer } from './seal.ts'

/** What every repository needs of the store. */
export interface StoreContext {
  database: Database
  sealer: Sealer
  group: GroupCommit
  /** Shared by the repositories of users, sign-ins, policies and devices. */
  memory: ReadMemory
  logger: Logger
  /** Wall clock, epoch ms, for the columns that say when something was saved. */
  nowMs: () => number
}
