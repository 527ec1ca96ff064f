import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { DectServerView, HandsetsView, HandsetView } from '#src/api/schema/handsets.ts'
import { ask } from '../api-client.ts'
import { count, formatDuration, formatMac } from '../format.ts'
import { Failure, Loading, Notice } from '../ui/notice.tsx'
import { useAction, useNow, useResource } from '../use-resource.ts'
import type { DectRequest } from './dect-section.tsx'
import { HandsetRow } from './handset-row.tsx'

const showFilterFrom = 8

/** One DECT server: its state, the time for subscribing, and its handsets. */
export function ServerCard(props: {
  server: DectServerView
  onRequest: (request: DectRequest) => void
}): VNode {
  const { server, onRequest } = props
  const { device, handsets, registered, subscription } = server
  const listed = useResource<HandsetsView>(`/api/devices/${device.id}/handsets`, [
    'bindingChanged',
    'devicesChanged',
    'signedIn',
    'signedOut',
  ])
  const [filter, setFilter] = useState('')
  const all = listed.data?.handsets ?? []
  const shown = all.filter((handset) => matches(handset, filter.trim().toLowerCase()))
  return (
    <article class="card dect-server" aria-label={device.label}>
      <div class="phone-head">
        <h3>{device.label}</h3>
        <span class="muted">{device.model}</span>
        {device.mac && <code class="muted">{formatMac(device.mac)}</code>}
        <span class="phone-tools">
          <button
            type="button"
            class="quiet small"
            aria-label={`Rename ${device.label}`}
            onClick={() => onRequest({ kind: 'renameServer', server })}
          >
            Rename
          </button>
          <button
            type="button"
            class="quiet small"
            aria-label={`Remove ${device.label}`}
            onClick={() => onRequest({ kind: 'removeServer', server })}
          >
            Remove
          </button>
        </span>
      </div>
      <p class="muted" role="status">
        {handsets === 0 ? 'No handsets yet' : `${registered} of ${count(handsets, 'handset')} registered`}
      </p>
      {subscription && <OpenWindow serverId={device.id} closesAtMs={subscription.closesAtMs} />}
      <div class="dect-tools">
        <button type="button" onClick={() => onRequest({ kind: 'addHandset', server })}>
          Add handset
        </button>
        <button type="button" onClick={() => onRequest({ kind: 'paste', server })}>
          Paste a list
        </button>
        {!subscription && (
          <button
            type="button"
            disabled={handsets === 0}
            onClick={() => onRequest({ kind: 'subscribe', server })}
          >
            Let handsets subscribe
          </button>
        )}
        {handsets >= showFilterFrom && (
          <input
            type="search"
            placeholder="Name, extension, IPEI, person"
            aria-label={`Filter handsets of ${device.label}`}
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        )}
      </div>
      <Failure failure={listed.failure} onRetry={listed.reload} />
      {!listed.data && !listed.failure && <Loading />}
      {all.length > 0 && shown.length === 0 && <p class="muted">No handset matches “{filter}”.</p>}
      {shown.length > 0 && (
        <table class="table handsets" aria-label={`Handsets of ${device.label}`}>
          <thead>
            <tr>
              <th scope="col">Handset</th>
              <th scope="col">IPEI</th>
              <th scope="col">State</th>
              <th scope="col">Person</th>
              <th scope="col">
                <span class="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((handset) => (
              <HandsetRow key={handset.device.id} handset={handset} onRequest={onRequest} />
            ))}
          </tbody>
        </table>
      )}
    </article>
  )
}

function OpenWindow(props: { serverId: string; closesAtMs: number }): VNode | null {
  const leftMs = props.closesAtMs - useNow()
  const close = useAction(async () => {
    await ask('DELETE', `/api/devices/${props.serverId}/subscription`)
  })
  if (leftMs <= 0) return null
  return (
    <Notice tone="warn" title="Handsets may subscribe now.">
      <p>
        The server asks each for its access code. The box ends this in{' '}
        <span class="countdown">{formatDuration(leftMs)}</span>.
      </p>
      <Failure failure={close.failure} />
      <button type="button" class="small" disabled={close.busy} onClick={() => void close.run()}>
        End it now
      </button>
    </Notice>
  )
}

function matches({ device, ipei, extension }: HandsetView, wanted: string): boolean {
  if (wanted === '') return true
  const people = device.lines.flatMap((line) => [line.username, line.user?.displayName, line.user?.number])
  const texts = [device.label, ipei, ipei.replaceAll(' ', ''), extension, ...people]
  return texts.some((text) => text?.toLowerCase().includes(wanted))
}
