import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { EnrolmentView } from '#src/api/schema/enrolments.ts'
import { ask } from '../api-client.ts'
import { Dialog } from '../ui/dialog.tsx'
import { TextField } from '../ui/fields.tsx'
import { Failure } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'
import { CodeToDial } from './code-to-dial.tsx'

/** Announces one phone and shows the code to dial on it. */
export function Announce(props: { onClose: () => void }): VNode {
  const [address, setAddress] = useState('')
  const [label, setLabel] = useState('')
  const [location, setLocation] = useState('')
  const [added, setAdded] = useState<EnrolmentView>()
  const announce = useAction(async () => {
    const devices = [{ address: address.trim(), label: label.trim(), location: location.trim() }]
    const { enrolments } = await ask<{ enrolments: EnrolmentView[] }>('POST', '/api/enrolments', { devices })
    setAdded(enrolments[0])
  })

  if (added) {
    return (
      <Dialog title={`${added.label} is announced`} onClose={props.onClose}>
        <CodeToDial enrolment={added} />
        <footer class="dialog-foot">
          <button type="button" class="primary" onClick={props.onClose} autofocus>
            Done
          </button>
        </footer>
      </Dialog>
    )
  }

  const field = announce.failure?.field?.split('.').at(-1)
  const problem = (name: string): string | undefined =>
    field === name ? announce.failure?.message : undefined
  const complete = [address, label, location].every((text) => text.trim() !== '')
  return (
    <Dialog title="Announce a phone" onClose={props.onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void announce.run()
        }}
      >
        <TextField
          label="MAC address or IPEI"
          value={address}
          onValue={setAddress}
          placeholder="00:15:65:12:34:56"
          maxLength={40}
          spellcheck={false}
          hint="On the sticker of the phone. DECT handsets have an IPEI instead."
          problem={problem('address')}
          required
          autofocus
        />
        <TextField
          label="Name"
          value={label}
          onValue={setLabel}
          placeholder="Lobby"
          maxLength={60}
          problem={problem('label')}
          required
        />
        <TextField
          label="Location"
          value={location}
          onValue={setLocation}
          placeholder="Main building, ground floor"
          maxLength={100}
          problem={problem('location')}
          required
        />
        {(field === undefined || !['address', 'label', 'location'].includes(field)) && (
          <Failure failure={announce.failure} />
        )}
        <footer class="dialog-foot">
          <button type="button" onClick={props.onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={announce.busy || !complete}>
            {announce.busy ? 'Announcing …' : 'Announce'}
          </button>
        </footer>
      </form>
    </Dialog>
  )
}
