import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { SessionView } from '#src/api/schema/session.ts'
import { ask } from '../api-client.ts'
import { TextField } from '../ui/fields.tsx'
import { Failure } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'
import { Gate } from './gate.tsx'

const minPassword = 10

/** First visit: the code from the console makes this visitor the owner. */
export function Claim(props: { lab: boolean; onSession: (session: SessionView) => void }): VNode {
  const [code, setCode] = useState('')
  const [password, setPassword] = useState('')
  const [again, setAgain] = useState('')
  const [tried, setTried] = useState(false)
  const claim = useAction(async () => {
    props.onSession(await ask<SessionView>('POST', '/api/claim', { code, password }))
  })
  const short = tried && password.length < minPassword ? `At least ${minPassword} characters.` : undefined
  const different = tried && again !== password ? 'The two passwords differ.' : undefined
  const submit = (event: Event): void => {
    event.preventDefault()
    setTried(true)
    if (password.length >= minPassword && again === password) void claim.run()
  }
  return (
    <Gate title="Make this box yours" lab={props.lab}>
      <p>
        The box shows a code at its console (and in the log of its start). It proves that you are the one who
        set it up.
      </p>
      <form onSubmit={submit}>
        <TextField
          label="Claim code"
          value={code}
          onValue={setCode}
          placeholder="1234-5678"
          inputMode="numeric"
          autoComplete="one-time-code"
          class="code-input"
          required
          autofocus
        />
        <TextField
          label="Choose an admin password"
          type="password"
          value={password}
          onValue={setPassword}
          autoComplete="new-password"
          hint={`At least ${minPassword} characters. A few words are easier to remember than signs.`}
          problem={short}
          required
        />
        <TextField
          label="The same password again"
          type="password"
          value={again}
          onValue={setAgain}
          autoComplete="new-password"
          problem={different}
          required
        />
        <Failure failure={claim.failure} />
        <button type="submit" class="primary" disabled={claim.busy}>
          {claim.busy ? 'Claiming …' : 'Claim the box'}
        </button>
      </form>
    </Gate>
  )
}
