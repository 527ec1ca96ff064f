import { formatEndpoint } from '#src/base/net.ts'
import { maxCSeq, parseCSeq } from '#src/sip/cseq.ts'
import { formatMessage } from '#src/sip/format-message.ts'
import { SipHeaders, type SipMessage, type SipRequest } from '#src/sip/message.ts'
import { uriOf, withTag } from '#src/sip/name-addr.ts'
import { parseParams } from '#src/sip/params.ts'
import { parseMessage } from '#src/sip/parse-message.ts'
import { branchOf, withReceived } from '#src/sip/via.ts'

/** A phone that looks for its provisioning server: a SUBSCRIBE for `ua-profile`, sent to the multicast group. */
export interface PnpSubscribe {
  request: SipRequest
  /** Value of the Event field as sent; the NOTIFY repeats it. */
  event: string
  callId: string
  vendor: string | undefined
  model: string | undefined
  version: string | undefined
  userAgent: string | undefined
}

/** Where a datagram came from, or goes to. */
export interface PnpPeer {
  host: string
  port: number
}

/** Longest datagram that is read; real ones have about 600 bytes. */
const maxBytes = 4_096
const maxEventLength = 300
/** What may stand in a request line without a second look. */
const uriShape = /^sips?:[!-~]{1,200}$/

/** Reads such a SUBSCRIBE; undefined for anything else that the group carries. */
export function readPnpSubscribe(bytes: Buffer): PnpSubscribe | undefined {
  const request = readMessage(bytes)
  if (request?.kind !== 'request' || request.method !== 'SUBSCRIBE') return undefined
  const { headers } = request
  const event = headers.get('Event') ?? ''
  const callId = headers.get('Call-ID')
  const [name = ''] = event.split(';')
  if (event.length > maxEventLength || name.trim().toLowerCase() !== 'ua-profile' || callId === undefined) {
    return undefined
  }
  const params = parseParams(event, event.indexOf(';') < 0 ? event.length : event.indexOf(';'))
  const told = (key: string): string | undefined => params?.get(key)?.replace(/^"|"$/g, '')
  return {
    request,
    event,
    callId,
    vendor: told('vendor'),
    model: told('model'),
    version: told('version'),
    userAgent: headers.get('User-Agent'),
  }
}

/** The answer to the SUBSCRIBE; undefined when its Via cannot be completed. */
export function formatPnpOk({ request }: PnpSubscribe, source: PnpPeer, tag: string): Buffer | undefined {
  const vias = request.headers.getAll('Via')
  const top = vias[0] === undefined ? undefined : withReceived(vias[0], source.host, source.port)
  if (top === undefined) return undefined
  const headers = new SipHeaders()
  for (const via of [top, ...vias.slice(1)]) headers.append('Via', via)
  headers.append('From', request.headers.get('From') ?? '')
  headers.append('To', withTag(request.headers.get('To') ?? '', tag))
  for (const name of ['Call-ID', 'CSeq']) headers.append(name, request.headers.get(name) ?? '')
  headers.append('Expires', '0')
  return formatMessage({ kind: 'response', status: 200, reason: 'OK', headers, body: Buffer.alloc(0) })
}

/**
 * The NOTIFY with the address of the provisioning server. No document says how it should look: servers that phones
 * are known to accept repeat From, To and Call-ID as they came and count CSeq up; RFC 6665 would swap the two. Only
 * Via is ours, so that the phone's 200 comes back to us.
 */
export function formatPnpNotify(
  { request, event, callId }: PnpSubscribe,
  notify: { url: string; to: PnpPeer; from: PnpPeer; branch: string },
): Buffer {
  const sequence = parseCSeq(request.headers.get('CSeq') ?? '')?.number ?? 1
  const contact = uriOf(request.headers.get('Contact') ?? '')
  const fallback = `sip:${formatEndpoint(notify.to.host, notify.to.port)}`
  const headers = new SipHeaders()
  const ours = formatEndpoint(notify.from.host, notify.from.port)
  headers.append('Via', `SIP/2.0/UDP ${ours};branch=${notify.branch};rport`)
  headers.append('Max-Forwards', '20')
  headers.append('From', request.headers.get('From') ?? '')
  headers.append('To', request.headers.get('To') ?? '')
  headers.append('Call-ID', callId)
  headers.append('CSeq', `${(sequence % maxCSeq) + 1} NOTIFY`)
  headers.append('Contact', `<sip:${ours}>`)
  headers.append('Event', event)
  headers.append('Subscription-State', 'terminated;reason=timeout')
  headers.append('Content-Type', 'application/url')
  const uri = contact !== undefined && uriShape.test(contact) ? contact : fallback
  return formatMessage({ kind: 'request', method: 'NOTIFY', uri, headers, body: Buffer.from(notify.url) })
}

/** Branch of a final response to one of our NOTIFYs; undefined for anything else. */
export function readNotifyAnswer(bytes: Buffer): string | undefined {
  const response = readMessage(bytes)
  if (response?.kind !== 'response' || response.status < 200) return undefined
  return branchOf(response.headers.get('Via') ?? '')
}

function readMessage(bytes: Buffer): SipMessage | undefined {
  if (bytes.length > maxBytes) return undefined
  try {
    return parseMessage(bytes, { maxHeaderBytes: maxBytes })
  } catch {
    // Whatever else speaks on the group is not for us.
    return undefined
  }
}
