import type { Binding } from '#src/model/binding.ts'
import type { HeaderFields } from '../sip-port.ts'

/** What a 200 says beyond the contacts. */
export interface RegisterAnswer {
  /** As the request had it (RFC 3327 5.3). */
  path: readonly string[]
  /** RFC 5626 6: this registration is a flow; `flowTimerS` is how often it must show life (0 = the phone's choice). */
  outbound: { flowTimerS: number } | undefined
  /** Route values for the phone's own requests (RFC 3608 6.3). */
  serviceRoute: readonly string[]
}

const nothingMore: RegisterAnswer = { path: [], outbound: undefined, serviceRoute: [] }

/** The fields of the 200 to a REGISTER: every current contact with the time it has left, and Date (RFC 3261 10.3 step 8). */
export function registerAnswerHeaders(
  bindings: readonly Binding[],
  nowMs: number,
  { path, outbound, serviceRoute }: RegisterAnswer = nothingMore,
): HeaderFields {
  const headers: HeaderFields = { Date: dateOf(nowMs) }
  if (bindings.length > 0) {
    headers['Contact'] = bindings.map((binding) => formatContact(binding, nowMs)).join(', ')
  }
  if (path.length > 0) headers['Path'] = path.join(', ')
  if (serviceRoute.length > 0) headers['Service-Route'] = serviceRoute.map((uri) => `<${uri}>`).join(', ')
  if (outbound) {
    headers['Require'] = 'outbound'
    headers['Supported'] = 'path, outbound'
    if (outbound.flowTimerS > 0) headers['Flow-Timer'] = String(outbound.flowTimerS)
  }
  return headers
}

function formatContact(binding: Binding, nowMs: number): string {
  const { contactUri, qThousandths, instanceId, regId, contactParams } = binding
  // Rounded up: a phone that counts down to 0 must not find its binding gone a moment before.
  const expiresS = Math.max(0, Math.ceil((binding.expiresAtMs - nowMs) / 1000))
  const q = qThousandths === 1000 ? '' : `;q=${(qThousandths / 1000).toString()}`
  const instance = instanceId === undefined ? '' : `;+sip.instance="<${instanceId}>"`
  const flow = regId === undefined ? '' : `;reg-id=${regId}`
  return `<${contactUri}>${q};expires=${expiresS}${instance}${flow}${contactParams ?? ''}`
}

let lastDate = { second: -1, text: '' }

// RFC 3261 20.17. A second has many registrations, and all of them the same date.
function dateOf(nowMs: number): string {
  const second = Math.floor(nowMs / 1000)
  if (second !== lastDate.second) lastDate = { second, text: new Date(nowMs).toUTCString() }
  return lastDate.text
}
