import { branchOf, hasMagicCookie } from '#src/sip/via.ts'
import type { SipMessage, SipRequest } from '#src/sip/message.ts'

/** RFC 3261 8.1.1.7: branches of clients that follow this RFC begin so. */
export const branchCookie = 'z9hG4bK'

/** What the top Via says about the transaction. */
export interface ViaIdentity {
  /** In lower case: a branch is a token, and tokens have no case (RFC 3261 7.3.1, 25.1). */
  branch: string
  /** host[:port] in lower case. */
  sentBy: string
}

/** Reads branch and sent-by of a Via value; undefined when it is no Via. */
export function viaIdentity(via: string | undefined): ViaIdentity | undefined {
  if (via === undefined) return undefined
  const semicolon = via.indexOf(';')
  const head = (semicolon === -1 ? via : via.slice(0, semicolon)).trimEnd()
  const space = head.lastIndexOf(' ')
  if (space === -1) return undefined
  return { branch: (branchOf(via) ?? '').toLowerCase(), sentBy: head.slice(space + 1).toLowerCase() }
}

/**
 * RFC 3261 17.2.3: a request belongs to the server transaction with its branch, sent-by and method, ACK to
 * that of its INVITE. Branches without the magic cookie (RFC 2543 peers) are matched by the fields that such
 * a peer keeps in retransmissions: request URI, From, Call-ID, CSeq number and the whole top Via.
 */
export function serverKey(request: SipRequest, identity: ViaIdentity): string {
  const method = request.method === 'ACK' ? 'INVITE' : request.method
  if (hasMagicCookie(identity.branch)) return `${identity.branch}|${identity.sentBy}|${method}`
  const { headers } = request
  const number = Number.parseInt(headers.get('CSeq') ?? '', 10)
  // No To tag: the ACK carries the one that our response added.
  return [
    'old',
    request.uri,
    headers.get('From') ?? '',
    headers.get('Call-ID') ?? '',
    number,
    headers.get('Via') ?? '',
    method,
  ].join('|')
}

/** RFC 3261 17.1.3: a response belongs to the client transaction with its branch and CSeq method. */
export function clientKey(branch: string, method: string): string {
  return `${branch.toLowerCase()}|${method}`
}

/** Method of the CSeq header, upper case as sent; empty when the header is missing or broken. */
export function cseqMethod(message: SipMessage): string {
  const cseq = message.headers.get('CSeq')
  if (cseq === undefined) return ''
  const space = cseq.lastIndexOf(' ')
  return space === -1 ? '' : cseq.slice(space + 1)
}
