import type { VNode } from 'preact'
import type { DeviceView } from '#src/api/schema/devices.ts'
import type { EnrolmentView } from '#src/api/schema/enrolments.ts'
import { formatMoment } from '../format.ts'
import { State } from '../ui/state.tsx'
import type { EnrolmentRequest } from './common-area.tsx'
import { formatAddress, formatCode } from './format-address.ts'

/** One announced phone: where it belongs, what to dial on it, and what became of it. */
export function EnrolmentRow(props: {
  enrolment: EnrolmentView
  /** Undefined while the box never saw it. */
  device: DeviceView | undefined
  onRequest: (request: EnrolmentRequest) => void
}): VNode {
  const { enrolment, device, onRequest } = props
  const { label } = enrolment
  const free = device?.lines.find((line) => !line.user)
  const signInOn = enrolment.state === 'enrolled' && device?.state !== 'off-boarded' ? device : undefined
  return (
    <tr>
      <td data-name="Phone">
        <strong>{label}</strong>
        {enrolment.location !== label && <p class="muted">{enrolment.location}</p>}
      </td>
      <td data-name="Address">
        <code>{formatAddress(enrolment)}</code>
      </td>
      <td data-name="Code" class="enrolment-code">
        {enrolment.code === null ? (
          <span class="muted">–</span>
        ) : (
          <output>{formatCode(enrolment.code)}</output>
        )}
      </td>
      <td data-name="State">
        <EnrolmentStateText enrolment={enrolment} device={device} />
      </td>
      <td class="actions">
        {signInOn && free && (
          <button
            type="button"
            class="small primary"
            aria-label={`Sign in somebody on ${label}`}
            onClick={() => onRequest({ kind: 'signIn', device: signInOn, line: free })}
          >
            Sign in
          </button>
        )}
        <button
          type="button"
          class="quiet small"
          aria-label={`New code for ${label}`}
          onClick={() => onRequest({ kind: 'newCode', enrolment })}
        >
          New code
        </button>
        <button
          type="button"
          class="quiet small"
          aria-label={`Remove ${label} from the list`}
          onClick={() => onRequest({ kind: 'remove', enrolment })}
        >
          Remove
        </button>
      </td>
    </tr>
  )
}

function EnrolmentStateText(props: { enrolment: EnrolmentView; device: DeviceView | undefined }): VNode {
  const { enrolment, device } = props
  switch (enrolment.state) {
    case 'waiting':
      return (
        <>
          <State light="wait">waiting</State>
          <p class="muted">
            until {formatMoment(enrolment.expiresAtMs)} · {whetherThere(enrolment)}
          </p>
        </>
      )
    case 'expired':
      return (
        <>
          <State light="warn">expired</State>
          <p class="muted">{formatMoment(enrolment.expiresAtMs)}; make a new code</p>
        </>
      )
    case 'enrolled':
      return (
        <>
          <State light={enrolment.device?.state === 'signed-in' ? 'ok' : 'off'}>
            {enrolment.device
              ? enrolment.device.state === 'signed-in'
                ? 'signed in'
                : 'enrolled'
              : 'phone removed'}
          </State>
          <p class="muted">{whatNow(enrolment, device)}</p>
        </>
      )
  }
}

function whetherThere({ device }: EnrolmentView): string {
  switch (device?.state) {
    case undefined:
      return 'not seen so far'
    case 'found':
      return `found${device?.model ? `, a ${device.model}` : ''}`
    case 'off-boarded':
      return 'off-boarded, see below'
    default:
      return `known as “${device?.label}”`
  }
}

function whatNow(enrolment: EnrolmentView, device: DeviceView | undefined): string {
  const user = device?.lines.find((line) => line.user)?.user
  if (user) return `${user.displayName}${user.number === null ? '' : `, ${user.number}`}`
  switch (enrolment.device?.state) {
    case 'off-boarded':
      return 'off-boarded, see below'
    case 'found':
      return 'came back as new; make a new code'
    case undefined:
      return 'make a new code to enrol it again'
    default:
      return 'nobody signed in'
  }
}
