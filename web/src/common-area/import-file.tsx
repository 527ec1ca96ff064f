import type { VNode } from 'preact'
import { useId, useState } from 'preact/hooks'
import type { EnrolmentView, PreviewView } from '#src/api/schema/enrolments.ts'
import { ask } from '../api-client.ts'
import { count } from '../format.ts'
import { Dialog } from '../ui/dialog.tsx'
import { Failure, Notice } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'

/** Three steps: choose a file, see what it would do, announce its good lines. Nothing is saved before the third. */
export function ImportFile(props: { onClose: () => void }): VNode {
  const [preview, setPreview] = useState<PreviewView>()
  const [announced, setAnnounced] = useState<number>()
  const read = useAction(async (file: File) => {
    setPreview(undefined)
    setPreview(await ask<PreviewView>('POST', '/api/enrolments/preview', file))
  })
  const announce = useAction(async () => {
    const devices = (preview?.good ?? []).map(({ address, label, location }) => ({
      address,
      label,
      location,
    }))
    const { enrolments } = await ask<{ enrolments: EnrolmentView[] }>('POST', '/api/enrolments', { devices })
    setAnnounced(enrolments.length)
  })

  if (announced !== undefined) {
    return (
      <Dialog title="Import a list" onClose={props.onClose}>
        <Notice tone="ok" title={`${count(announced, 'phone')} announced.`}>
          Their codes are on the page, as CSV, and can be printed.
        </Notice>
        <footer class="dialog-foot">
          <button type="button" class="primary" onClick={props.onClose} autofocus>
            Done
          </button>
        </footer>
      </Dialog>
    )
  }

  const good = preview?.good.length ?? 0
  return (
    <Dialog title="Import a list" onClose={props.onClose} wide>
      <FileField busy={read.busy} onFile={(file) => void read.run(file)} />
      <div aria-live="polite">
        <Failure failure={read.failure ?? announce.failure} />
        {preview && <Preview preview={preview} />}
      </div>
      <footer class="dialog-foot">
        {preview && <span class="foot-text">Nothing is saved yet.</span>}
        <button type="button" onClick={props.onClose}>
          Cancel
        </button>
        {preview && (
          <button
            type="button"
            class="primary"
            disabled={good === 0 || announce.busy}
            onClick={() => void announce.run()}
          >
            {good === 0 ? 'No row can be imported' : `Import the ${count(good, 'good row')}`}
          </button>
        )}
      </footer>
    </Dialog>
  )
}

function FileField(props: { busy: boolean; onFile: (file: File) => void }): VNode {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>CSV file</label>
      <input
        id={id}
        type="file"
        accept=".csv,.txt,text/csv,text/plain"
        aria-describedby={`${id}-hint`}
        disabled={props.busy}
        autofocus
        onChange={(event) => {
          const file = event.currentTarget.files?.[0]
          if (file) props.onFile(file)
        }}
      />
      <p class="hint" id={`${id}-hint`}>
        First line <code>MAC,Location,Label</code>, then one phone per line; the label may be missing. The
        bulk file of the Teams admin center (<code>MAC id,Location</code>) works as it is. Commas or
        semicolons, up to 1,000 rows.
      </p>
    </div>
  )
}

function Preview(props: { preview: PreviewView }): VNode {
  const { good, broken } = props.preview
  return (
    <>
      {broken.length > 0 && (
        <section class="preview" aria-label="Rows that cannot be imported">
          <h3>{count(broken.length, 'row')} cannot be imported</h3>
          <ul class="preview-rows broken">
            {broken.map(({ line, address, text }) => (
              <li key={line}>
                <span class="muted">line {line}</span>
                <span>
                  {address !== '' && <code>{address}</code>} {text}
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
      {good.length > 0 && (
        <details class="preview" open={good.length <= 10}>
          <summary>{count(good.length, 'good row')}</summary>
          <ul class="preview-rows">
            {good.map(({ line, address, label, location, note }) => (
              <li key={line}>
                <span class="muted">line {line}</span>
                <span>
                  <code>{address}</code> <strong>{label}</strong>
                  {location !== label && ` · ${location}`}
                  {note !== null && <em class="muted"> {note}</em>}
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  )
}
