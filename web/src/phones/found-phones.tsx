import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { FoundDevicesView, FoundDeviceView, RefusedView } from '#src/api/schema/found-devices.ts'
import { ask } from '../api-client.ts'
import { count, formatAgo, formatDuration, formatMac } from '../format.ts'
import { Failure, Notice } from '../ui/notice.tsx'
import { State } from '../ui/state.tsx'
import { useAction, useNow, useResource } from '../use-resource.ts'
import { AllowAgain } from './allow-again.tsx'
import { Firmware } from './firmware-advice.tsx'
import { OpenAdoption } from './found-window.tsx'
import { PointPhones } from './point-phones.tsx'
import './found-phones.css'

/** Phones that asked for their configuration and wait for somebody to vouch for them, and how phones come to ask. */
export function FoundPhones(props: { anyPhones: boolean }): VNode | null {
  const { data, failure, reload } = useResource<FoundDevicesView>('/api/found-devices', [
    'devicesChanged',
    'adoptionChanged',
    'bindingChanged',
  ])
  const [opening, setOpening] = useState(false)
  const [allowing, setAllowing] = useState<RefusedView>()
  const found = data?.found ?? []
  const close = (): void => {
    setOpening(false)
    setAllowing(undefined)
    reload()
  }
  // Without the part that configures phones the rest of the page is as useful as before.
  if (failure?.code === 'PART_NOT_RUNNING') return null
  return (
    <section class="found" aria-labelledby="found-title">
      <div class="found-head">
        <h2 id="found-title">Found phones</h2>
        <p class="muted" role="status">
          {found.length === 0 ? 'No phone waits to be adopted.' : `${count(found.length, 'phone')} to adopt`}
        </p>
        {data && !data.window && (
          <button type="button" onClick={() => setOpening(true)}>
            Adopt new phones …
          </button>
        )}
      </div>
      <Failure failure={failure} onRetry={reload} />
      {data?.window && <OpenWindow closesAtMs={data.window.closesAtMs} onChanged={reload} />}
      {data?.refused.map((note) => (
        <Refused key={note.deviceId} note={note} onAllow={() => setAllowing(note)} />
      ))}
      {data && <PointPhones open={found.length === 0 && !props.anyPhones} />}
      {found.length > 0 && (
        <ul class="phones" aria-label="Found phones">
          {found.map((device) => (
            <FoundRow key={device.id} device={device} onAdopted={reload} />
          ))}
        </ul>
      )}
      {opening && <OpenAdoption found={found.length} onClose={close} />}
      {allowing && <AllowAgain note={allowing} onClose={close} />}
    </section>
  )
}

function FoundRow(props: { device: FoundDeviceView; onAdopted: () => void }): VNode {
  const { device } = props
  const now = useNow()
  const adopt = useAction(async () => {
    await ask('POST', `/api/found-devices/${device.id}/adopt`)
    props.onAdopted()
  })
  return (
    <li class="phone found-phone" aria-label={device.label}>
      <div class="phone-head">
        <h3>{device.label}</h3>
        <code class="muted">{formatMac(device.mac)}</code>
        <span class="phone-tools">
          <button
            type="button"
            class="small primary"
            aria-label={`Adopt ${device.label}`}
            disabled={adopt.busy}
            onClick={() => void adopt.run()}
          >
            Adopt
          </button>
        </span>
      </div>
      <Firmware vendor={device.vendor} model={device.model} advice={device.firmwareAdvice} />
      <p class="muted">
        <State light={device.registered ? 'ok' : device.configured ? 'wait' : 'off'}>
          {progress(device)}
        </State>
        {device.from !== null && ` · at ${device.from}`} · asked {formatAgo(device.foundAtMs, now)}
      </p>
      <Failure failure={adopt.failure} />
    </li>
  )
}

function progress({ registered, configured }: FoundDeviceView): string {
  if (registered) return 'registered: it can sign in and call for help'
  return configured ? 'has its configuration' : 'has not fetched its configuration yet'
}

function OpenWindow(props: { closesAtMs: number; onChanged: () => void }): VNode {
  const leftMs = props.closesAtMs - useNow()
  const close = useAction(async () => {
    await ask('DELETE', '/api/adoption-window')
    props.onChanged()
  })
  return (
    <Notice tone="warn" title="Every phone that asks is adopted.">
      <span class="window-left">
        <span role="timer" aria-label="Time left">
          {formatDuration(leftMs)}
        </span>{' '}
        left, or until the box restarts.
      </span>{' '}
      <button type="button" class="small" disabled={close.busy} onClick={() => void close.run()}>
        Stop adopting
      </button>
      <Failure failure={close.failure} />
    </Notice>
  )
}

const reasons: Record<RefusedView['why'], string> = {
  'handed-over': 'It was not given out a second time.',
  'in-use': 'It was not given out, because the phone is in use.',
  'other-address': 'It was not given out, because it is meant for another address.',
}

function Refused(props: { note: RefusedView; onAllow: () => void }): VNode {
  const { note } = props
  const now = useNow()
  return (
    <Notice
      tone="info"
      title={`${note.from} asked for the configuration of ${note.label}, ${formatAgo(note.atMs, now)}.`}
    >
      {reasons[note.why]} If this phone was reset to its factory settings, allow it to start anew.{' '}
      <button
        type="button"
        class="small"
        aria-label={`Allow ${note.label} to start anew`}
        onClick={props.onAllow}
      >
        Allow again …
      </button>
    </Notice>
  )
}
