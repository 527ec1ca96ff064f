import { formatEndpoint } from '#src/base/net.ts'
import type { Binding, FlowAddress } from '#src/model/binding.ts'
import { uriOf } from '#src/sip/name-addr.ts'
import { parseUri } from '#src/sip/uri.ts'
import type { SipFailure } from '../sip-port.ts'
import { type HeaderFields, type RequestTarget } from '../sip-port.ts'

/** What is known about the flows of phones. */
export interface Reach {
  /** Undefined: nobody can tell (UDP, or an engine that is not ours). */
  isOpen(flow: FlowAddress): boolean | undefined
  /** This flow of a phone that keeps several is gone: its binding is of no use any more. */
  lost(binding: Binding): void
}

/** One way for a request to reach a phone. */
export interface Way {
  binding: Binding
  target: RequestTarget
  /** Route, where proxies stand between us and the phone (RFC 3327 5.4). */
  headers: HeaderFields
}

/**
 * The bindings of one line, those of one phone together (RFC 5626 7: never two at a time): a phone without an instance
 * id is one binding. Order is kept.
 */
export function groupByPhone(bindings: readonly Binding[]): [Binding, ...Binding[]][] {
  const groups: [Binding, ...Binding[]][] = []
  const phones = new Map<string, [Binding, ...Binding[]]>()
  for (const binding of bindings) {
    const known = binding.instanceId === undefined ? undefined : phones.get(binding.instanceId)
    if (known) known.push(binding)
    else {
      const group: [Binding, ...Binding[]] = [binding]
      groups.push(group)
      if (binding.instanceId !== undefined) phones.set(binding.instanceId, group)
    }
  }
  return groups
}

/**
 * The ways to one phone, best first; what is known about its flows is asked when a way is due, not before. A
 * connection that is closed is not tried: the next flow is, or, for a phone that keeps but one, the address of its
 * Contact, where it may listen.
 */
export function* waysToPhone(bindings: readonly Binding[], reach: Reach): Generator<Way, undefined> {
  for (const binding of bindings) {
    const { flow, path, regId } = binding
    if (path) {
      yield throughProxies(binding, path, reach)
      continue
    }
    const open = flow.protocol === 'udp' ? undefined : reach.isOpen(flow)
    if (open !== false)
      yield { binding, target: { uri: binding.contactUri, proxy: hopOf(flow) }, headers: {} }
    if (flow.protocol === 'udp') continue
    // Asked again: it may have closed while we tried.
    if (regId !== undefined) {
      if (reach.isOpen(flow) === false) reach.lost(binding)
    } else if (reach.isOpen(flow) !== true && listensAtContact(binding, open)) {
      yield { binding, target: { uri: binding.contactUri, proxy: undefined }, headers: {} }
    }
  }
  return undefined
}

/**
 * RFC 5626 5.3.1, 7: true when a failure tells of the way and not of the phone or its owner: 430, and what we make
 * ourselves when a flow does not answer or refuses.
 */
export function isWayFailure(error: SipFailure): boolean {
  return error.status === 430 || error.status === 408 || error.status === 503
}

/** Takes note of a failed way: a proxy that says 430 has lost the flow for good. */
export function noteFailedWay({ binding }: Way, error: SipFailure, reach: Reach): void {
  if (error.status === 430 && binding.regId !== undefined) reach.lost(binding)
}

function hopOf({ protocol, host, port }: FlowAddress): string {
  return `sip:${formatEndpoint(host, port)};transport=${protocol}`
}

// The first hop is named twice: as Route, and for an engine that takes no Route as the place to send to.
function throughProxies(binding: Binding, path: readonly string[], reach: Reach): Way {
  const { flow, contactUri } = binding
  const first = uriOf(path[0] ?? '')
  const host = first === undefined ? undefined : parseUri(first)?.host
  // RFC 5923: the connection that the proxy opened is the one that it can be reached over.
  const kept = flow.protocol !== 'udp' && flow.host === host && reach.isOpen(flow) === true
  return {
    binding,
    target: { uri: contactUri, proxy: kept ? hopOf(flow) : first },
    headers: { Route: path.join(', ') },
  }
}

// A browser has no address (RFC 7118 5); an address that was just tried needs no second try.
function listensAtContact({ contactUri, flow }: Binding, open: boolean | undefined): boolean {
  if (flow.protocol === 'ws' || flow.protocol === 'wss') return false
  const uri = parseUri(contactUri)
  if (!uri || uri.host === '' || /\.invalid$/i.test(uri.host)) return false
  return open === false || uri.host !== flow.host || uri.port !== flow.port
}
