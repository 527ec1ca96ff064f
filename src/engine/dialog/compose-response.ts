import { tagOf, uriOf } from '#src/sip/name-addr.ts'
import { SipHeaders, type SipRequest, type SipResponse } from '#src/sip/message.ts'
import { reasonPhrase } from '#src/sip/reason-phrases.ts'
import type { Flow } from '../transport/transport-port.ts'
import { isSips } from './dialog-state.ts'
import { fieldsOfDialog, fieldsOfEngine } from './header-values.ts'
import { defaultContact, secureContacts, withLocalAddress } from './local-address.ts'

// Taken from the request or made by us, whatever the application says.
const notFromApplication = new Set([...fieldsOfEngine, ...fieldsOfDialog, 'RSeq'])

const noBody = Buffer.alloc(0)

/** What goes into a response beside the application's wishes. */
export interface ResponseParts {
  request: SipRequest
  status: number
  reason: string
  /** Headers the application set; undefined for responses of our own. */
  headers: SipHeaders | undefined
  body: Buffer
  localTag: string
  flow: Flow
  userAgent: string | undefined
  /** Fields of the engine: RSeq, Session-Expires … name, value, name, value. */
  extra: readonly string[]
}

/** RFC 3261 8.2.6: the response to a request, as it will stand on the wire. */
export function composeResponse(parts: ResponseParts): SipResponse {
  const { request, status } = parts
  const headers = new SipHeaders()
  const from = request.headers.flat
  const keepsRoute = status > 100 && status < 300
  for (let index = 0; index < from.length; index += 2) {
    const name = from[index] as string
    const value = from[index + 1] as string
    switch (name) {
      case 'Via':
      case 'From':
      case 'Call-ID':
      case 'CSeq':
        headers.append(name, value)
        break
      case 'To':
        headers.append(
          name,
          status === 100 || tagOf(value) !== undefined ? value : `${value};tag=${parts.localTag}`,
        )
        break
      case 'Record-Route':
        if (keepsRoute) headers.append(name, value)
    }
  }
  let hasContact = false
  let hasType = false
  let hasServer = false
  const wanted = parts.headers?.flat ?? []
  for (let index = 0; index < wanted.length; index += 2) {
    const name = wanted[index] as string
    if (notFromApplication.has(name)) continue
    if (name === 'Session-Expires' && parts.extra.includes(name)) continue
    if (name === 'Contact') hasContact = true
    else if (name === 'Content-Type') hasType = true
    else if (name === 'Server' || name === 'User-Agent') hasServer = true
    headers.append(name, withLocalAddress(name, wanted[index + 1] as string, parts.flow))
  }
  if (needsContact(request.method, status)) {
    if (!hasContact) headers.append('Contact', defaultContact(parts.flow))
    if (isSecure(request)) secureContacts(headers)
  }
  if (!hasType && isSdp(parts.body)) headers.append('Content-Type', 'application/sdp')
  if (!hasServer && parts.userAgent !== undefined) headers.append('Server', parts.userAgent)
  for (let index = 0; index < parts.extra.length; index += 2) {
    headers.append(parts.extra[index] as string, parts.extra[index + 1] as string)
  }
  return {
    kind: 'response',
    status,
    reason: parts.reason === '' ? reasonPhrase(status) : parts.reason,
    headers,
    body: parts.body,
  }
}

/** A response without the application: an error, the answer to CANCEL. */
export function ownResponse(
  request: SipRequest,
  status: number,
  flow: Flow,
  localTag: string,
  extra: readonly string[] = [],
): SipResponse {
  return composeResponse({
    request,
    status,
    reason: '',
    headers: undefined,
    body: noBody,
    localTag,
    flow,
    userAgent: undefined,
    extra,
  })
}

// RFC 3261 12.1.1: the Request-URI, the top Record-Route, or without one the Contact, asks for sips.
function isSecure(request: SipRequest): boolean {
  if (isSips(request.uri)) return true
  const { headers } = request
  return isSips(uriOf(headers.get('Record-Route') ?? headers.get('Contact') ?? '') ?? '')
}

// RFC 3261 12.1.1: a response that makes or refreshes a dialog says where in-dialog requests go.
function needsContact(method: string, status: number): boolean {
  if (status <= 100 || status >= 300) return false
  return method === 'INVITE' || method === 'SUBSCRIBE' || method === 'UPDATE' || method === 'REFER'
}

/** A response as an application would write it, to be completed by the composer. */
export function bareResponse(status: number, fields: string[] = []): SipResponse {
  return { kind: 'response', status, reason: '', headers: new SipHeaders(fields), body: noBody }
}

/** True for a body that can only be a session description. */
export function isSdp(body: Buffer): boolean {
  return body.length > 3 && body[0] === 0x76 && body[1] === 0x3d && body[2] === 0x30
}

/** What a request of ours gets when nobody answered it: never on the wire, only for the application. */
export function localResponse(request: SipRequest, status: number): SipResponse {
  const headers = new SipHeaders()
  for (const name of ['Via', 'From', 'To', 'Call-ID', 'CSeq']) {
    const value = request.headers.get(name)
    if (value !== undefined) headers.append(name, value)
  }
  return { kind: 'response', status, reason: reasonPhrase(status), headers, body: noBody }
}
