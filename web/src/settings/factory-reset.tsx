import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { GoingDown } from '#src/api/schema/host.ts'
import { ask } from '../api-client.ts'
import { count } from '../format.ts'
import { Dialog } from '../ui/dialog.tsx'
import { TextField } from '../ui/fields.tsx'
import { Failure } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'
import { NewBox } from './new-box.tsx'

const words = 'factory reset'

/** Makes the box forget everything: says what that is, wants the password and the words, and leads to the new box. */
export function FactoryReset(props: { ownsMachine: boolean; liveCalls: number; onClose: () => void }): VNode {
  const { ownsMachine, liveCalls } = props
  const [password, setPassword] = useState('')
  const [confirmation, setConfirmation] = useState('')
  const [since, setSince] = useState<number>()
  const reset = useAction(async () => {
    await ask<GoingDown>('POST', '/api/host/factory-reset', { password, confirmation })
    setSince(Date.now())
  })
  if (since !== undefined) return <NewBox since={since} ownsMachine={ownsMachine} />
  const problem = (field: string): string | undefined =>
    reset.failure?.field === field ? reset.failure.message : undefined
  const wrongPassword = reset.failure?.code === 'PASSWORD_WRONG' ? reset.failure.message : undefined
  const meant = confirmation.trim().toLowerCase() === words
  return (
    <Dialog title="Reset the box to its factory settings?" onClose={props.onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (meant) void reset.run()
        }}
      >
        <p>This erases what the box was told, and cannot be undone:</p>
        <ul class="losses">
          <li>every phone, DECT handset and announced phone with its password,</li>
          <li>who is signed in, calling policies, settings and certificates,</li>
          <li>
            the call log, the history and the admin password
            {ownsMachine ? ', and a fixed network address.' : '.'}
          </li>
        </ul>
        <p>
          Phones stop working at once and have to be set up anew; desk phones need a factory reset of their
          own.
          {liveCalls > 0 && ` ${count(liveCalls, 'call is', 'calls are')} going on now.`}
        </p>
        <TextField
          label="Admin password"
          type="password"
          value={password}
          onValue={setPassword}
          autoComplete="current-password"
          problem={wrongPassword}
          required
          autofocus
        />
        <TextField
          label={`Type “${words}”`}
          value={confirmation}
          onValue={setConfirmation}
          autoComplete="off"
          spellcheck={false}
          problem={problem('confirmation')}
          required
        />
        {!wrongPassword && !problem('confirmation') && <Failure failure={reset.failure} />}
        <footer class="dialog-foot">
          <button type="button" onClick={props.onClose}>
            Keep everything
          </button>
          <button type="submit" class="danger" disabled={reset.busy || password === '' || !meant}>
            {reset.busy ? 'Asking …' : 'Erase everything'}
          </button>
        </footer>
      </form>
    </Dialog>
  )
}
