import type { IncomingRequest } from '../sip-port.ts'

/** Option tags of a Require header that we honour: session timers by the engine, reliable ringing by the call. */
const honoured = ['timer', '100rel']

/** What a caller insists on (RFC 3261 8.2.2.3). */
export interface RequiredExtensions {
  /** Tags that we do not speak: the request is refused with 420 and these in Unsupported. */
  unsupported: string[]
  /** Every ringing must be sent reliably (RFC 3262 3). */
  reliable: boolean
}

/** Reads what an INVITE requires. */
export function requiredExtensions(request: Pick<IncomingRequest, 'get'>): RequiredExtensions {
  const tags = (request.get('Require') ?? '')
    .split(',')
    .map((tag) => tag.trim().toLowerCase())
    .filter((tag) => tag !== '')
  return { unsupported: tags.filter((tag) => !honoured.includes(tag)), reliable: tags.includes('100rel') }
}
