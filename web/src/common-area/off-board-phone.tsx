import type { VNode } from 'preact'
import type { DeviceView } from '#src/api/schema/devices.ts'
import { ask } from '../api-client.ts'
import { Confirm } from '../ui/dialog.tsx'
import { Failure } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'

/** Off-boards a device now, after saying what goes with it. */
export function OffBoardPhone(props: { device: DeviceView; onClose: () => void }): VNode {
  const { device, onClose } = props
  const offBoard = useAction(async () => {
    await ask('POST', `/api/devices/${device.id}/off-board`)
    onClose()
  })
  const people = device.lines.flatMap((line) => (line.user ? [line.user.displayName] : []))
  return (
    <Confirm
      title={`Off-board ${device.label}?`}
      action="Off-board"
      busy={offBoard.busy}
      onConfirm={() => void offBoard.run()}
      onClose={onClose}
    >
      <p>
        Its registration and credentials end, as for a phone that was lost.
        {people.length > 0 && ` ${people.join(', ')} will be signed out of it.`} It stays on the list and can
        be brought back under <a href="#/common-area">Common area phones</a>.
      </p>
      <Failure failure={offBoard.failure} />
    </Confirm>
  )
}
