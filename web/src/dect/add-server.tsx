import type { VNode } from 'preact'
import { useId, useState } from 'preact/hooks'
import type { DectServersView } from '#src/api/schema/handsets.ts'
import { ask } from '../api-client.ts'
import { Dialog } from '../ui/dialog.tsx'
import { TextField } from '../ui/fields.tsx'
import { Failure } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'

/** Makes a DECT server known, so that it gets its configuration when it asks. */
export function AddServer(props: { models: DectServersView['models']; onClose: () => void }): VNode {
  const { models, onClose } = props
  const [label, setLabel] = useState('')
  const [mac, setMac] = useState('')
  const [model, setModel] = useState(models[0]?.model ?? '')
  const modelId = useId()
  const add = useAction(async () => {
    await ask('POST', '/api/dect/servers', { label, mac: mac.trim(), model })
    onClose()
  })
  const macProblem = add.failure?.field === 'mac' ? add.failure.message : undefined
  return (
    <Dialog title="Add a DECT server" onClose={onClose}>
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
          placeholder="DECT, main building"
          maxLength={60}
          required
          autofocus
        />
        <TextField
          label="MAC address"
          value={mac}
          onValue={setMac}
          placeholder="00:90:33:12:34:56"
          spellcheck={false}
          hint="On the sticker of the server. It is how the server names itself when it asks for its files."
          problem={macProblem}
          required
        />
        <div class="field">
          <label for={modelId}>Model</label>
          <select id={modelId} value={model} onChange={(event) => setModel(event.currentTarget.value)}>
            {models.map((one) => (
              <option key={one.model} value={one.model}>
                {one.vendor} {one.model}
              </option>
            ))}
          </select>
        </div>
        {!macProblem && <Failure failure={add.failure} />}
        <footer class="dialog-foot">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button
            type="submit"
            class="primary"
            disabled={add.busy || label.trim() === '' || mac.trim() === ''}
          >
            {add.busy ? 'Adding …' : 'Add server'}
          </button>
        </footer>
      </form>
    </Dialog>
  )
}
