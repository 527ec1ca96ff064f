import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { SessionView } from '#src/api/schema/session.ts'
import { ask } from '../api-client.ts'
import { TextField } from '../ui/fields.tsx'
import { Failure } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'
import { Gate } from './gate.tsx'

/** The admin's login; the address keeps the page that was wanted. */
export function Login(props: { lab: boolean; onSession: (session: SessionView) => void }): VNode {
  const [password, setPassword] = useState('')
  const login = useAction(async () => {
    props.onSession(await ask<SessionView>('POST', '/api/login', { password }))
  })
  return (
    <Gate title="Log in" lab={props.lab}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void login.run()
        }}
      >
        {/* Password managers file the password under this name. */}
        <input type="text" name="username" value="admin" autoComplete="username" hidden readOnly />
        <TextField
          label="Admin password"
          type="password"
          value={password}
          onValue={setPassword}
          autoComplete="current-password"
          required
          autofocus
        />
        <Failure failure={login.failure} />
        <button type="submit" class="primary" disabled={login.busy}>
          {login.busy ? 'Logging in …' : 'Log in'}
        </button>
      </form>
      <details class="hint">
        <summary>Forgotten?</summary>
        <p>
          Whoever has access to the box itself can take the password away: stop the box, start it once with{' '}
          <code>--reset-admin</code>, then start it as usual. It prints a new claim code; phones, people and
          settings stay.
        </p>
      </details>
    </Gate>
  )
}
