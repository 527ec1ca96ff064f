import { parseDecimal } from '#src/sip/cseq.ts'
import type { SipHeaders, SipRequest } from '#src/sip/message.ts'
import { bareRequest } from './compose-request.ts'
import type { Dialog } from './dialog.ts'
import type { DialogKeeper } from './dialog-keeper.ts'
import { eventKey, isTerminated, packageOf, referKey, stateExpiresS, subscribesByRefer } from './event-key.ts'
import type { SubscriptionSide } from './subscriptions.ts'

// RFC 6665 3.1.1 leaves it to the package; an hour is what most of them say.
const defaultSubscriptionS = 3600

/** How long an implicit subscription may be silent when its notifier does not say (RFC 3515 names no time), seconds. */
export const implicitSubscriptionS = 180

// RFC 6665 4.1.2.2: a refresh that fails with one of these ends the subscription; with any other it runs on.
const endsSubscription = new Set([404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604])

/** A SUBSCRIBE or REFER was accepted in this dialog: its subscription begins, or lasts longer. */
export function noteSubscribed(
  keeper: DialogKeeper,
  dialog: Dialog,
  side: SubscriptionSide,
  request: SipRequest,
  answer: SipHeaders,
): void {
  if (request.method === 'REFER') {
    if (subscribesByRefer(request, answer))
      keeper.keepSubscription(dialog, side, referKey(request), implicitSubscriptionS)
    return
  }
  const expires = answer.get('Expires') ?? request.headers.get('Expires') ?? ''
  const expiresS = parseDecimal(expires, 2 ** 31 - 1) ?? defaultSubscriptionS
  keeper.keepSubscription(dialog, side, eventKey(request.headers) ?? '', expiresS)
}

/** A SUBSCRIBE of ours was refused. */
export function noteUnsubscribed(dialog: Dialog, request: SipRequest, status: number): void {
  if (endsSubscription.has(status)) dialog.subscriptions?.end('ours', eventKey(request.headers) ?? '')
}

/** A NOTIFY was accepted: the last one ends its subscription, any other may say how long it lives (RFC 6665 4.1.3). */
export function noteNotified(
  keeper: DialogKeeper,
  dialog: Dialog,
  side: SubscriptionSide,
  notify: SipRequest,
): void {
  const key = eventKey(notify.headers) ?? ''
  if (isTerminated(notify)) {
    dialog.subscriptions?.end(side, key)
    return
  }
  const expiresS =
    stateExpiresS(notify.headers) ?? (key.startsWith('refer') ? implicitSubscriptionS : undefined)
  if (expiresS !== undefined) keeper.prolongSubscription(dialog, side, key, expiresS)
}

/**
 * RFC 6665 4.1.3: the last NOTIFY to a subscriber whose notifier is lost; it may subscribe anew after `retryAfterS`.
 * Nobody knows how a REFER went on; RFC 3515 2.4.5 wants a status line all the same.
 */
export function lastNotify(key: string, retryAfterS: number): SipRequest {
  const refer = packageOf(key) === 'refer'
  const reason = refer ? 'noresource' : `probation;retry-after=${retryAfterS}`
  const notify = bareRequest('NOTIFY', ['Event', key, 'Subscription-State', `terminated;reason=${reason}`])
  if (!refer) return notify
  notify.headers.append('Content-Type', 'message/sipfrag')
  return { ...notify, body: Buffer.from('SIP/2.0 503 Service Unavailable\r\n') }
}

/**
 * A NOTIFY of ours was refused. RFC 6665 4.2.2: a subscriber that does not answer or knows nothing of it has no
 * subscription any more; the last NOTIFY ends it whatever becomes of it, unless it is asked for credentials.
 */
export function noteUnnotified(dialog: Dialog, notify: SipRequest, status: number): void {
  const gone = status === 481 || status === 408
  const last = isTerminated(notify) && status !== 401 && status !== 407
  if (gone || last) dialog.subscriptions?.end('peers', eventKey(notify.headers) ?? '')
}
