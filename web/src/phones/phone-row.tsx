import type { VNode } from 'preact'
import type { DeviceView, LineView } from '#src/api/schema/devices.ts'
import { formatMac, formatMoment } from '../format.ts'
import type { PhoneRequest } from '../pages/phones.tsx'
import { State } from '../ui/state.tsx'
import { Firmware } from './firmware-advice.tsx'

/** One phone: what it is called, whether it is registered, who is on it, and what can be done. */
export function PhoneRow(props: { device: DeviceView; onRequest: (request: PhoneRequest) => void }): VNode {
  const { device, onRequest } = props
  return (
    <li class="phone" aria-label={device.label}>
      <div class="phone-head">
        <h2>{device.label}</h2>
        {device.mac && <code class="muted">{formatMac(device.mac)}</code>}
        <span class="phone-tools">
          {device.lines.length > 0 && (
            <button
              type="button"
              class="quiet small"
              aria-label={`Messages of ${device.label}`}
              onClick={() => onRequest({ kind: 'messages', device })}
            >
              Messages
            </button>
          )}
          <button
            type="button"
            class="quiet small"
            aria-label={`Rename ${device.label}`}
            onClick={() => onRequest({ kind: 'rename', device })}
          >
            Rename
          </button>
          {device.state !== 'off-boarded' && (
            <button
              type="button"
              class="quiet small"
              aria-label={`Off-board ${device.label}`}
              onClick={() => onRequest({ kind: 'offBoard', device })}
            >
              Off-board
            </button>
          )}
          <button
            type="button"
            class="quiet small"
            aria-label={`Remove ${device.label}`}
            onClick={() => onRequest({ kind: 'remove', device })}
          >
            Remove
          </button>
        </span>
      </div>
      <Firmware vendor={device.vendor} model={device.model} advice={device.firmwareAdvice} />
      {device.state === 'off-boarded' ? (
        <p class="muted">
          <State light="off">off-boarded</State> · {lastSeen(device)} ·{' '}
          <a href="#/common-area">why, and how it comes back</a>
        </p>
      ) : (
        device.lines.map((line) => (
          <LineRow key={line.id} device={device} line={line} onRequest={onRequest} />
        ))
      )}
    </li>
  )
}

function LineRow(props: {
  device: DeviceView
  line: LineView
  onRequest: (request: PhoneRequest) => void
}): VNode {
  const { device, line, onRequest } = props
  return (
    <div class="line">
      <div class="line-state">
        <State light={!line.registered ? 'off' : isCutOff(line) ? 'wait' : 'ok'}>
          {line.registered ? 'registered' : 'not registered'}
        </State>
        {line.contacts.slice(0, shownContacts).map((contact) => (
          <p class="muted" key={`${contact.protocol} ${contact.address}`}>
            {describe(contact)}
          </p>
        ))}
        {line.contacts.length > shownContacts && (
          <p class="muted">and {line.contacts.length - shownContacts} more</p>
        )}
        {line.contacts.length === 0 && <p class="muted">{lastSeen(device)}</p>}
      </div>
      <div class="line-person">
        {line.user ? (
          <>
            <strong>{line.user.displayName}</strong>
            <p class="muted">{line.user.number ?? 'no number'}</p>
          </>
        ) : (
          <span class="muted">Nobody signed in</span>
        )}
      </div>
      <div class="line-tools">
        <button
          type="button"
          class="small"
          aria-label={`Credentials of ${device.label}`}
          onClick={() => onRequest({ kind: 'credentials', device, line })}
        >
          Credentials
        </button>
        {line.user ? (
          <button
            type="button"
            class="small"
            aria-label={`Sign out ${line.user.displayName} of ${device.label}`}
            onClick={() => onRequest({ kind: 'signOut', device, line })}
          >
            Sign out
          </button>
        ) : (
          <button
            type="button"
            class="small primary"
            aria-label={`Sign in somebody on ${device.label}`}
            onClick={() => onRequest({ kind: 'signIn', device, line })}
          >
            Sign in
          </button>
        )}
      </div>
    </div>
  )
}

const shownContacts = 4

/** True when no request can reach the phone before it connects anew. */
function isCutOff(line: LineView): boolean {
  return line.contacts.every((contact) => contact.connected === false)
}

function describe(contact: LineView['contacts'][number]): string {
  const parts = [contact.userAgent ?? 'unknown phone', `${contact.protocol} ${contact.address}`]
  if (contact.through.length > 0) parts.push(`through ${contact.through.join(', ')}`)
  if (contact.regId !== null) parts.push(`flow ${contact.regId}`)
  if (contact.connected === false) parts.push('connection closed')
  return parts.join(' · ')
}

function lastSeen(device: DeviceView): string {
  return device.lastSeenAtMs === null ? 'never seen so far' : `last seen ${formatMoment(device.lastSeenAtMs)}`
}
