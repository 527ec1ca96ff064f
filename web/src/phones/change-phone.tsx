import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { DeviceView } from '#src/api/schema/devices.ts'
import { ask } from '../api-client.ts'
import { Confirm, Dialog } from '../ui/dialog.tsx'
import { TextField } from '../ui/fields.tsx'
import { Failure } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'

/** Gives a phone another name. */
export function RenamePhone(props: { device: DeviceView; onClose: () => void }): VNode {
  const [label, setLabel] = useState(props.device.label)
  const rename = useAction(async () => {
    await ask('PATCH', `/api/devices/${props.device.id}`, { label })
    props.onClose()
  })
  return (
    <Dialog title={`Rename ${props.device.label}`} onClose={props.onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void rename.run()
        }}
      >
        <TextField label="Name" value={label} onValue={setLabel} maxLength={60} required autofocus />
        <Failure failure={rename.failure} />
        <footer class="dialog-foot">
          <button type="button" onClick={props.onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={rename.busy || label.trim() === ''}>
            Rename
          </button>
        </footer>
      </form>
    </Dialog>
  )
}

/** Removes a phone after saying what goes with it. */
export function RemovePhone(props: { device: DeviceView; onClose: () => void }): VNode {
  const { device, onClose } = props
  const remove = useAction(async () => {
    await ask('DELETE', `/api/devices/${device.id}`)
    onClose()
  })
  const people = device.lines.flatMap((line) => (line.user ? [line.user.displayName] : []))
  return (
    <Confirm
      title={`Remove ${device.label}?`}
      action="Remove phone"
      busy={remove.busy}
      onConfirm={() => void remove.run()}
      onClose={onClose}
    >
      <p>
        Its credentials stop working and it can no longer register.
        {people.length > 0 && ` ${people.join(', ')} will be signed out of it.`} Calls that are going on are
        not cut off.
      </p>
      <Failure failure={remove.failure} />
    </Confirm>
  )
}
