import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { LadderView } from '#src/api/schema/traces.ts'
import { count } from '../format.ts'
import { Dialog } from '../ui/dialog.tsx'
import { Switch } from '../ui/fields.tsx'
import { Failure, Loading, Notice } from '../ui/notice.tsx'
import { useResource } from '../use-resource.ts'
import { Ladder } from './ladder.tsx'
import './signalling.css'

/** A button that opens the signalling of a call; `of` says whose for those who do not see the row. */
export function SignallingButton(props: { of: string; onOpen: () => void }): VNode {
  return (
    <button type="button" class="small" onClick={props.onOpen}>
      Signalling<span class="visually-hidden"> of the call from {props.of}</span> …
    </button>
  )
}

/** The SIP messages of a call: as a ladder, message by message, and as a file for Wireshark. */
export function Signalling(props: { callId: string; title: string; onClose: () => void }): VNode {
  const path = `/api/calls/${encodeURIComponent(props.callId)}/messages`
  const { data, failure, reload } = useResource<LadderView>(path, ['callChanged', 'callEnded'])
  const gone = failure?.code === 'NOT_FOUND'
  return (
    <Dialog title={props.title} size="full" onClose={props.onClose}>
      {gone && !data && (
        <Notice tone="info" title={failure.message}>
          {failure.advice}
        </Notice>
      )}
      {!gone && <Failure failure={failure} onRetry={reload} />}
      {!data && !failure && <Loading />}
      {data && (
        <>
          <p class="muted">
            Passwords, key presses and media keys are masked. Times count from the first message.
            {data.leftOut > 0 && ` ${count(data.leftOut, 'message')} in between are not shown.`}
          </p>
          <Ladder ladder={data} />
          <Capture path={path} onReload={reload} />
        </>
      )}
    </Dialog>
  )
}

function Capture(props: { path: string; onReload: () => void }): VNode {
  const [keys, setKeys] = useState(false)
  return (
    <footer class="dialog-foot capture">
      <span class="foot-text">
        <Switch label="With media keys (noted in the history)" on={keys} onChange={setKeys} />
      </span>
      <button type="button" onClick={props.onReload}>
        Read again
      </button>
      <a class="button" href={`${props.path}.pcapng${keys ? '?keys=true' : ''}`} download>
        Download for Wireshark
      </a>
    </footer>
  )
}
