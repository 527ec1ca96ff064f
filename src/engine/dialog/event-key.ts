import { paramOf } from '#src/sip/params.ts'
import { parseDecimal } from '#src/sip/cseq.ts'
import type { SipHeaders, SipRequest } from '#src/sip/message.ts'
import { sequenceOf } from './header-values.ts'

/** RFC 6665 4.5.1: what tells subscriptions in one dialog apart. Undefined without an Event. */
export function eventKey(headers: SipHeaders): string | undefined {
  const value = headers.get('Event')
  if (value === undefined) return undefined
  const semicolon = value.indexOf(';')
  const name = (semicolon < 0 ? value : value.slice(0, semicolon)).trim().toLowerCase()
  if (name === '') return undefined
  const id = semicolon < 0 ? undefined : paramOf(value, 'id', semicolon)
  return id === undefined ? name : `${name};id=${id}`
}

/** RFC 3515 2.4.6: the implicit subscription of a REFER; its id is the CSeq number. */
export function referKey(refer: SipRequest): string {
  return `refer;id=${sequenceOf(refer.headers.get('CSeq')) ?? 0}`
}

/** Whether a 2xx to REFER makes an implicit subscription (RFC 4488 4, RFC 7614). */
export function subscribesByRefer(refer: SipRequest, answer: SipHeaders): boolean {
  if (/^\s*false\b/i.test(answer.get('Refer-Sub') ?? '')) return false
  return !/\b(?:nosub|explicitsub)\b/i.test(refer.headers.get('Require') ?? '')
}

/** Whether a NOTIFY says that its subscription is over. */
export function isTerminated(notify: SipRequest): boolean {
  return /^\s*terminated\b/i.test(notify.headers.get('Subscription-State') ?? '')
}

/** The `expires` of Subscription-State, seconds. */
export function stateExpiresS(notify: SipHeaders): number | undefined {
  const value = notify.get('Subscription-State') ?? ''
  const semicolon = value.indexOf(';')
  if (semicolon < 0) return undefined
  return parseDecimal(paramOf(value, 'expires', semicolon) ?? '', 2 ** 31 - 1)
}

/** The event package of a key, with whatever stands before it. */
export function packageOf(key: string): string {
  const id = key.indexOf(';id=')
  return id < 0 ? key : key.slice(0, id)
}
