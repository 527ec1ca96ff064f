import type { SipHeaders } from '#src/sip/message.ts'
import { uriOf } from '#src/sip/name-addr.ts'
import { parseUri } from '#src/sip/uri.ts'
import type { ListenerAddress } from '../transport/transport-port.ts'

/**
 * The route set an application gives a request outside dialogs (RFC 3261 8.1.1.1, 8.1.2): its Route values as they
 * are. Those at the head that name ourselves are done with, as a B2BUA that copies all headers hands us the Route by
 * which the request came.
 */
export function preloadedRoute(headers: SipHeaders, listeners: readonly ListenerAddress[]): string[] {
  if (!headers.has('Route')) return none
  const routes = headers.getAll('Route')
  while (routes.length > 0 && isMine(routes[0] as string, listeners)) routes.shift()
  return routes
}

const none: string[] = []

function isMine(route: string, listeners: readonly ListenerAddress[]): boolean {
  const uri = parseUri(uriOf(route) ?? '')
  if (!uri) return false
  const port = uri.port ?? (uri.scheme === 'sips' ? 5061 : 5060)
  return listeners.some(
    (own) =>
      (own.host === uri.host && own.port === port) ||
      (own.advertisedHost === uri.host && own.advertisedPort === port),
  )
}
