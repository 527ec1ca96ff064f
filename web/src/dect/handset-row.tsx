import type { VNode } from 'preact'
import type { HandsetView } from '#src/api/schema/handsets.ts'
import { formatMoment } from '../format.ts'
import { State, type Light } from '../ui/state.tsx'
import type { DectRequest } from './dect-section.tsx'

/** One handset in its server's table. */
export function HandsetRow(props: {
  handset: HandsetView
  onRequest: (request: DectRequest) => void
}): VNode {
  const { handset, onRequest } = props
  const { device, ipei, extension } = handset
  const [line] = device.lines
  const { light, word, hint } = describe(handset)
  return (
    <tr>
      <td data-name="Handset">
        <strong>{device.label}</strong>
        {extension !== null && <span class="muted"> · {extension}</span>}
      </td>
      <td data-name="IPEI">
        <code>{ipei}</code>
      </td>
      <td data-name="State">
        <State light={light}>{word}</State>
        {hint !== '' && <div class="muted">{hint}</div>}
      </td>
      <td data-name="Person">
        {line?.user ? (
          <>
            {line.user.displayName}
            <div class="muted">{line.user.number ?? 'no number'}</div>
          </>
        ) : (
          <span class="muted">nobody</span>
        )}
      </td>
      <td class="actions">
        {line &&
          (line.user ? (
            <button
              type="button"
              class="small"
              aria-label={`Sign out ${line.user.displayName} on ${device.label}`}
              onClick={() => onRequest({ kind: 'signOut', handset, line })}
            >
              Sign out
            </button>
          ) : (
            <button
              type="button"
              class="small"
              aria-label={`Sign in somebody on ${device.label}`}
              onClick={() => onRequest({ kind: 'signIn', handset, line })}
            >
              Sign in
            </button>
          ))}
        <button
          type="button"
          class="quiet small"
          aria-label={`Code to subscribe ${device.label}`}
          onClick={() => onRequest({ kind: 'accessCode', handset })}
        >
          Code
        </button>
        <button
          type="button"
          class="quiet small"
          aria-label={`Change ${device.label}`}
          onClick={() => onRequest({ kind: 'change', handset })}
        >
          Change
        </button>
        <button
          type="button"
          class="quiet small"
          aria-label={`Remove ${device.label}`}
          onClick={() => onRequest({ kind: 'remove', handset })}
        >
          Remove
        </button>
      </td>
    </tr>
  )
}

/** What can be said of a handset; the box sees it only when it registers. */
function describe({ device, state }: HandsetView): { light: Light; word: string; hint: string } {
  if (device.state === 'off-boarded') return { light: 'off', word: 'off-boarded', hint: '' }
  if (device.lines.some((line) => line.registered)) return { light: 'ok', word: 'registered', hint: '' }
  if (state === 'announced') return { light: 'wait', word: 'not subscribed yet', hint: '' }
  const seen = device.lastSeenAtMs === null ? '' : `last seen ${formatMoment(device.lastSeenAtMs)}`
  return { light: 'off', word: 'not registered', hint: seen }
}
