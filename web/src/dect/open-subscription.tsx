import type { VNode } from 'preact'
import { useId, useState } from 'preact/hooks'
import type { DectServerView } from '#src/api/schema/handsets.ts'
import { ask } from '../api-client.ts'
import { Dialog } from '../ui/dialog.tsx'
import { Failure } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'

const choices = [5, 10, 30, 60]

/** Lets handsets subscribe for a chosen time. */
export function OpenSubscription(props: { server: DectServerView; onClose: () => void }): VNode {
  const { server, onClose } = props
  const [minutes, setMinutes] = useState(10)
  const id = useId()
  const open = useAction(async () => {
    await ask('POST', `/api/devices/${server.device.id}/subscription`, { minutes })
    onClose()
  })
  return (
    <Dialog title="Let handsets subscribe" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void open.run()
        }}
      >
        <p>
          {server.device.label} takes handsets for this time, each with its own access code. It learns of it
          within seconds when a handset of it is registered, else when it next asks for its files.
        </p>
        <div class="field">
          <label for={id}>For</label>
          <select
            id={id}
            value={minutes}
            autofocus
            onChange={(event) => setMinutes(Number(event.currentTarget.value))}
          >
            {choices.map((choice) => (
              <option key={choice} value={choice}>
                {choice} minutes
              </option>
            ))}
          </select>
        </div>
        <Failure failure={open.failure} />
        <footer class="dialog-foot">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={open.busy}>
            Start
          </button>
        </footer>
      </form>
    </Dialog>
  )
}
