import { secondsToMs } from '#src/base/clock.ts'
import { parseNameAddr } from '#src/sip/name-addr.ts'
import { splitList } from '#src/sip/params.ts'
import { parseUri, unescapeUser } from '#src/sip/uri.ts'
import type { IncomingRequest } from '../sip-port.ts'

/** One contact as a REGISTER asks for it. */
export interface RequestedContact {
  uri: string
  /** Undefined when neither the contact nor the message names a lifetime. 0 = remove. */
  expiresMs: number | undefined
  qThousandths: number
  instanceId: string | undefined
}

/** What a REGISTER asks for (RFC 3261 10.2). `removeAll` is `Contact: *`; no contact at all is a query. */
export interface RegisterRequest {
  aor: string
  callId: string
  cseq: number
  userAgent: string | undefined
  removeAll: boolean
  contacts: RequestedContact[]
}

/** Longest contact list we read; far above any limit an admin can set. */
const maxContacts = 60
const maxUriLength = 512

/** Reads a REGISTER; a text says what is malformed, for the reason phrase of the 400. */
export function readRegister(request: IncomingRequest): RegisterRequest | string {
  const to = parseNameAddr(request.get('To') ?? '')
  const toUri = to && parseUri(to.uri)
  if (!toUri?.user) return 'Bad To'
  const callId = request.get('Call-ID')
  const cseq = /^\s*(\d{1,10})\s/.exec(request.get('CSeq') ?? '')?.[1]
  if (callId === undefined || cseq === undefined) return 'Bad Call-ID or CSeq'
  const base: RegisterRequest = {
    aor: unescapeUser(toUri.user),
    callId,
    cseq: Number(cseq),
    userAgent: request.get('User-Agent')?.slice(0, 200),
    removeAll: false,
    contacts: [],
  }
  const headerExpiresMs = deltaSecondsToMs(request.get('Expires'))
  const list = splitList(request.get('Contact') ?? '')
  if (!list || list.length > maxContacts) return 'Bad Contact'
  if (list.includes('*')) {
    // 10.3 step 6: `*` stands alone, and only to remove.
    if (list.length > 1 || headerExpiresMs !== 0) return 'Bad Contact: * needs Expires: 0'
    return { ...base, removeAll: true }
  }
  for (const text of list) {
    const contact = readContact(text, headerExpiresMs)
    if (!contact) return 'Bad Contact'
    base.contacts.push(contact)
  }
  return base
}

function readContact(text: string, headerExpiresMs: number | undefined): RequestedContact | undefined {
  const contact = parseNameAddr(text)
  if (!contact || contact.uri.length > maxUriLength) return undefined
  const uri = parseUri(contact.uri)
  if (!uri || uri.scheme === 'tel' || uri.host === '') return undefined
  const expires = contact.params.get('expires')
  const instanceId = contact.params.get('+sip.instance')?.replace(/^"<?|>?"$/g, '')
  return {
    uri: contact.uri,
    expiresMs: expires === undefined ? headerExpiresMs : deltaSecondsToMs(expires),
    qThousandths: readQ(contact.params.get('q')),
    instanceId: instanceId === '' ? undefined : instanceId?.slice(0, 200),
  }
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
