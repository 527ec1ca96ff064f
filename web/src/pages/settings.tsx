import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { SettingsChanged, SettingsField, SettingsView } from '#src/api/schema/settings.ts'
import { ask } from '../api-client.ts'
import { SettingInput } from '../settings/setting-input.tsx'
import { Account } from '../settings/account.tsx'
import { History } from '../settings/history.tsx'
import { Machine } from '../settings/machine.tsx'
import { MetricsToken } from '../settings/metrics-token.tsx'
import { Restart } from '../settings/restart.tsx'
import { ShutOut } from '../settings/shut-out.tsx'
import { groupsOf, patchOf, removalOf, shownValue, type Edits } from '../settings/edits.ts'
import { count } from '../format.ts'
import { stepHref, steps } from '../setup/steps.ts'
import { Failure, Loading, Notice } from '../ui/notice.tsx'
import { useAction, useResource } from '../use-resource.ts'

/** Every setting of the box by theme; edits are kept until they are saved or dropped. */
export function Settings(): VNode {
  const { data, failure, reload } = useResource<SettingsView>('/api/settings', ['settingsChanged'])
  const [edits, setEdits] = useState<Edits>({})
  const [done, setDone] = useState<SettingsChanged>()
  const [restarting, setRestarting] = useState(false)
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
  const mend = useAction(async () => {
    if (!data) return
    const patch = removalOf(data.problems.map(({ field }) => field))
    await ask<SettingsChanged>('PATCH', '/api/settings', patch, { 'if-match': `"${data.etag}"` })
    reload()
  })
  // The refused field may be far from the button that was pressed.
  useEffect(() => {
    if (!save.failure?.field) return
    const input = document.querySelector<HTMLElement>('.settings [aria-invalid]')
    input?.focus({ preventScroll: true })
    // To the middle: at the edge it would stand behind the bar with the button.
    input?.scrollIntoView({ block: 'center' })
  }, [save.failure])
  const changed = data ? data.fields.filter((field) => edits[field.path] !== undefined) : []
  const edit = (field: SettingsField, value: string): void => {
    setDone(undefined)
    setEdits((now) => ({ ...now, [field.path]: value === shownValue(field) ? undefined : value }))
  }
  return (
    <>
      <h1>Settings</h1>
      {data && data.problems.length === 0 && <StepByStep />}
      <Failure failure={failure} onRetry={reload} />
      {!data && !failure && <Loading />}
      {data && data.problems.length > 0 && (
        <Notice tone="bad" title="Some saved settings cannot be used, so only this page runs.">
          <ul class="problems">
            {data.problems.map(({ field, text }) => (
              <li key={field + text}>
                <code>{field}</code>: {text}
              </li>
            ))}
          </ul>
          <p>Taken out, they have their defaults again; then the box must be restarted.</p>
          <button type="button" disabled={mend.busy} onClick={() => void mend.run()}>
            Take them out
          </button>
          <Failure failure={mend.failure} />
        </Notice>
      )}
      {data && !done && data.pendingRestart.length > 0 && (
        <Notice tone="warn" title="The box must be restarted.">
          <p>Only then these are in force: {titlesOf(data.pendingRestart, data.fields).join(', ')}.</p>
          <button type="button" onClick={() => setRestarting(true)}>
            Restart …
          </button>
        </Notice>
      )}
      {restarting && (
        <Restart
          newPort={newPortOf(data)}
          onClose={() => setRestarting(false)}
          onBack={() => {
            setRestarting(false)
            setDone(undefined)
            reload()
          }}
        />
      )}
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
            {done && <Saved changed={done} fields={data.fields} onRestart={() => setRestarting(true)} />}
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
      <ShutOut />
      <Account />
      <MetricsToken />
      <Machine onRestart={() => setRestarting(true)} />
      <History />
    </>
  )
}

/** What is set with checks and advice is set in the setup, as often as one likes. */
function StepByStep(): VNode {
  const guided = steps.filter(({ id }) => ['network', 'time', 'certificate', 'teams'].includes(id))
  return (
    <nav class="by-step" aria-label="Settings with checks">
      <span class="muted">Set with advice and checks:</span>
      {guided.map(({ id, title }) => (
        <a key={id} href={stepHref(id)}>
          {title}
        </a>
      ))}
    </nav>
  )
}

function Saved(props: { changed: SettingsChanged; fields: SettingsField[]; onRestart: () => void }): VNode {
  const pendingRestart = titlesOf(props.changed.pendingRestart, props.fields)
  return (
    <Notice tone={pendingRestart.length > 0 ? 'warn' : 'ok'} title="Saved.">
      {pendingRestart.length > 0 && (
        <>
          <p>Takes effect after the box restarts: {pendingRestart.join(', ')}.</p>
          <button type="button" onClick={props.onRestart}>
            Restart …
          </button>
        </>
      )}
    </Notice>
  )
}

function titlesOf(paths: readonly string[], fields: readonly SettingsField[]): string[] {
  return paths.map((path) => fields.find((field) => field.path === path)?.title ?? path)
}

/** The port under which the page stands after a restart, when it is another one. */
function newPortOf(view: SettingsView | undefined): number | undefined {
  if (!view?.pendingRestart.includes('page.httpsPort')) return undefined
  const port = view.fields.find(({ path }) => path === 'page.httpsPort')?.value
  return typeof port === 'number' && port !== 0 ? port : undefined
}
