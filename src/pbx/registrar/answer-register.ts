import type { Binding } from '#src/model/binding.ts'
import type { HeaderFields } from '../sip-port.ts'

/** The fields of the 200 to a REGISTER: every current contact with the time it has left, and Date (RFC 3261 10.3 step 8). */
export function registerAnswerHeaders(bindings: readonly Binding[], nowMs: number): HeaderFields {
  const headers: HeaderFields = { Date: new Date(nowMs).toUTCString() }
  if (bindings.length > 0) {
    headers['Contact'] = bindings.map((binding) => formatContact(binding, nowMs)).join(', ')
  }
  return headers
}

function formatContact(binding: Binding, nowMs: number): string {
  // Rounded up: a phone that counts down to 0 must not find its binding gone a moment before.
  const expiresS = Math.max(0, Math.ceil((binding.expiresAtMs - nowMs) / 1000))
  const q = binding.qThousandths === 1000 ? '' : `;q=${(binding.qThousandths / 1000).toString()}`
  const instance = binding.instanceId === undefined ? '' : `;+sip.instance="<${binding.instanceId}>"`
  return `<${binding.contactUri}>${q};expires=${expiresS}${instance}`
}
