import type { VNode } from 'preact'
import type { DeviceView } from '#src/api/schema/devices.ts'
import type { LadderView } from '#src/api/schema/traces.ts'
import { formatMoment } from '../format.ts'
import { Dialog } from '../ui/dialog.tsx'
import { Failure, Loading } from '../ui/notice.tsx'
import { useResource } from '../use-resource.ts'
import { Ladder } from './ladder.tsx'
import './signalling.css'

const limit = 100

/** What a phone and the box said to each other outside calls of late: how it registers, and what was refused. */
export function PhoneMessages(props: { device: DeviceView; onClose: () => void }): VNode {
  const { device, onClose } = props
  const { data, failure, reload } = useResource<LadderView>(
    `/api/messages?device=${encodeURIComponent(device.id)}&limit=${limit}`,
  )
  const first = data?.messages[0]
  return (
    <Dialog title={`Messages of ${device.label}`} size="full" onClose={onClose}>
      <Failure failure={failure} onRetry={reload} />
      {!data && !failure && <Loading />}
      {data && (
        <p class="muted">
          The latest SIP messages outside calls from its address or with its user name, passwords masked.
          {first && ` Times count from the first one here, ${formatMoment(first.atMs)}.`} Those of a call
          stand with the call.
        </p>
      )}
      {/* When older ones have gone, what is open would be another message. */}
      {data && <Ladder key={first?.atMs} ladder={data} />}
      <footer class="dialog-foot">
        <button type="button" onClick={reload}>
          Read again
        </button>
      </footer>
    </Dialog>
  )
}
