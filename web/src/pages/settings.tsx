import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { SettingsChanged, SettingsField, SettingsView } from '#src/api/schema/settings.ts'
import { ask } from '../api-client.ts'
import { SettingInput } from '../settings/setting-input.tsx'
import { Account } from '../settings/account.tsx'
import { History } from '../settings/history.tsx'
import { groupsOf, patchOf, shownValue, type Edits } from '../settings/edits.ts'
import { count } from '../format.ts'
import { Failure, Loading, Notice } from '../ui/notice.tsx'
import { useAction, useResource } from '../use-resource.ts'

/** Every setting of the box by theme; edits are kept until they are saved or dropped. */
export function Settings(): VNode {
  const { data, failure, reload } = useResource<SettingsView>('/api/settings', ['settingsChanged'])
  const [edits, setEdits] = useState<Edits>({})
  const [done, setDone] = useState<SettingsChanged>()
  const save = useAction(async () => {
    if (!data) return
    const patch = patchOf(data.fields, edits)
    try {
      setDone(await ask<SettingsChanged>('PATCH', '/api/settings', patch, { 'if-match': `"${data.etag}"` }))
      setEdits({})
    } finally {
      // Also after a conflict: the next try is then made against what is true now.
      reload()
    }
  })
  const changed = data ? data.fields.filter((field) => edits[field.path] !== undefined) : []
  const edit = (field: SettingsField, value: string): void => {
    setDone(undefined)
    setEdits((now) => ({ ...now, [field.path]: value === shownValue(field) ? undefined : value }))
  }
  return (
    <>
      <h1>Settings</h1>
      <Failure failure={failure} onRetry={reload} />
      {!data && !failure && <Loading />}
      {data && (
        <form
          class="settings"
          onSubmit={(event) => {
            event.preventDefault()
            void save.run()
          }}
        >
          {groupsOf(data.fields).map(({ title, fields }) => (
            <fieldset key={title}>
              <legend>{title}</legend>
              {fields.map((field) => (
                <SettingInput
                  key={field.path}
                  field={field}
                  edit={edits[field.path]}
                  problem={save.failure?.field === field.path ? save.failure.message : undefined}
                  onEdit={(value) => edit(field, value)}
                />
              ))}
            </fieldset>
          ))}
          <div
            class="save-bar"
            data-open={changed.length > 0 || done !== undefined || save.failure !== undefined}
          >
            <Failure failure={save.failure} />
            {save.failure?.code === 'CONFLICT' && (
              <p>Your edits are kept. The values below are the new ones: look at them, then save again.</p>
            )}
            {done && <Saved changed={done} fields={data.fields} />}
            {changed.length > 0 && (
              <p class="save-actions">
                <span>{count(changed.length, 'change')} not saved</span>
                <button type="button" onClick={() => setEdits({})}>
                  Drop
                </button>
                <button type="submit" class="primary" disabled={save.busy}>
                  {save.busy ? 'Saving …' : 'Save'}
                </button>
              </p>
            )}
          </div>
        </form>
      )}
      <Account />
      <History />
    </>
  )
}

function Saved(props: { changed: SettingsChanged; fields: SettingsField[] }): VNode {
  const pendingRestart = props.changed.pendingRestart.map(
    (path) => props.fields.find((field) => field.path === path)?.title ?? path,
  )
  return (
    <Notice tone={pendingRestart.length > 0 ? 'warn' : 'ok'} title="Saved.">
      {pendingRestart.length > 0 && `Takes effect after the box restarts: ${pendingRestart.join(', ')}.`}
    </Notice>
  )
}
