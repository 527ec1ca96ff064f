import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { HandsetView } from '#src/api/schema/handsets.ts'
import { ask } from '../api-client.ts'
import { Confirm, Dialog } from '../ui/dialog.tsx'
import { TextField } from '../ui/fields.tsx'
import { Failure } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'

/** Gives a handset another name and extension. */
export function ChangeHandset(props: { handset: HandsetView; onClose: () => void }): VNode {
  const { handset, onClose } = props
  const [label, setLabel] = useState(handset.device.label)
  const [extension, setExtension] = useState(handset.extension ?? '')
  const change = useAction(async () => {
    const to = { label, extension: extension.trim() === '' ? null : extension.trim() }
    await ask('PATCH', `/api/handsets/${handset.device.id}`, to)
    onClose()
  })
  const problem = (field: string): string | undefined =>
    change.failure?.field === field ? change.failure.message : undefined
  const known = problem('label') ?? problem('extension')
  return (
    <Dialog title={`Change ${handset.device.label}`} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void change.run()
        }}
      >
        <TextField
          label="Name"
          value={label}
          onValue={setLabel}
          maxLength={60}
          problem={problem('label')}
          required
          autofocus
        />
        <TextField
          label="Extension (optional)"
          value={extension}
          onValue={setExtension}
          inputMode="numeric"
          maxLength={6}
          problem={problem('extension')}
        />
        {known === undefined && <Failure failure={change.failure} />}
        <footer class="dialog-foot">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={change.busy || label.trim() === ''}>
            Save
          </button>
        </footer>
      </form>
    </Dialog>
  )
}

/** Removes one handset after saying what goes with it. */
export function RemoveHandset(props: { handset: HandsetView; onClose: () => void }): VNode {
  const { handset, onClose } = props
  const { device } = handset
  const remove = useAction(async () => {
    await ask('DELETE', `/api/handsets/${device.id}`)
    onClose()
  })
  const user = device.lines[0]?.user
  return (
    <Confirm
      title={`Remove ${device.label}?`}
      action="Remove handset"
      busy={remove.busy}
      onConfirm={() => void remove.run()}
      onClose={onClose}
    >
      <p>
        It can no longer register, and a call on it ends.
        {user && ` ${user.displayName} will be signed out of it.`} The other handsets are not touched.
      </p>
      <Failure failure={remove.failure} />
    </Confirm>
  )
}
