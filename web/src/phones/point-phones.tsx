import type { VNode } from 'preact'
import type { SetupView } from '#src/api/schema/setup.ts'
import { CopyButton } from '../ui/copy-value.tsx'
import { useResource } from '../use-resource.ts'
import './point-phones.css'

/** How desk phones come to ask this box; unfolded while nothing has asked. */
export function PointPhones(props: { open: boolean }): VNode | null {
  const { data } = useResource<SetupView>('/api/setup', ['settingsChanged'])
  if (!data) return null
  return (
    <details class="point-phones" open={props.open}>
      <summary>How desk phones find this box</summary>
      <ProvisioningAddress url={data.phonesUrl} />
    </details>
  )
}

/** Which phones configure themselves, and the address that they are given for it; null while that is switched off. */
export function ProvisioningAddress(props: { url: string | null }): VNode {
  const { url } = props
  if (url === null) {
    return (
      <p>
        Switched off: see “Phones that ask get their configuration” under <a href="#/settings">Settings</a>.
      </p>
    )
  }
  return (
    <>
      <p>
        New Yealink T phones in the network of the box look for it by themselves. In other networks, and for
        Spectralink DECT servers, give your DHCP server this address in option 66, or enter it in the phone as
        provisioning server:
      </p>
      <p>
        <code>{url}</code> <CopyButton name="the provisioning address" text={url} />
      </p>
      <p class="hint">Phones of other makes are added by hand, like any SIP phone.</p>
    </>
  )
}
