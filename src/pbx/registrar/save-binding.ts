import type { Binding, FlowAddress } from '#src/model/binding.ts'
import { parseUri, uriEquals } from '#src/sip/uri.ts'
import type { RegisterRequest, RequestedContact } from './register-request.ts'

/** What the admin allows; ms and counts. */
export interface BindingRules {
  minExpiresMs: number
  maxExpiresMs: number
  maxContacts: number
}

/** Why a REGISTER changes nothing. */
export type RegisterRefusal = 'too-brief' | 'out-of-order' | 'too-many-contacts'

const oneHourMs = 3_600_000

/**
 * Applies a REGISTER to the current bindings of its AOR (RFC 3261 10.3 steps 6 and 7). Pure, and all or
 * nothing: one contact that cannot be taken refuses the whole request.
 */
export function applyRegister(
  current: readonly Binding[],
  request: RegisterRequest,
  context: { rules: BindingRules; flow: FlowAddress; nowMs: number },
): Binding[] | RegisterRefusal {
  if (request.removeAll) {
    return current.some((binding) => isOutOfOrder(binding, request)) ? 'out-of-order' : []
  }
  let next = [...current]
  for (const contact of request.contacts) {
    const lifetimeMs = grantedMs(contact, context.rules)
    if (lifetimeMs === 'too-brief') return 'too-brief'
    // Only what stood before this request can be newer than it, or the same phone at its old address.
    const replaced = next.filter(
      (binding) =>
        isSameUri(binding, contact) || (current.includes(binding) && isSameInstance(binding, contact)),
    )
    if (replaced.some((binding) => current.includes(binding) && isOutOfOrder(binding, request))) {
      return 'out-of-order'
    }
    next = next.filter((binding) => !replaced.includes(binding))
    if (lifetimeMs > 0) next.push(makeBinding(contact, request, lifetimeMs, context))
  }
  // Fewer than before is always taken: a lowered limit must not keep a phone from unregistering.
  return next.length > context.rules.maxContacts && next.length > current.length ? 'too-many-contacts' : next
}

function makeBinding(
  contact: RequestedContact,
  request: RegisterRequest,
  lifetimeMs: number,
  context: { flow: FlowAddress; nowMs: number },
): Binding {
  return {
    aor: request.aor,
    contactUri: contact.uri,
    instanceId: contact.instanceId,
    callId: request.callId,
    cseq: request.cseq,
    qThousandths: contact.qThousandths,
    expiresAtMs: context.nowMs + lifetimeMs,
    registeredAtMs: context.nowMs,
    flow: context.flow,
    userAgent: request.userAgent,
  }
}

function grantedMs(contact: RequestedContact, rules: BindingRules): number | 'too-brief' {
  const askedMs = contact.expiresMs ?? rules.maxExpiresMs
  if (askedMs === 0) return 0
  // 10.3 step 7: only what is also under an hour may be refused as too brief.
  if (askedMs < rules.minExpiresMs && askedMs < oneHourMs) return 'too-brief'
  return Math.min(askedMs, rules.maxExpiresMs)
}

/** RFC 5626 4.1: the same phone, perhaps after it moved. */
function isSameInstance(binding: Binding, contact: RequestedContact): boolean {
  return contact.instanceId !== undefined && binding.instanceId === contact.instanceId
}

/** RFC 3261 19.1.4. */
function isSameUri(binding: Binding, contact: RequestedContact): boolean {
  if (binding.contactUri === contact.uri) return true
  const first = parseUri(binding.contactUri)
  const second = parseUri(contact.uri)
  return first !== undefined && second !== undefined && uriEquals(first, second)
}

/** 10.3: within one Call-ID only a higher CSeq is newer; across Call-IDs (a restart) the latest wins. */
function isOutOfOrder(binding: Binding, request: RegisterRequest): boolean {
  return binding.callId === request.callId && request.cseq <= binding.cseq
}
