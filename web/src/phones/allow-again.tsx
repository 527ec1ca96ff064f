import type { VNode } from 'preact'
import type { RefusedView } from '#src/api/schema/found-devices.ts'
import { ask } from '../api-client.ts'
import { formatMac } from '../format.ts'
import { Confirm } from '../ui/dialog.tsx'
import { Failure } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'

/** Lets a phone that was reset fetch its configuration again, after saying what that costs. */
export function AllowAgain(props: { note: RefusedView; onClose: () => void }): VNode {
  const { note, onClose } = props
  const allow = useAction(async () => {
    await ask('POST', `/api/devices/${note.deviceId}/allow-again`, { from: note.from })
    onClose()
  })
  return (
    <Confirm
      title={`Let ${note.label} start anew?`}
      action="Allow again"
      busy={allow.busy}
      onConfirm={() => void allow.run()}
      onClose={onClose}
    >
      <p>
        The phone {note.mac !== null && <code>{formatMac(note.mac)}</code>} at {note.from} may then fetch its
        configuration, with a new password. Whoever is signed in on it is signed out and signs in again on the
        phone. Do this only if you know that it was reset.
      </p>
      <Failure failure={allow.failure} />
    </Confirm>
  )
}
