import type { VNode } from 'preact'
import type { DectServerView } from '#src/api/schema/handsets.ts'
import { ask } from '../api-client.ts'
import { count } from '../format.ts'
import { Confirm } from '../ui/dialog.tsx'
import { Failure } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'

/** Removes a DECT server after saying how many handsets go with it. */
export function RemoveServer(props: { server: DectServerView; onClose: () => void }): VNode {
  const { server, onClose } = props
  const { device, handsets } = server
  const remove = useAction(async () => {
    await ask('DELETE', `/api/devices/${device.id}`)
    onClose()
  })
  return (
    <Confirm
      title={`Remove ${device.label}?`}
      action="Remove server"
      busy={remove.busy}
      onConfirm={() => void remove.run()}
      onClose={onClose}
    >
      <p>
        {handsets === 0
          ? 'It gets no configuration from this box any more.'
          : `Its ${count(handsets, 'handset')} can no longer register, and whoever is signed in on one is signed out.`}
      </p>
      <Failure failure={remove.failure} />
    </Confirm>
  )
}
