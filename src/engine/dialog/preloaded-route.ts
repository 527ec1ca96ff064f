import type { SipHeaders } from '#src/sip/message.ts'
import { uriOf } from '#src/sip/name-addr.ts'
import type { ListenerAddress } from '../transport/transport-port.ts'
import { namesUs } from './local-address.ts'

/**
 * The route set an application gives a request outside dialogs (RFC 3261 8.1.1.1, 8.1.2): its Route values as they
 * are. Those at the head that name ourselves are done with, as a B2BUA that copies all headers hands us the Route by
 * which the request came.
 */
export function preloadedRoute(headers: SipHeaders, listeners: readonly ListenerAddress[]): string[] {
  if (!headers.has('Route')) return none
  const routes = headers.getAll('Route')
  while (routes.length > 0 && namesUs(uriOf(routes[0] as string) ?? '', listeners)) routes.shift()
  return routes
}

const none: string[] = []
