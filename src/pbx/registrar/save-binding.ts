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

/** What a REGISTER is applied with. */
export interface RegisterContext {
  rules: BindingRules
  flow: FlowAddress
  nowMs: number
  /**
   * The part of the asked time that is not granted, 0 to below 1, drawn anew for each request: phones that came back
   * together after a power cut do not come back together for ever. Never below `minExpiresMs`.
   */
  shorten?: number
}

/**
 * Applies a REGISTER to the current bindings of its AOR (RFC 3261 10.3 steps 6 and 7). Pure, and all or
 * nothing: one contact that cannot be taken refuses the whole request.
 */
export function applyRegister(
  current: readonly Binding[],
  request: RegisterRequest,
  context: RegisterContext,
): Binding[] | RegisterRefusal {
  if (request.removeAll) {
    return current.some((binding) => isOutOfOrder(binding, request)) ? 'out-of-order' : []
  }
  let next = [...current]
  for (const contact of request.contacts) {
    const lifetimeMs = grantedMs(contact, context)
    if (lifetimeMs === 'too-brief') return 'too-brief'
    // Only what stood before this request can be newer than it, or the same phone at its old address.
    const replaced = next.filter((binding) =>
      isSameContact(binding, contact, { flow: context.flow, stood: current.includes(binding) }),
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
  context: RegisterContext,
): Binding {
  // Frozen here, where it is made: who keeps bindings need not copy them.
  return Object.freeze({
    aor: request.aor,
    contactUri: contact.uri,
    instanceId: contact.instanceId,
    regId: contact.regId,
    path: request.path.length === 0 ? undefined : Object.freeze(request.path),
    contactParams: contact.params === '' ? undefined : contact.params,
    callId: request.callId,
    cseq: request.cseq,
    qThousandths: contact.qThousandths,
    expiresAtMs: context.nowMs + lifetimeMs,
    registeredAtMs: context.nowMs,
    flow: Object.freeze(context.flow),
    userAgent: request.userAgent,
  })
}

function grantedMs(contact: RequestedContact, { rules, shorten = 0 }: RegisterContext): number | 'too-brief' {
  const askedMs = contact.expiresMs ?? rules.maxExpiresMs
  if (askedMs === 0) return 0
  // 10.3 step 7: only what is also under an hour may be refused as too brief.
  if (askedMs < rules.minExpiresMs && askedMs < oneHourMs) return 'too-brief'
  const longestMs = Math.min(askedMs, rules.maxExpiresMs)
  if (shorten === 0) return longestMs
  // Whole seconds, as they are told.
  const shortenedMs = Math.ceil((longestMs * (1 - shorten)) / 1000) * 1000
  return Math.min(longestMs, Math.max(shortenedMs, rules.minExpiresMs))
}

/**
 * What a contact takes the place of. `stood`: the binding is older than this request.
 * With a reg-id a binding is a flow of an instance and its URI does not count (RFC 5626 6); an instance without one is
 * the same phone, perhaps after it moved (RFC 5626 4.1); else URIs are compared (RFC 3261 10.3 step 7).
 */
function isSameContact(
  binding: Binding,
  contact: RequestedContact,
  { flow, stood }: { flow: FlowAddress; stood: boolean },
): boolean {
  if (contact.instanceId !== undefined && binding.instanceId !== undefined) {
    if (binding.instanceId !== contact.instanceId) {
      // Two phones behind two NATs may well use one private address; a phone that was reset has a new instance.
      return isSameFlow(binding.flow, flow) && isSameUri(binding, contact)
    }
    if (binding.regId !== undefined && contact.regId !== undefined) return binding.regId === contact.regId
    if (stood && binding.regId === contact.regId) return true
  }
  return isSameUri(binding, contact)
}

function isSameFlow(first: FlowAddress, second: FlowAddress): boolean {
  return first.port === second.port && first.host === second.host && first.protocol === second.protocol
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
