import { Value } from 'typebox/value'
import { settingsSchema, type Settings } from '#src/model/settings.ts'
import { audit, need, type ApiContext } from '../context.ts'

/** The settings as saved, typed, with every default; secrets are masked and must not be used. */
export function savedSettings(context: ApiContext): Settings {
  const { effective } = need(context, 'settings').read()
  return Value.Default(settingsSchema, structuredClone(effective)) as Settings
}

/** Changes settings from a wizard step, as the settings page does: audited, told to open pages. */
export async function saveSettings(
  context: ApiContext,
  patch: Record<string, unknown>,
  fields: readonly string[],
): Promise<{ pendingRestart: string[] }> {
  const settings = need(context, 'settings')
  const { etag, pendingRestart } = await settings.change(patch, settings.read().etag)
  audit(context, {
    action: 'settings.change',
    subject: 'settings',
    details: { fields, pendingRestart },
  })
  context.events.publish('settingsChanged', { etag })
  return { pendingRestart }
}
