import type { VNode } from 'preact'
import type { DeviceView, LineView } from '#src/api/schema/devices.ts'
import { ask } from '../api-client.ts'
import { Confirm } from '../ui/dialog.tsx'
import { Failure } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'

/** Signs the person out of a phone after saying what that means. */
export function SignOut(props: { device: DeviceView; line: LineView; onClose: () => void }): VNode {
  const { device, line, onClose } = props
  const signOut = useAction(async () => {
    await ask('POST', `/api/lines/${line.id}/signout`)
    onClose()
  })
  const name = line.user?.displayName ?? 'The person'
  return (
    <Confirm
      title={`Sign ${name} out of ${device.label}?`}
      action="Sign out"
      busy={signOut.busy}
      onConfirm={() => void signOut.run()}
      onClose={onClose}
    >
      <p>
        Calls to {name} no longer ring here, and this phone then reaches only sign-in and emergency numbers.
        The phone itself stays registered.
      </p>
      <Failure failure={signOut.failure} />
    </Confirm>
  )
}
