import { firstTables } from './001-first-tables.ts'
import { provisionedDevices } from './002-provisioned-devices.ts'
import type { Migration } from './migration.ts'

/** Every migration in order; the last one's version is the version that this program writes. */
export const migrations: readonly Migration[] = [firstTables, provisionedDevices]
