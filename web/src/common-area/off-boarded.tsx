import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { OffBoardedListView, OffBoardedView } from '#src/api/schema/enrolments.ts'
import { ask } from '../api-client.ts'
import { formatMoment } from '../format.ts'
import { Dialog } from '../ui/dialog.tsx'
import { Failure } from '../ui/notice.tsx'
import { useAction, useResource } from '../use-resource.ts'

/** Devices that lost their place, why, and the way back; nothing when there are none. */
export function OffBoardedDevices(): VNode | null {
  const { data, failure, reload } = useResource<OffBoardedListView>('/api/off-boarded', [
    'devicesChanged',
    'settingsChanged',
  ])
  const [back, setBack] = useState<OffBoardedView>()
  // The list above fails for the same reason and says so.
  if (failure?.code === 'PART_NOT_RUNNING') return null
  if (!data) return failure ? <Failure failure={failure} onRetry={reload} /> : null
  return (
    <section class="off-boarded" aria-labelledby="off-boarded">
      <h2 id="off-boarded">Off-boarded devices</h2>
      <p class="hint">
        Phones that somebody is signed in on are off-boarded when they were not seen for{' '}
        {data.signedInStaleDays} days, all others after {data.signedOutStaleDays} days. Only time in which
        this box was up counts. After a factory reset a phone is found again by itself.
      </p>
      {data.devices.length === 0 ? (
        <p class="muted">None.</p>
      ) : (
        <ul class="rows">
          {data.devices.map((device) => (
            <li key={device.deviceId}>
              <span>
                <strong>{device.label}</strong>{' '}
                {device.address !== null && <code class="muted">{device.address}</code>}
              </span>
              <span class="muted">since {formatMoment(device.atMs)}</span>
              <span class="off-boarded-why">
                {device.text}
                <button
                  type="button"
                  class="small"
                  aria-label={`Bring back ${device.label}`}
                  onClick={() => setBack(device)}
                >
                  Bring back
                </button>
              </span>
            </li>
          ))}
        </ul>
      )}
      {back && (
        <BringBack
          device={back}
          onClose={() => {
            setBack(undefined)
            reload()
          }}
        />
      )}
    </section>
  )
}

function BringBack(props: { device: OffBoardedView; onClose: () => void }): VNode {
  const { device, onClose } = props
  const bringBack = useAction(async () => {
    await ask('POST', `/api/devices/${device.deviceId}/bring-back`)
    onClose()
  })
  return (
    <Dialog title={`Bring ${device.label} back?`} onClose={onClose}>
      <p>
        It gets new credentials and nobody is signed in on it. A phone that fetches its configuration from
        this box needs a factory reset; on any other, enter the new credentials from{' '}
        <a href="#/phones">Phones</a>.
      </p>
      <Failure failure={bringBack.failure} />
      <footer class="dialog-foot">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button
          type="button"
          class="primary"
          disabled={bringBack.busy}
          onClick={() => void bringBack.run()}
          autofocus
        >
          Bring back
        </button>
      </footer>
    </Dialog>
  )
}
