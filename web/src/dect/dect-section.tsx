import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { LineView } from '#src/api/schema/devices.ts'
import type { DectServersView, DectServerView, HandsetView } from '#src/api/schema/handsets.ts'
import { RenamePhone } from '../phones/change-phone.tsx'
import { SignInDialog } from '../phones/sign-in.tsx'
import { SignOut } from '../phones/sign-out.tsx'
import { Failure } from '../ui/notice.tsx'
import { useResource } from '../use-resource.ts'
import { AccessCode } from './access-code.tsx'
import { AddHandset } from './add-handset.tsx'
import { AddServer } from './add-server.tsx'
import { ChangeHandset, RemoveHandset } from './change-handset.tsx'
import './dect.css'
import { OpenSubscription } from './open-subscription.tsx'
import { PasteHandsets } from './paste-handsets.tsx'
import { RemoveServer } from './remove-server.tsx'
import { ServerCard } from './server-card.tsx'

/** What a card or a row may ask for; the window is opened here so that it outlives a change of the list. */
export type DectRequest =
  | { kind: 'addServer' }
  | { kind: 'renameServer' | 'removeServer' | 'addHandset' | 'paste' | 'subscribe'; server: DectServerView }
  | { kind: 'accessCode' | 'change' | 'remove'; handset: HandsetView }
  | { kind: 'signIn' | 'signOut'; handset: HandsetView; line: LineView }

/** DECT servers with the handsets behind them. */
export function DectSection(): VNode {
  const { data, failure, reload } = useResource<DectServersView>('/api/dect/servers', [
    'bindingChanged',
    'devicesChanged',
    'subscriptionChanged',
  ])
  const [request, setRequest] = useState<DectRequest>()
  const close = (): void => {
    setRequest(undefined)
    reload()
  }
  // A found one stands among the found phones until somebody vouches for it.
  const servers = data?.servers.filter(({ device }) => device.state !== 'found')
  return (
    <section class="dect" aria-label="DECT">
      <div class="page-head">
        <h2>DECT</h2>
        <button type="button" disabled={!data} onClick={() => setRequest({ kind: 'addServer' })}>
          Add DECT server
        </button>
      </div>
      <Failure failure={failure} onRetry={reload} />
      {servers?.length === 0 && (
        <p class="muted">
          A Spectralink IP-DECT server gets its configuration from this box. Each handset behind it is a phone
          of its own, with its own line and person.
        </p>
      )}
      {servers?.map((server) => (
        <ServerCard key={server.device.id} server={server} onRequest={setRequest} />
      ))}
      {request && data && <Window request={request} models={data.models} onClose={close} />}
    </section>
  )
}

function Window(props: {
  request: DectRequest
  models: DectServersView['models']
  onClose: () => void
}): VNode {
  const { request, models, onClose } = props
  switch (request.kind) {
    case 'addServer':
      return <AddServer models={models} onClose={onClose} />
    case 'renameServer':
      return <RenamePhone device={request.server.device} onClose={onClose} />
    case 'removeServer':
      return <RemoveServer server={request.server} onClose={onClose} />
    case 'addHandset':
      return <AddHandset server={request.server} onClose={onClose} />
    case 'paste':
      return <PasteHandsets server={request.server} onClose={onClose} />
    case 'subscribe':
      return <OpenSubscription server={request.server} onClose={onClose} />
    case 'accessCode':
      return <AccessCode handset={request.handset} onClose={onClose} />
    case 'change':
      return <ChangeHandset handset={request.handset} onClose={onClose} />
    case 'remove':
      return <RemoveHandset handset={request.handset} onClose={onClose} />
    case 'signIn':
      return <SignInDialog device={request.handset.device} line={request.line} onClose={onClose} />
    case 'signOut':
      return <SignOut device={request.handset.device} line={request.line} onClose={onClose} />
  }
}
