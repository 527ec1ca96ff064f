import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { HealthView } from '#src/api/schema/health.ts'
import { ask } from '../api-client.ts'
import { Confirm, Dialog } from '../ui/dialog.tsx'
import { Failure, Notice } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'

const lookEveryMs = 1_000

/** Restarts the box after saying what that means, and comes back when it is up again. */
export function Restart(props: {
  newPort: number | undefined
  onBack: () => void
  onClose: () => void
}): VNode {
  const [since, setSince] = useState<number>()
  const restart = useAction(async () => {
    await ask('POST', '/api/restart')
    setSince(Date.now())
  })
  if (since !== undefined) return <Waiting since={since} newPort={props.newPort} onBack={props.onBack} />
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

/** Looks until the box that answers is one that has just begun, or says where to look instead. */
function Waiting(props: { since: number; newPort: number | undefined; onBack: () => void }): VNode {
  const { since, newPort, onBack } = props
  const moved = newPort === undefined ? undefined : `https://${location.hostname}:${newPort}/`
  useEffect(() => {
    if (moved) return
    const timer = window.setInterval(() => {
      ask<HealthView>('GET', '/api/health').then(
        ({ uptimeS, state }) => {
          const isNew = uptimeS * 1000 < Date.now() - since
          if (isNew && state !== 'starting') onBack()
        },
        () => undefined,
      )
    }, lookEveryMs)
    return () => window.clearInterval(timer)
  }, [moved])
  return (
    <Dialog title="The box restarts" onClose={onBack}>
      {moved ? (
        <Notice tone="info" title="The page moves to another port.">
          Open <a href={moved}>{moved}</a> in half a minute.
        </Notice>
      ) : (
        <Notice tone="info" title="Waiting for the box to come back …">
          This page goes on by itself.
        </Notice>
      )}
    </Dialog>
  )
}
