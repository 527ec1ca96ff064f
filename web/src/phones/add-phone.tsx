import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { CredentialsView, DeviceView } from '#src/api/schema/devices.ts'
import { ask } from '../api-client.ts'
import { Dialog } from '../ui/dialog.tsx'
import { TextField } from '../ui/fields.tsx'
import { Failure } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'
import { Credentials } from './credentials.tsx'
import { Registration } from './registration.tsx'

interface Added {
  device: DeviceView
  credentials: CredentialsView
}

/** Two steps: name the phone; then enter on it what the box made, and see it register. */
export function AddPhone(props: { devices: DeviceView[]; onClose: () => void }): VNode {
  const [label, setLabel] = useState('')
  const [mac, setMac] = useState('')
  const [added, setAdded] = useState<Added>()
  const add = useAction(async () => {
    const body = { label, ...(mac.trim() === '' ? {} : { mac: mac.trim() }) }
    setAdded(await ask<Added>('POST', '/api/devices', body))
  })
  const newLink = useAction(async () => {
    if (!added) return
    const path = `/api/lines/${added.credentials.lineId}/credentials`
    setAdded({ ...added, credentials: await ask<CredentialsView>('GET', path) })
  })

  if (added) {
    return (
      <Dialog title={`Set up ${added.device.label}`} onClose={props.onClose} wide>
        <Failure failure={newLink.failure} />
        <Credentials credentials={added.credentials} onNewLink={() => void newLink.run()} />
        <Registration lineId={added.credentials.lineId} />
        <footer class="dialog-foot">
          <button type="button" class="primary" onClick={props.onClose} autofocus>
            Done
          </button>
        </footer>
      </Dialog>
    )
  }

  const twin = props.devices.some((device) => device.label.toLowerCase() === label.trim().toLowerCase())
  const macProblem = add.failure?.field === 'mac' ? add.failure.message : undefined
  return (
    <Dialog title="Add a phone" onClose={props.onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void add.run()
        }}
      >
        <TextField
          label="Name"
          value={label}
          onValue={setLabel}
          placeholder="Reception"
          maxLength={60}
          hint={
            twin
              ? 'There is a phone of this name already; you may still use it.'
              : 'Where it stands or whose it is.'
          }
          required
          autofocus
        />
        <TextField
          label="MAC address (optional)"
          value={mac}
          onValue={setMac}
          placeholder="00:15:65:12:34:56"
          spellcheck={false}
          hint="On the sticker of a desk phone. Softphones have none."
          problem={macProblem}
        />
        {!macProblem && <Failure failure={add.failure} />}
        <footer class="dialog-foot">
          <button type="button" onClick={props.onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={add.busy || label.trim() === ''}>
            {add.busy ? 'Adding …' : 'Add phone'}
          </button>
        </footer>
      </form>
    </Dialog>
  )
}
