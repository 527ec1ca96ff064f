import type { SipRequest } from '#src/sip/message.ts'
import { uriOf } from '#src/sip/name-addr.ts'
import { namesUs } from '../dialog/local-address.ts'
import type { Flow, ListenerAddress, Target } from '../transport/transport-port.ts'
import { isLoose, type Heading, type OwnRoutes } from './own-routes.ts'

/** Where a request with our Route goes, and as what. */
export interface RouteReading {
  heading: Heading
  /** Request-URI of the forwarded request. */
  uri: string
  /** Route values of the forwarded request. */
  routes: string[]
  /** URI whose host is the next hop. */
  nextHop: string
  /** The flow that goes before the next hop. */
  flow: Target | undefined
}

/**
 * RFC 3261 16.4 and 16.6-6: takes our own values off the Route, puts right what a strict router before us did, and
 * does what a strict router behind us needs. Undefined when no value of ours is at the top.
 */
export function readRoute(request: SipRequest, own: OwnRoutes): RouteReading | undefined {
  let { uri } = request
  const routes = request.headers.getAll('Route')
  if (routes.length === 0) return undefined
  let found = own.read(`<${uri}>`, request)
  const last = routes.at(-1)
  if (found && last !== undefined) {
    // 16.4: a strict router moved our value to the Request-URI and the real one to the end of the Route.
    uri = uriOf(last) ?? uri
    routes.pop()
  }
  let flow = found?.flow
  for (;;) {
    const top = routes[0]
    const next = top === undefined ? undefined : own.read(top, request)
    if (!next) break
    routes.shift()
    found = next
    flow = next.flow ?? flow
  }
  if (!found) return undefined
  const { heading } = found
  const top = routes[0]
  if (top === undefined || isLoose(top)) {
    return { heading, uri, routes, nextHop: top === undefined ? uri : (uriOf(top) ?? uri), flow }
  }
  // 16.6-6: a strict router wants itself in the Request-URI and the target at the end.
  const strict = uriOf(top) ?? uri
  return { heading, uri: strict, routes: [...routes.slice(1), `<${uri}>`], nextHop: strict, flow }
}

/** Whether a URI names this engine: an address it listens on or is known by, or the one a request arrived at. */
export function isLocal(uri: string, arrival: Flow, listeners: readonly ListenerAddress[]): boolean {
  const { localHost: host, localPort: port, advertisedHost, advertisedPort } = arrival
  return namesUs(uri, [...listeners, { host, port, advertisedHost, advertisedPort }])
}
