import { isDeepStrictEqual } from 'node:util'
import { listSettings, type Applies } from '#src/model/setting-fields.ts'
import type { Settings } from '#src/model/settings.ts'
import { valueAt } from './merge-settings.ts'

/** One setting whose value is another, and when that takes effect. */
export interface SettingChange {
  path: string
  applies: Applies
}

/** Lists the settings that differ, in the schema's order. */
export function diffSettings(before: Settings, after: Settings): SettingChange[] {
  return listSettings()
    .filter(({ path }) => !isDeepStrictEqual(valueAt(before, path), valueAt(after, path)))
    .map(({ path, applies }) => ({ path, applies }))
}
