import type { SipHeaders, SipRequest, SipResponse } from '#src/sip/message.ts'
import { tagOf, uriOf } from '#src/sip/name-addr.ts'
import { listHas, sequenceOf, uriParameter } from './header-values.ts'

/** A dialog of RFC 3261 12 as a plain record; the functions below return the next record. */
export interface DialogState {
  readonly role: 'uas' | 'uac'
  readonly phase: 'early' | 'confirmed' | 'terminated'
  readonly callId: string
  readonly localTag: string
  readonly remoteTag: string
  /** Our From in requests we send: the whole header value, tag included. */
  readonly localParty: string
  /** Our To in requests we send. */
  readonly remoteParty: string
  readonly localSequence: number
  readonly remoteSequence: number | undefined
  /** URI that in-dialog requests go to. */
  readonly remoteTarget: string
  /** Route values in the order in which we send them. */
  readonly routeSet: readonly string[]
  /** RFC 3261 12.1: made by a request to a sips URI; nothing in it may go out unprotected. */
  readonly secure: boolean
}

/** The name under which the application knows the dialog: the From tag of its first request, on both sides. */
export function dialogId(state: DialogState): string {
  return `${state.callId};from-tag=${state.role === 'uac' ? state.localTag : state.remoteTag}`
}

/** RFC 3261 12.1.1: what a 1xx or 2xx of ours makes of a request we received. */
export function dialogFromRequest(
  request: SipRequest,
  localTag: string,
  phase: 'early' | 'confirmed',
): DialogState {
  const { headers } = request
  const to = headers.get('To') ?? ''
  return {
    role: 'uas',
    phase,
    callId: headers.get('Call-ID') ?? '',
    localTag,
    remoteTag: tagOf(headers.get('From') ?? '') ?? '',
    localParty: tagOf(to) === undefined ? `${to};tag=${localTag}` : to,
    remoteParty: headers.get('From') ?? '',
    localSequence: 0,
    remoteSequence: sequenceOf(headers.get('CSeq')),
    // A Contact that nobody can read leaves the address that the caller gives itself.
    remoteTarget: targetOf(headers.get('Contact'), uriOf(headers.get('From') ?? '') ?? request.uri),
    routeSet: routesOf(headers),
    secure: isSips(request.uri),
  }
}

/** RFC 3261 12.1.2: what a 1xx or 2xx makes of a request we sent. Undefined without a To tag. */
export function dialogFromResponse(request: SipRequest, response: SipResponse): DialogState | undefined {
  const to = response.headers.get('To') ?? ''
  const remoteTag = tagOf(to)
  if (remoteTag === undefined) return undefined
  const from = request.headers.get('From') ?? ''
  const contact = response.headers.get('Contact')
  return {
    role: 'uac',
    phase: response.status < 200 ? 'early' : 'confirmed',
    callId: request.headers.get('Call-ID') ?? '',
    localTag: tagOf(from) ?? '',
    remoteTag,
    localParty: from,
    remoteParty: to,
    localSequence: sequenceOf(request.headers.get('CSeq')) ?? 0,
    remoteSequence: undefined,
    remoteTarget: targetOf(contact, request.uri),
    routeSet: routesOf(response.headers).reverse(),
    secure: isSips(request.uri),
  }
}

/**
 * RFC 3261 13.2.2.4: the 2xx sets the route set anew and confirms the dialog; an early dialog may have
 * learnt its own from a 1xx.
 */
export function confirm(state: DialogState, response: SipResponse): DialogState {
  const contact = response.headers.get('Contact')
  return {
    ...state,
    phase: 'confirmed',
    remoteParty: response.headers.get('To') ?? state.remoteParty,
    remoteTarget: targetOf(contact, state.remoteTarget),
    routeSet: routesOf(response.headers).reverse(),
  }
}

/** Marks a dialog of ours that was early as confirmed or ended. */
export function withPhase(state: DialogState, phase: DialogState['phase']): DialogState {
  return state.phase === phase ? state : { ...state, phase }
}

/** RFC 3261 12.2.1.1: takes the next number, or the application's own when that is higher. */
export function nextSequence(state: DialogState, wanted: number | undefined): DialogState {
  const next = state.localSequence + 1
  return { ...state, localSequence: wanted !== undefined && wanted > next ? wanted : next }
}

