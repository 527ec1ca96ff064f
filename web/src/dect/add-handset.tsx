import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type {
  AccessCodeView,
  DectServerView,
  HandsetProblem,
  HandsetsView,
} from '#src/api/schema/handsets.ts'
import { ask, type ApiFailure } from '../api-client.ts'
import { Dialog } from '../ui/dialog.tsx'
import { TextField } from '../ui/fields.tsx'
import { Failure } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'
import { CodeToType } from './access-code.tsx'

interface Added {
  label: string
  code: AccessCodeView
}

/** Two steps, for one handset after the other: what it is; then the code to type on it. */
export function AddHandset(props: { server: DectServerView; onClose: () => void }): VNode {
  const { server, onClose } = props
  const [ipei, setIpei] = useState('')
  const [label, setLabel] = useState('')
  const [extension, setExtension] = useState('')
  const [added, setAdded] = useState<Added>()
  const add = useAction(async () => {
    const handset = { ipei, label, ...(extension.trim() === '' ? {} : { extension: extension.trim() }) }
    const path = `/api/devices/${server.device.id}/handsets`
    const [first] = (await ask<HandsetsView>('POST', path, { handsets: [handset] })).handsets
    if (!first) return
    const code = await ask<AccessCodeView>('GET', `/api/handsets/${first.device.id}/access-code`)
    setAdded({ label: first.device.label, code })
  })

  if (added) {
    const another = (): void => {
      setIpei('')
      setLabel('')
      setExtension('')
      setAdded(undefined)
    }
    return (
      <Dialog title={`Set up ${added.label}`} onClose={onClose}>
        <CodeToType code={added.code} />
        <footer class="dialog-foot">
          <button type="button" onClick={another}>
            Add another
          </button>
          <button type="button" class="primary" onClick={onClose} autofocus>
            Done
          </button>
        </footer>
      </Dialog>
    )
  }

  const problems = problemsOf(add.failure)
  const problem = (field: string): string | undefined => problems.find((one) => one.field === field)?.text
  return (
    <Dialog title={`Add a handset to ${server.device.label}`} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void add.run()
        }}
      >
        <TextField
          label="IPEI"
          value={ipei}
          onValue={setIpei}
          placeholder="57005 0782068 7"
          spellcheck={false}
          hint="In the handset's menu, and on the sticker under its battery."
          problem={problem('ipei')}
          maxLength={40}
          required
          autofocus
        />
        <TextField
          label="Name"
          value={label}
          onValue={setLabel}
          placeholder="Ward 3"
          maxLength={60}
          problem={problem('label')}
          required
        />
        <TextField
          label="Extension (optional)"
          value={extension}
          onValue={setExtension}
          inputMode="numeric"
          maxLength={6}
          hint="One to six digits, dialled from other phones here."
          problem={problem('extension')}
        />
        {problems.length === 0 && <Failure failure={add.failure} />}
        <footer class="dialog-foot">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button
            type="submit"
            class="primary"
            disabled={add.busy || ipei.trim() === '' || label.trim() === ''}
          >
            {add.busy ? 'Adding …' : 'Add handset'}
          </button>
        </footer>
      </form>
    </Dialog>
  )
}

/** What the box found wrong with the rows of a list; empty for any other failure. */
export function problemsOf(failure: ApiFailure | undefined): HandsetProblem[] {
  const { problems } = failure?.details ?? {}
  return Array.isArray(problems) ? (problems as HandsetProblem[]) : []
}
