import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { ask } from '../api-client.ts'
import { Confirm } from '../ui/dialog.tsx'
import { Failure } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'
import { ComeBack } from './come-back.tsx'

/** Restarts the box after saying what that means, and comes back when it is up again. */
export function Restart(props: {
  newPort: number | undefined
  onBack: () => void
  onClose: () => void
}): VNode {
  const { newPort, onBack } = props
  const [since, setSince] = useState<number>()
  const restart = useAction(async () => {
    await ask('POST', '/api/restart')
    setSince(Date.now())
  })
  if (since !== undefined) {
    return (
      <ComeBack
        title="The box restarts"
        since={since}
        usually="half a minute"
        patienceMs={120_000}
        moved={newPort === undefined ? undefined : `https://${location.hostname}:${newPort}/`}
        advice="Look at the console of the box, or switch it off and on."
        onBack={onBack}
        onClose={onBack}
      />
    )
  }
  return (
    <Confirm
      title="Restart the box?"
      action="Restart"
      busy={restart.busy}
      onConfirm={() => void restart.run()}
      onClose={props.onClose}
    >
      <p>
        Calls that are going on get the time set under “Box” to end, and no new ones start meanwhile. Phones
        stay registered. This usually takes less than half a minute.
      </p>
      <Failure failure={restart.failure} />
    </Confirm>
  )
}
