import { tagOf, uriOf } from '#src/sip/name-addr.ts'
import { SipHeaders, type SipRequest } from '#src/sip/message.ts'
import type { Flow } from '../transport/transport-port.ts'
import { isSdp } from './compose-response.ts'
import { isSips, routed, routing, type DialogState } from './dialog-state.ts'
import { bracketed, fieldsOfDialog, fieldsOfEngine } from './header-values.ts'
import { defaultContact, localHostPort, secureContacts, withLocalAddress } from './local-address.ts'
import { askSession, type SessionWish } from './session-agreement.ts'

// Made by us, or decided by the route.
const notFromApplication = new Set([...fieldsOfEngine, ...fieldsOfDialog, 'Max-Forwards'])

/** Values that stay the same when a request is sent to another target. */
export interface RequestIdentity {
  callId: string
  fromTag: string
  sequence: number
  /** The application's Route values: a preloaded route set (RFC 3261 8.1.1.1); empty = none. */
  routes: readonly string[]
  /** What is asked for as session timer. */
  readonly session: SessionWish
}

/** A request outside dialogs as it goes out over `flow`, top Via left to the transaction layer. */
export function composeRequest(
  wanted: SipRequest,
  flow: Flow,
  identity: RequestIdentity,
  userAgent: string | undefined,
): SipRequest {
  const given = wanted.headers
  const path = routed(identity.routes, wanted.uri)
  const headers = new SipHeaders()
  headers.append('Max-Forwards', given.get('Max-Forwards') ?? '70')
  for (const route of path.routes) headers.append('Route', route)
  const from = withLocalAddress('From', given.get('From') ?? `<sip:${localHostPort(flow)}>`, flow)
  headers.append('From', tagOf(from) === undefined ? `${bracketed(from)};tag=${identity.fromTag}` : from)
  headers.append('To', withLocalAddress('To', given.get('To') ?? `<${wanted.uri}>`, flow))
  headers.append('Call-ID', identity.callId)
  headers.append('CSeq', `${identity.sequence} ${wanted.method}`)
  const { method } = wanted
  const contact = method === 'INVITE' || method === 'SUBSCRIBE'
  copyWanted(headers, given, flow, notFromApplication)
  const secure = isSips(path.uri) || isSips(uriOf(path.routes[0] ?? '') ?? '')
  complete(headers, wanted, contact, flow, userAgent, secure)
  if (method === 'INVITE') askSession(headers, identity.session)
  return { kind: 'request', method, uri: path.uri, headers, body: wanted.body }
}

/** A request inside a dialog: `state` has its CSeq counted already; `session` only where it may be changed. */
export function composeInDialog(
  wanted: SipRequest,
  uri: string | undefined,
  flow: Flow,
  state: DialogState,
  userAgent: string | undefined,
  session?: SessionWish,
): SipRequest {
  const path = routing(state, uri)
  const headers = new SipHeaders()
  headers.append('Max-Forwards', wanted.headers.get('Max-Forwards') ?? '70')
  for (const route of path.routes) headers.append('Route', route)
  headers.append('From', state.localParty)
  headers.append('To', state.remoteParty)
  headers.append('Call-ID', state.callId)
  headers.append('CSeq', `${state.localSequence} ${wanted.method}`)
  const { method } = wanted
  const contact =
    method === 'INVITE' ||
    method === 'SUBSCRIBE' ||
    method === 'REFER' ||
    method === 'UPDATE' ||
    method === 'NOTIFY'
  copyWanted(headers, wanted.headers, flow, notFromApplication)
  complete(headers, wanted, contact, flow, userAgent, state.secure)
  if (session) askSession(headers, session)
  return { kind: 'request', method, uri: path.uri, headers, body: wanted.body }
}

/**
 * RFC 3261 13.2.2.4: ACK to a 2xx has the CSeq number and the credentials of its INVITE, and the route of the
 * dialog.
 */
export function composeAck(
  wanted: SipRequest | undefined,
  invite: SipRequest,
  flow: Flow,
  state: DialogState,
): SipRequest {
  const path = routing(state)
  const headers = new SipHeaders()
  headers.append('Max-Forwards', '70')
  for (const route of path.routes) headers.append('Route', route)
  headers.append('From', state.localParty)
  headers.append('To', state.remoteParty)
  headers.append('Call-ID', state.callId)
  headers.append('CSeq', `${Number.parseInt(invite.headers.get('CSeq') ?? '0', 10)} ACK`)
  for (const name of ['Authorization', 'Proxy-Authorization']) {
    for (const value of invite.headers.getAll(name)) headers.append(name, value)
  }
  const body = wanted?.body ?? Buffer.alloc(0)
  if (wanted) copyWanted(headers, wanted.headers, flow, notFromApplication)
  if (!headers.has('Content-Type') && isSdp(body)) headers.append('Content-Type', 'application/sdp')
  return { kind: 'request', method: 'ACK', uri: path.uri, headers, body }
}

/** RFC 3261 9.1: CANCEL repeats request URI, Call-ID, From, To, CSeq number and Route of its INVITE. */
export function composeCancel(invite: SipRequest, reasons: readonly string[]): SipRequest {
  const headers = new SipHeaders()
  headers.append('Max-Forwards', '70')
  for (const route of invite.headers.getAll('Route')) headers.append('Route', route)
  for (const name of ['From', 'To', 'Call-ID']) headers.append(name, invite.headers.get(name) ?? '')
  headers.append('CSeq', `${Number.parseInt(invite.headers.get('CSeq') ?? '0', 10)} CANCEL`)
  // Only what explains the CANCEL may be added (Reason, RFC 3326); credentials would be wrong here.
  for (const value of reasons) headers.append('Reason', value)
  return { kind: 'request', method: 'CANCEL', uri: invite.uri, headers, body: Buffer.alloc(0) }
}

/** A request as an application would write it, to be completed by the composer. */
export function bareRequest(method: string, fields: string[] = []): SipRequest {
  return { kind: 'request', method, uri: '', headers: new SipHeaders(fields), body: Buffer.alloc(0) }
}

function copyWanted(headers: SipHeaders, given: SipHeaders, flow: Flow, without: ReadonlySet<string>): void {
  const { flat } = given
  for (let index = 0; index < flat.length; index += 2) {
    const name = flat[index] as string
    if (without.has(name)) continue
    headers.append(name, withLocalAddress(name, flat[index + 1] as string, flow))
  }
}

function complete(
  headers: SipHeaders,
  wanted: SipRequest,
  contact: boolean,
  flow: Flow,
  userAgent: string | undefined,
  secure: boolean,
): void {
  if (contact && !headers.has('Contact')) headers.append('Contact', defaultContact(flow))
  if (secure) secureContacts(headers)
  if (!headers.has('Content-Type') && isSdp(wanted.body)) headers.append('Content-Type', 'application/sdp')
  if (userAgent !== undefined && !headers.has('User-Agent')) headers.append('User-Agent', userAgent)
}
