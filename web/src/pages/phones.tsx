import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { DeviceView, LineView } from '#src/api/schema/devices.ts'
import { OffBoardPhone } from '../common-area/off-board-phone.tsx'
import { DectSection } from '../dect/dect-section.tsx'
import { count } from '../format.ts'
import { AddPhone } from '../phones/add-phone.tsx'
import { CredentialsDialog } from '../phones/credentials.tsx'
import { FoundPhones } from '../phones/found-phones.tsx'
import { PhoneRow } from '../phones/phone-row.tsx'
import { RemovePhone, RenamePhone } from '../phones/change-phone.tsx'
import { SignInDialog } from '../phones/sign-in.tsx'
import { SignOut } from '../phones/sign-out.tsx'
import { PhoneMessages } from '../signalling/phone-messages.tsx'
import { Empty, Failure, Loading } from '../ui/notice.tsx'
import { useResource } from '../use-resource.ts'

/** What a row may ask for; the window is opened here so that it outlives a change of the list. */
export type PhoneRequest =
  | { kind: 'add' }
  | { kind: 'messages' | 'rename' | 'remove' | 'offBoard'; device: DeviceView }
  | { kind: 'credentials' | 'signIn' | 'signOut'; device: DeviceView; line: LineView }

const showFilterFrom = 8

/** Phones and their lines. */
export function Phones(): VNode {
  const { data, failure, reload } = useResource<{ devices: DeviceView[] }>('/api/devices', [
    'bindingChanged',
    'devicesChanged',
    'signedIn',
    'signedOut',
  ])
  const [request, setRequest] = useState<PhoneRequest>()
  const [filter, setFilter] = useState('')
  const close = (): void => {
    setRequest(undefined)
    reload()
  }
  // Found phones have their own list until somebody vouches for them; DECT servers and handsets have one as well.
  const devices = (data?.devices ?? []).filter(
    ({ state, kind }) => state !== 'found' && !kind.startsWith('dect-'),
  )
  const found = (data?.devices ?? []).some(({ state }) => state === 'found')
  const shown = devices.filter((device) => matches(device, filter.trim().toLowerCase()))
  const registered = devices.filter((device) => device.lines.some((line) => line.registered)).length
  return (
    <>
      <div class="page-head">
        <h1>Phones</h1>
        {devices.length > 0 && (
          <p class="muted" role="status">
            {registered} of {count(devices.length, 'phone')} registered
          </p>
        )}
        {devices.length >= showFilterFrom && (
          <input
            type="search"
            placeholder="Name, person, number, MAC"
            aria-label="Filter phones"
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        )}
        <button type="button" class="primary" onClick={() => setRequest({ kind: 'add' })}>
          Add phone
        </button>
      </div>
      <FoundPhones anyPhones={data === undefined || data.devices.length > 0} />
      <Failure failure={failure} onRetry={reload} />
      {!data && !failure && <Loading />}
      {found && devices.length === 0 && (
        <p class="muted">Adopt what was found, or add another phone by hand.</p>
      )}
      {data && !found && devices.length === 0 && (
        <Empty title="No phones yet">
          <p>
            Add the first one: you get a user name and password for any SIP phone, and a code to scan for a
            softphone such as Linphone.
          </p>
        </Empty>
      )}
      {devices.length > 0 && shown.length === 0 && <p class="muted">No phone matches “{filter}”.</p>}
      {shown.length > 0 && (
        <ul class="phones" aria-label="Phones">
          {shown.map((device) => (
            <PhoneRow key={device.id} device={device} onRequest={setRequest} />
          ))}
        </ul>
      )}
      <DectSection />
      {request && <Window request={request} devices={devices} onClose={close} />}
    </>
  )
}

function Window(props: { request: PhoneRequest; devices: DeviceView[]; onClose: () => void }): VNode {
  const { request, devices, onClose } = props
  switch (request.kind) {
    case 'add':
      return <AddPhone devices={devices} onClose={onClose} />
    case 'messages':
      return <PhoneMessages device={request.device} onClose={onClose} />
    case 'rename':
      return <RenamePhone device={request.device} onClose={onClose} />
    case 'remove':
      return <RemovePhone device={request.device} onClose={onClose} />
    case 'offBoard':
      return <OffBoardPhone device={request.device} onClose={onClose} />
    case 'credentials':
      return <CredentialsDialog {...request} onClose={onClose} />
    case 'signIn':
      return <SignInDialog {...request} onClose={onClose} />
    case 'signOut':
      return <SignOut {...request} onClose={onClose} />
  }
}

function matches(device: DeviceView, wanted: string): boolean {
  if (wanted === '') return true
  const texts = [
    device.label,
    device.mac,
    ...device.lines.flatMap((line) => [
      line.username,
      line.user?.displayName,
      line.user?.upn,
      line.user?.number,
    ]),
  ]
  const bare = wanted.replace(/[:-]/g, '')
  return texts.some((text) => text?.toLowerCase().includes(wanted) || (bare !== '' && text === bare))
}