/** RFC 3261 12.2.2: out of order means lower than one we have seen. */
export function isOutOfOrder(state: DialogState, sequence: number): boolean {
  return state.remoteSequence !== undefined && sequence < state.remoteSequence
}

/** Notes the number of an in-dialog request of the peer. */
export function withRequest(state: DialogState, request: SipRequest): DialogState {
  const sequence = sequenceOf(request.headers.get('CSeq'))
  return sequence === undefined || sequence === state.remoteSequence
    ? state
    : { ...state, remoteSequence: sequence }
}

/**
 * Takes the Contact of a target refresh of the peer that we accept. Not before: a refused re-INVITE leaves
 * everything as it was (RFC 6141 4.3).
 */
export function withRefreshRequest(state: DialogState, request: SipRequest): DialogState {
  const contact = refreshesTarget(request.method) ? request.headers.get('Contact') : undefined
  return contact === undefined ? state : { ...state, remoteTarget: targetOf(contact, state.remoteTarget) }
}

/** Notes the answer to a target refresh of ours. */
export function withRefreshResponse(state: DialogState, response: SipResponse): DialogState {
  const contact = response.headers.get('Contact')
  return contact === undefined ? state : { ...state, remoteTarget: targetOf(contact, state.remoteTarget) }
}

/** RFC 6141 4.1: the methods whose Contact replaces the remote target. */
export function refreshesTarget(method: string): boolean {
  switch (method) {
    case 'INVITE':
    case 'UPDATE':
    case 'SUBSCRIBE':
    case 'NOTIFY':
    case 'REFER':
      return true
    default:
      return false
  }
}

/** Where a request with a route set goes. */
export interface Path {
  uri: string
  routes: readonly string[]
  /** The URI whose host gets it. */
  nextHop: string
}

/** Request URI, Route values and next hop of a request in the dialog. */
export function routing(state: DialogState, target: string = state.remoteTarget): Path {
  const path = routed(state.routeSet, target)
  // RFC 3261 12.2.1.1, 26.2.2: a careless Contact or route does not take a secure dialog off TLS.
  return state.secure && /^sip:/i.test(path.nextHop)
    ? { ...path, nextHop: `sips${path.nextHop.slice(3)}` }
    : path
}

/** RFC 3261 12.2.1.1: a first hop without `lr` is a strict router and wants to see itself in the Request-URI. */
export function routed(routeSet: readonly string[], target: string): Path {
  const first = routeSet[0]
  if (first === undefined) return { uri: requestUri(target), routes: [], nextHop: target }
  const firstUri = uriOf(first) ?? ''
  if (isLoose(firstUri)) return { uri: requestUri(target), routes: routeSet, nextHop: firstUri }
  return { uri: requestUri(firstUri), routes: [...routeSet.slice(1), `<${target}>`], nextHop: firstUri }
}

// RFC 3261 19.1.1 table 1: a Request-URI has no `method` and no header fields.
function requestUri(uri: string): string {
  if (!/[?]|;method=/i.test(uri) || !/^sips?:/i.test(uri)) return uri
  const at = Math.max(0, uri.indexOf('@'))
  const question = uri.indexOf('?', at)
  const bare = question < 0 ? uri : uri.slice(0, question)
  return bare.slice(0, at) + bare.slice(at).replace(/;method=[^;]*/i, '')
}

/** True for a URI that promises TLS all the way. */
export function isSips(uri: string): boolean {
  return /^sips:/i.test(uri)
}

function isLoose(uri: string): boolean {
  return uriParameter(uri, 'lr') !== undefined
}

// RFC 3261 20.30: a route is a SIP URI. What names none leads nowhere, and could become the empty Request-URI of a BYE.
function routesOf(headers: SipHeaders): string[] {
  return headers.getAll('Record-Route').filter((route) => /^sips?:\S/i.test(uriOf(route) ?? ''))
}

function targetOf(contact: string | undefined, otherwise: string): string {
  return (contact === undefined ? undefined : uriOf(contact)) ?? otherwise
}

/** Whether a response asks for PRACK (RFC 3262 3). */
export function isReliableProvisional(response: SipResponse): boolean {
  return (
    response.status > 100 &&
    response.status < 200 &&
    listHas(response.headers.get('Require'), '100rel') &&
    sequenceOf(response.headers.get('RSeq')) !== undefined
  )
}
