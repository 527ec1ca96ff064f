import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { ask } from '../api-client.ts'
import { Confirm } from '../ui/dialog.tsx'
import { Failure } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'
import { ComeBack } from './come-back.tsx'

/** Reboots the whole machine, where it is the box's own, and comes back when it is up again. */
export function Reboot(props: { onBack: () => void; onClose: () => void }): VNode {
  const [since, setSince] = useState<number>()
  const reboot = useAction(async () => {
    await ask('POST', '/api/host/reboot')
    setSince(Date.now())
  })
  if (since !== undefined) {
    return (
      <ComeBack
        title="The machine reboots"
        since={since}
        usually="two minutes"
        patienceMs={300_000}
        advice="Look at the console of the box, or switch it off and on. Its address may be another one now."
        onBack={props.onBack}
        onClose={props.onClose}
      />
    )
  }
  return (
    <Confirm
      title="Reboot the machine?"
      action="Reboot"
      busy={reboot.busy}
      onConfirm={() => void reboot.run()}
      onClose={props.onClose}
    >
      <p>
        Calls that are going on get the time set under “Box” to end. Then the whole machine starts anew: for
        about two minutes no phone can call, also not for help. Nothing is lost.
      </p>
      <Failure failure={reboot.failure} />
    </Confirm>
  )
}
