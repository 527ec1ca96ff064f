import type { VNode } from 'preact'
import { useCallback, useEffect, useState } from 'preact/hooks'
import type { DeviceView, LineView, SignInView } from '#src/api/schema/devices.ts'
import type { StatusView } from '#src/api/schema/health.ts'
import type { LabView } from '#src/api/schema/people.ts'
import { ask } from '../api-client.ts'
import { onEvent } from '../event-stream.ts'
import { formatDuration } from '../format.ts'
import { CopyButton } from '../ui/copy-value.tsx'
import { Dialog } from '../ui/dialog.tsx'
import { Failure, Loading, Notice } from '../ui/notice.tsx'
import { State } from '../ui/state.tsx'
import { useAction, useNow, useResource } from '../use-resource.ts'

const askAgainMs = 5_000

type Waiting = Extract<SignInView, { state: 'awaitingUser' }>

/** Shows the code to enter at the tenant's page and what becomes of it, live. */
export function SignInDialog(props: { device: DeviceView; line: LineView; onClose: () => void }): VNode {
  const { device, line, onClose } = props
  const path = `/api/lines/${line.id}/signin`
  const [signIn, setSignIn] = useState<SignInView>()
  const [who, setWho] = useState<string>()
  const begin = useAction(async () => setSignIn(await ask<SignInView>('POST', path)))
  const cancel = useAction(async () => {
    await ask('DELETE', path)
    onClose()
  })
  const refresh = useCallback(() => {
    ask<SignInView>('GET', path).then(setSignIn, () => undefined)
  }, [path])

  useEffect(() => void begin.run(), [])
  useEffect(() => {
    const stops = [
      onEvent('signedIn', (fact) => {
        if (fact.lineId !== line.id) return
        setWho(fact.displayName)
        setSignIn({ state: 'signedIn', userId: fact.userId })
      }),
      onEvent('signInFailed', (fact) => {
        if (fact.lineId === line.id) setSignIn({ state: 'failed', code: fact.code, text: fact.text })
      }),
      onEvent('hello', refresh),
    ]
    return () => stops.forEach((stop) => stop())
  }, [line.id, refresh])
  const waiting = signIn?.state === 'awaitingUser'
  useEffect(() => {
    if (!waiting) return
    // The events tell at once; asking again covers a stream that was cut at the wrong moment.
    const timer = window.setInterval(refresh, askAgainMs)
    return () => window.clearInterval(timer)
  }, [waiting, refresh])

  return (
    <Dialog title={`Sign in on ${device.label}`} onClose={onClose}>
      <div aria-live="polite">
        <Failure failure={begin.failure ?? cancel.failure} />
        {!signIn && !begin.failure && <Loading />}
        {signIn?.state === 'awaitingUser' && <Code signIn={signIn} onNewCode={() => void begin.run()} />}
        {signIn?.state === 'signedIn' && (
          <Notice tone="ok" title={`${who ?? 'The person'} is signed in on ${device.label}.`}>
            The phone now makes and receives calls with their number.
          </Notice>
        )}
        {signIn?.state === 'failed' && <Refused signIn={signIn} />}
        {signIn?.state === 'none' && <Notice tone="info" title="The sign-in was cancelled." />}
      </div>
      <footer class="dialog-foot">
        {signIn?.state === 'awaitingUser' && (
          <button type="button" class="quiet" disabled={cancel.busy} onClick={() => void cancel.run()}>
            Cancel sign-in
          </button>
        )}
        {(signIn?.state === 'failed' || signIn?.state === 'none' || begin.failure) && (
          <button type="button" disabled={begin.busy} onClick={() => void begin.run()}>
            Try again
          </button>
        )}
        <button type="button" class="primary" onClick={onClose}>
          {signIn?.state === 'awaitingUser' ? 'Close, keep waiting' : 'Done'}
        </button>
      </footer>
    </Dialog>
  )
}

function Code(props: { signIn: Waiting; onNewCode: () => void }): VNode {
  const { signIn } = props
  const leftMs = signIn.expiresAtMs - useNow()
  const { data: lab } = useResource<LabView>('/api/lab')
  const { data: status } = useResource<StatusView>('/api/status', ['policiesChanged'])
  if (leftMs <= 0) {
    return (
      <Notice tone="warn" title="The code has expired.">
        <button type="button" class="link" onClick={props.onNewCode}>
          Get a new one
        </button>
      </Notice>
    )
  }
  const candidates = lab?.people.filter((person) => person.canSignIn) ?? []
  return (
    <>
      {status && !status.sipDevicesAllowed && (
        <Notice tone="warn" title="Nobody is allowed to call from SIP phones yet.">
          The sign-in would be refused. {allowCalling}
        </Notice>
      )}
      <ol class="sign-in-steps">
        <li>
          On any computer or mobile, open{' '}
          <a href={signIn.verificationUri} target="_blank" rel="noreferrer">
            {signIn.verificationUri}
          </a>
        </li>
        <li>
          Enter this code:
          <div class="user-code">
            <output>{signIn.userCode}</output>
            <CopyButton name="the code" text={signIn.userCode} class="small" />
          </div>
        </li>
        <li>Log in as the person who will use the phone.</li>
      </ol>
      <p class="registration">
        <State light="wait">Waiting</State>{' '}
        <span class="muted">· the code is valid for {formatDuration(leftMs)}</span>
      </p>
      {candidates.length > 0 && (
        <p class="hint">
          <span class="lab-badge">lab</span> No password is needed. You can be:{' '}
          {candidates.map((person) => person.upn).join(', ')}
        </p>
      )}
    </>
  )
}

const allowCalling = (
  <>
    Switch on “Calling on SIP devices” for them, or for everybody, under <a href="#/people">People</a>.
  </>
)

const remedies: Record<string, VNode> = {
  SIGN_IN_NOT_ALLOWED: allowCalling,
  SIGN_IN_NO_NUMBER: <>Assign a phone number to them in the Teams admin center, then try again.</>,
  SIGN_IN_NO_LICENCE: <>Assign a Teams Phone licence to them, then try again.</>,
}

function Refused(props: { signIn: Extract<SignInView, { state: 'failed' }> }): VNode {
  return (
    <Notice tone="bad" title={props.signIn.text}>
      {remedies[props.signIn.code]}
    </Notice>
  )
}
