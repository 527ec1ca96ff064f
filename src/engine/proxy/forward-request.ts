import { SipHeaders, type SipRequest } from '#src/sip/message.ts'
import { parseDecimal } from '#src/sip/cseq.ts'
import { peerNamesHeader } from '#src/sip/peer-identity.ts'
import { branchOf } from '#src/sip/via.ts'
import { fieldsOfDialog, fieldsOfEngine, listHas, unknownTags } from '../dialog/header-values.ts'
import type { Refusal } from '../dialog/inspect-request.ts'

/** Why a request is not forwarded; `text` is for the application. */
export interface ForwardRefusal extends Refusal {
  text: string
}

/** RFC 5393 5.3.3.1: what a request without Max-Breadth may fork into. */
const defaultBreadth = 60
const defaultForwards = 70
// Extensions that ask something of proxies and that we understand (RFC 3327 5.2).
const understood = new Set(['path'])

/** RFC 3261 16.3: what must be right before a request is forwarded; `digest` is that of `loopDigest`. */
export function problemOf(request: SipRequest, digest: string): ForwardRefusal | undefined {
  const { headers } = request
  if (forwardsOf(headers) <= 0) return { status: 483, fields: [], text: 'Max-Forwards is used up' }
  // RFC 5393 4.2.2: our own branch with the same digest means that nothing has changed since we sent it.
  for (const via of headers.getAll('Via')) {
    if (branchOf(via)?.endsWith(digest))
      return { status: 482, fields: [], text: 'the request goes in a loop' }
  }
  const unknown = unknownTags(headers, 'Proxy-Require', (tag) => understood.has(tag))
  if (unknown.length > 0) {
    return {
      status: 420,
      fields: ['Unsupported', unknown.join(', ')],
      text: `unknown: ${unknown.join(', ')}`,
    }
  }
  if (breadthOf(headers) <= 0) return { status: 440, fields: [], text: 'Max-Breadth is used up' }
  return undefined
}

/** What decides where a request goes, as one text (RFC 5393 4.2.1): the method is left out, so that CANCEL matches. */
export function loopText(request: SipRequest): string {
  const { headers } = request
  const fields = ['From', 'To', 'Call-ID', 'Proxy-Require', 'Proxy-Authorization', 'Authorization']
  const values = fields.map((name) => headers.getAll(name).join(','))
  const number = Number.parseInt(headers.get('CSeq') ?? '', 10)
  return [request.uri, headers.getAll('Route').join(','), ...values, number].join('\n')
}

function forwardsOf(headers: SipHeaders): number {
  const value = headers.get('Max-Forwards')
  return value === undefined ? defaultForwards : (parseDecimal(value.trim(), 255) ?? defaultForwards)
}

/** How many branches the request may still fork into (RFC 5393 5). */
export function breadthOf(headers: SipHeaders): number {
  const value = headers.get('Max-Breadth')
  return value === undefined ? defaultBreadth : (parseDecimal(value.trim(), 2 ** 31 - 1) ?? defaultBreadth)
}

/** What changes from the request received to the request forwarded. */
export interface Forwarding {
  uri: string
  /** All Route values, top first. */
  routes: readonly string[]
  maxBreadth: number
  recordRoutes: readonly string[]
  paths: readonly string[]
  /** Of the application; they replace fields of the same name. */
  headers: SipHeaders | undefined
}

const notFromApplication = new Set([
  ...fieldsOfEngine,
  ...fieldsOfDialog,
  'Path',
  'Max-Forwards',
  'Max-Breadth',
])

/**
 * The copy that goes out (RFC 3261 16.6): everything that we do not know stays as it is, in its order. The top Via
 * is an empty one, for the transaction layer puts its own in that place.
 */
export function composeForward(received: SipRequest, change: Forwarding): SipRequest {
  const headers = new SipHeaders()
  const given = change.headers?.flat ?? []
  const replaced = new Set<string>()
  for (let index = 0; index < given.length; index += 2) {
    const name = given[index] as string
    if (!notFromApplication.has(name)) replaced.add(name)
  }
  headers.append('Via', '')
  headers.append('Max-Forwards', String(forwardsOf(received.headers) - 1))
  headers.append('Max-Breadth', String(change.maxBreadth))
  for (const route of change.routes) headers.append('Route', route)
  for (const value of change.recordRoutes) headers.append('Record-Route', value)
  for (const value of change.paths) headers.append('Path', value)
  const { flat } = received.headers
  for (let index = 0; index < flat.length; index += 2) {
    const name = flat[index] as string
    if (name === 'Max-Forwards' || name === 'Max-Breadth' || name === 'Route' || name === peerNamesHeader)
      continue
    if (!replaced.has(name)) headers.append(name, flat[index + 1] as string)
  }
  for (let index = 0; index < given.length; index += 2) {
    const name = given[index] as string
    if (replaced.has(name)) headers.append(name, given[index + 1] as string)
  }
  // RFC 3327 5.2: the registrar must understand Path, or it would send past us.
  if (change.paths.length > 0 && !listHas(headers.getAll('Require').join(','), 'path')) {
    headers.append('Require', 'path')
  }
  return { kind: 'request', method: received.method, uri: change.uri, headers, body: received.body }
}
