import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { ask } from '../api-client.ts'
import { count } from '../format.ts'
import { Dialog } from '../ui/dialog.tsx'
import { SelectField } from '../ui/fields.tsx'
import { Failure } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'

const choices = [5, 15, 30, 60]

/** Opens the time in which phones are adopted without a click each. */
export function OpenAdoption(props: { found: number; onClose: () => void }): VNode {
  const [minutes, setMinutes] = useState('15')
  const open = useAction(async () => {
    await ask('POST', '/api/adoption-window', { minutes: Number(minutes) })
    props.onClose()
  })
  return (
    <Dialog title="Adopt new phones" onClose={props.onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void open.run()
        }}
      >
        <p>
          Plug the phones in while this is open: each one that asks for its configuration becomes a phone of
          this box.
          {props.found > 0 &&
            ` The ${count(props.found, 'phone')} found so far ${props.found === 1 ? 'is' : 'are'} adopted at once.`}{' '}
          Do this only while you know who is plugging in.
        </p>
        <SelectField
          label="For how long"
          value={minutes}
          onValue={setMinutes}
          options={choices.map((choice) => ({ value: String(choice), text: `${choice} minutes` }))}
        />
        <Failure failure={open.failure} />
        <footer class="dialog-foot">
          <button type="button" onClick={props.onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={open.busy}>
            Start adopting
          </button>
        </footer>
      </form>
    </Dialog>
  )
}
