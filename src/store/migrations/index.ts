import { firstTables } from './001-first-tables.ts'
import type { Migration } from './migration.ts'

/** Every migration in order; the last one's version is the version that this program writes. */
export const migrations: readonly Migration[] = [firstTables]
