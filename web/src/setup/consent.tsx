import type { VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import type { ConsentView } from '#src/api/schema/setup.ts'
import { ask } from '../api-client.ts'
import { formatDuration, formatMoment } from '../format.ts'
import { CopyButton } from '../ui/copy-value.tsx'
import { Failure, Notice } from '../ui/notice.tsx'
import { State } from '../ui/state.tsx'
import { useAction, useNow } from '../use-resource.ts'

const lookEveryMs = 2_000

/** The check of the app registration: somebody signs in to it once, by code, and the box reads what it needs. */
export function Consent(props: {
  consent: ConsentView | undefined
  main: boolean
  reload: () => void
  onDone: () => void
}): VNode {
  const { consent, reload, onDone } = props
  const begin = useAction(async () => {
    await ask('POST', '/api/setup/consent')
    reload()
  })
  const cancel = useAction(async () => {
    await ask('DELETE', '/api/setup/consent')
    reload()
  })
  const state = consent?.state
  useEffect(() => {
    if (state === 'confirmed') onDone()
    if (state !== 'awaitingUser') return
    const timer = window.setInterval(reload, lookEveryMs)
    return () => window.clearInterval(timer)
  }, [state])
  return (
    <div class="stack" aria-live="polite">
      {state === 'confirmed' && consent?.state === 'confirmed' && (
        <Notice tone="ok" title={`${consent.displayName} has signed in to it.`}>
          {consent.upn}, {formatMoment(consent.atMs)}. Licence and number could be read.
        </Notice>
      )}
      {consent?.state === 'failed' && (
        <Notice tone="bad" title={consent.text}>
          {consent.advice}
        </Notice>
      )}
      {consent?.state === 'awaitingUser' ? (
        <Code consent={consent} busy={cancel.busy} onCancel={() => void cancel.run()} />
      ) : (
        <>
          {state !== 'confirmed' && (
            <p>
              Sign in to it once, as yourself: the box sees whether sign-in by code works and whether it may
              read what it needs. It keeps nothing of you but your name.
            </p>
          )}
          <p>
            <button
              type="button"
              class={props.main ? 'primary' : ''}
              disabled={begin.busy}
              onClick={() => void begin.run()}
            >
              {begin.busy ? 'Asking Entra …' : state === 'confirmed' ? 'Check it again' : 'Get a code'}
            </button>
          </p>
        </>
      )}
      <Failure failure={begin.failure ?? cancel.failure} />
    </div>
  )
}

function Code(props: {
  consent: Extract<ConsentView, { state: 'awaitingUser' }>
  busy: boolean
  onCancel: () => void
}): VNode {
  const { consent } = props
  const leftMs = consent.expiresAtMs - useNow()
  return (
    <>
      <ol class="sign-in-steps">
        <li>
          Open{' '}
          <a href={consent.verificationUri} target="_blank" rel="noreferrer">
            {consent.verificationUri}
          </a>
        </li>
        <li>
          Enter this code:
          <div class="user-code">
            <output>{consent.userCode}</output>
            <CopyButton name="the code" text={consent.userCode} class="small" />
          </div>
        </li>
        <li>Sign in and consent; an administrator can consent for everybody.</li>
      </ol>
      {/* A clock that speaks each second would drown everything else. */}
      <p class="registration" aria-live="off">
        <State light="wait">Waiting</State>{' '}
        <span class="muted">· the code is valid for {formatDuration(leftMs)}</span>
      </p>
      <p>
        <button type="button" disabled={props.busy} onClick={props.onCancel}>
          Cancel
        </button>
      </p>
    </>
  )
}
