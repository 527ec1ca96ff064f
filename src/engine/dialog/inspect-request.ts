import { tagOf } from '#src/sip/name-addr.ts'
import type { SipHeaders, SipRequest } from '#src/sip/message.ts'
import { unknownTags } from './header-values.ts'

/** Why a request is not served: a status and the header fields that explain it. */
export interface Refusal {
  status: number
  fields: readonly string[]
}

const bad: Refusal = { status: 400, fields: [] }
const unknownScheme: Refusal = { status: 416, fields: [] }
const badEvent: Refusal = { status: 489, fields: [] }

/** Option tags that the engine handles or hands on to be handled by the other side of a B2BUA. */
const handled = new Set(['100rel', 'timer', 'replaces', 'norefersub', 'path', 'outbound'])

/** RFC 3261 8.2 before anybody is asked: what no application can want to serve. */
export function inspectRequest(
  request: SipRequest,
  extensions: ReadonlySet<string> | undefined,
): Refusal | undefined {
  const { headers } = request
  if (!headers.has('Call-ID') || tagOf(headers.get('From') ?? '') === undefined) return bad
  if (!isServedScheme(request.uri)) return unknownScheme
  return extensions && refusedExtensions(headers, extensions)
}

/** RFC 3261 12.1.1, 10.3, RFC 6665 4.2.1, RFC 3891 3: what a request outside dialogs must have. */
export function inspectOutside(request: SipRequest): Refusal | undefined {
  const { headers } = request
  switch (request.method) {
    case 'SUBSCRIBE':
      if (!headers.has('Contact')) return bad
      return headers.has('Event') ? undefined : badEvent
    case 'REFER':
      // RFC 3515 2.4.2: exactly one Refer-To; the dialog of its implicit subscription needs a Contact.
      if (headers.getAll('Refer-To').length !== 1) return bad
      return headers.has('Contact') ? undefined : bad
    case 'INVITE':
      return headers.has('Contact') ? undefined : bad
    case 'REGISTER':
      return isBadWildcard(headers) ? bad : undefined
    default:
      return headers.has('Replaces') ? bad : undefined
  }
}

// RFC 3261 8.2.2.1. `urn:` is how emergency calls are addressed (RFC 5031), `im:` and `pres:` are of RFC 3860, 3859.
function isServedScheme(uri: string): boolean {
  if (uri.startsWith('sip:')) return true
  return /^(?:sips?|tel|urn|im|pres):/i.test(uri)
}

// RFC 3261 8.2.2.3.
function refusedExtensions(headers: SipHeaders, extensions: ReadonlySet<string>): Refusal | undefined {
  const unknown = unknownTags(headers, 'Require', (tag) => handled.has(tag) || extensions.has(tag))
  return unknown.length === 0
    ? undefined
    : { status: 420, fields: unknown.flatMap((tag) => ['Unsupported', tag]) }
}

// RFC 3261 10.3: the wildcard stands alone and with Expires: 0, else bindings would be lost by accident.
function isBadWildcard(headers: SipHeaders): boolean {
  const { flat } = headers
  let contacts = 0
  let wildcard = false
  for (let index = 0; index < flat.length; index += 2) {
    if (flat[index] !== 'Contact') continue
    contacts++
    if ((flat[index + 1] as string).trim() === '*') wildcard = true
  }
  return wildcard && (contacts > 1 || headers.get('Expires')?.trim() !== '0')
}
