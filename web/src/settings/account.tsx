import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { ask } from '../api-client.ts'
import { TextField } from '../ui/fields.tsx'
import { Failure, Notice } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'

/** The admin's password. */
export function Account(): VNode {
  const [currentPassword, setCurrent] = useState('')
  const [newPassword, setNew] = useState('')
  const [again, setAgain] = useState('')
  const [tried, setTried] = useState(false)
  const [done, setDone] = useState(false)
  const change = useAction(async () => {
    await ask('POST', '/api/password', { currentPassword, newPassword })
    setCurrent('')
    setNew('')
    setAgain('')
    setTried(false)
    setDone(true)
  })
  return (
    <section aria-labelledby="account" class="card narrow">
      <h2 id="account">Admin password</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          setDone(false)
          setTried(true)
          if (again === newPassword) void change.run()
        }}
      >
        <input type="text" name="username" value="admin" autoComplete="username" hidden readOnly />
        <TextField
          label="Password now"
          type="password"
          value={currentPassword}
          onValue={setCurrent}
          autoComplete="current-password"
          required
        />
        <TextField
          label="New password"
          type="password"
          value={newPassword}
          onValue={setNew}
          autoComplete="new-password"
          minLength={10}
          hint="At least 10 characters. Every other login ends."
          required
        />
        <TextField
          label="The new password again"
          type="password"
          value={again}
          onValue={setAgain}
          autoComplete="new-password"
          problem={tried && again !== newPassword ? 'The two passwords differ.' : undefined}
          required
        />
        <Failure failure={change.failure} />
        {done && <Notice tone="ok" title="The password is changed." />}
        <button type="submit" disabled={change.busy}>
          Change password
        </button>
      </form>
    </section>
  )
}
