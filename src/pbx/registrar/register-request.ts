import { secondsToMs } from '#src/base/clock.ts'
import { parseCSeq } from '#src/sip/cseq.ts'
import { parseNameAddr } from '#src/sip/name-addr.ts'
import { splitList, type SipParams } from '#src/sip/params.ts'
import { parseUri, unescapeUser } from '#src/sip/uri.ts'
import type { IncomingRequest } from '../sip-port.ts'
import { hasOption } from './option-tags.ts'
import { firstHopLacksOutbound, readPath } from './path.ts'

/** One contact as a REGISTER asks for it. */
export interface RequestedContact {
  uri: string
  /** Undefined when neither the contact nor the message names a lifetime. 0 = remove. */
  expiresMs: number | undefined
  qThousandths: number
  instanceId: string | undefined
  /** Only where the phone speaks outbound and names itself: a reg-id alone means nothing (RFC 5626 6). */
  regId: number | undefined
  /** Every other parameter, each with its leading semicolon. */
  params: string
}

/** What a REGISTER asks for (RFC 3261 10.2). `removeAll` is `Contact: *`; no contact at all is a query. */
export interface RegisterRequest {
  aor: string
  callId: string
  cseq: number
  userAgent: string | undefined
  removeAll: boolean
  contacts: RequestedContact[]
  /** RFC 3327: the proxies that want to stay between us and the phone. Empty = none. */
  path: readonly string[]
  /** The phone says that it knows Path. */
  supportsPath: boolean
  /** RFC 5626 6: a reg-id came through a first proxy that does not keep flows. */
  lacksOutbound: boolean
}

/** Longest contact list we read; far above any limit an admin can set. */
const maxContacts = 60
const maxContactText = 16_384
/** Phones with push parameters (RFC 8599) need some 600. */
const maxUriLength = 1024
const maxParamsLength = 512
const maxCallIdLength = 512
/** RFC 3261 8.1.1.5, 20.16: CSeq stays below 2^31; reg-id as well (RFC 5626 11.1). */
const maxSequence = 0x7fffffff
/** RFC 3261 20.10: what a malformed `expires` stands for. */
const malformedExpiresMs = secondsToMs(3600)

/** Reads a REGISTER; a text says what is malformed, for the reason phrase of the 400. */
export function readRegister(request: IncomingRequest): RegisterRequest | string {
  const to = parseNameAddr(request.get('To') ?? '')
  const toUri = to && parseUri(to.uri)
  // 10.3 step 5: parameters of the URI do not count, escapes are resolved.
  if (!toUri?.user || toUri.scheme === 'tel') return 'Bad To'
  const callId = request.get('Call-ID')
  const cseq = parseCSeq(request.get('CSeq') ?? '')?.number
  if (callId === undefined || callId.length > maxCallIdLength || cseq === undefined) {
    return 'Bad Call-ID or CSeq'
  }
  const path = readPath(request.get('Path'))
  if (typeof path === 'string') return path
  const supported = request.get('Supported')
  const base: RegisterRequest = {
    aor: unescapeUser(toUri.user),
    callId,
    cseq,
    userAgent: request.get('User-Agent')?.slice(0, 200),
    removeAll: false,
    contacts: [],
    path,
    supportsPath: hasOption(supported, 'path'),
    lacksOutbound: false,
  }
  const contactText = request.get('Contact') ?? ''
  const list = contactText.length > maxContactText ? undefined : splitList(contactText)
  if (!list || list.length > maxContacts) return 'Bad Contact'
  const headerExpiresMs = deltaSecondsToMs(request.get('Expires'))
  if (list.includes('*')) {
    // 10.3 step 6: `*` stands alone, and only to remove.
    if (list.length > 1 || headerExpiresMs !== 0) return 'Bad Contact: * needs Expires: 0'
    return { ...base, removeAll: true }
  }
  const outbound = hasOption(supported, 'outbound')
  let flows = 0
  for (const text of list) {
    const contact = readContact(text, headerExpiresMs, outbound)
    if (typeof contact === 'string') return contact
    if (contact.regId !== undefined) flows++
    base.contacts.push(contact)
  }
  // RFC 5626 4.2.1: a flow carries one contact; with several nobody could say which one it reaches.
  if (flows > 0 && list.length > 1) return 'One Contact per flow'
  base.lacksOutbound = flows > 0 && firstHopLacksOutbound(request, path)
  return base
}

function readContact(
  text: string,
  headerExpiresMs: number | undefined,
  outbound: boolean,
): RequestedContact | string {
  const contact = parseNameAddr(text)
  if (!contact) return 'Bad Contact'
  if (contact.uri.length > maxUriLength) return 'Contact too long'
  const uri = parseUri(contact.uri)
  // The grammar of a URI is read leniently; what nobody may be sent stops here.
  if (!uri || uri.host === '' || controlCharacter.test(contact.uri)) return 'Bad Contact'
  // RFC 3261 10.2.1 allows any scheme; what cannot be called as a phone is no use to anybody here.
  if (uri.scheme === 'tel') return 'Contact is no SIP address'
  const { params } = contact
  const expires = params.get('expires')
  const instanceId = readInstance(params.get('+sip.instance'))
  return {
    uri: contact.uri,
    expiresMs: expires === undefined ? headerExpiresMs : (deltaSecondsToMs(expires) ?? malformedExpiresMs),
    qThousandths: readQ(params.get('q')),
    instanceId,
    regId: outbound && instanceId !== undefined ? readRegId(params.get('reg-id')) : undefined,
    params: otherParams(params),
  }
}

const controlCharacter = /\p{Cc}/u
const ownParams = new Set(['expires', 'q', '+sip.instance', 'reg-id'])
const paramName = /^[\w.!%*`'~+-]{1,64}$/
const paramValue = /^(?:[\w.!%*`'~+:[\]-]*|"[^"\\\p{Cc}]*")$/u

// RFC 3840 9: a phone's capabilities belong to its contact. What does not follow the grammar is left out.
function otherParams(params: SipParams): string {
  let text = ''
  for (const [name, value] of params) {
    if (ownParams.has(name) || !paramName.test(name)) continue
    if (value !== undefined && !paramValue.test(value)) continue
    text += value === undefined ? `;${name}` : `;${name}=${value}`
    if (text.length > maxParamsLength) return ''
  }
  return text
}

// RFC 5626 4.1: a URN in angle brackets in quotes; some phones leave out the one or the other.
function readInstance(text: string | undefined): string | undefined {
  return text === undefined ? undefined : /^"?<?([^\s"<>\\\p{Cc}]{1,200})>?"?$/u.exec(text)?.[1]
}

function readRegId(text: string | undefined): number | undefined {
  if (text === undefined || !/^[0-9]{1,10}$/.test(text)) return undefined
  const regId = Number(text)
  return regId >= 1 && regId <= maxSequence ? regId : undefined
}

// 20.19: a value that is not a number counts as absent, which our maximum then bounds.
function deltaSecondsToMs(text: string | undefined): number | undefined {
  if (text === undefined || !/^\s*\d+\s*$/.test(text)) return undefined
  return secondsToMs(Math.min(Number(text), 0xffffffff))
}

function readQ(text: string | undefined): number {
  return text !== undefined && /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(text)
    ? Math.round(Number(text) * 1000)
    : 1000
}
