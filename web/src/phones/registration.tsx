import type { VNode } from 'preact'
import type { DeviceView } from '#src/api/schema/devices.ts'
import { State } from '../ui/state.tsx'
import { useResource } from '../use-resource.ts'

/** Says, live, whether the phone has registered with what is shown above. */
export function Registration(props: { lineId: string }): VNode {
  const { data } = useResource<{ devices: DeviceView[] }>('/api/devices', ['bindingChanged'])
  const line = data?.devices.flatMap((device) => device.lines).find((one) => one.id === props.lineId)
  const contact = line?.contacts[0]
  return (
    <p class="registration" role="status">
      {contact ? (
        <>
          <State light="ok">The phone is registered</State>
          <span class="muted">
            {' '}
            {contact.userAgent ?? ''} at {contact.address}
          </span>
        </>
      ) : (
        <State light="wait">Waiting for the phone to register …</State>
      )}
    </p>
  )
}
