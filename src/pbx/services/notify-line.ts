import type { Clock } from '#src/base/clock.ts'
import { errorText } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Binding } from '#src/model/binding.ts'
import type { BindingStore } from '#src/store/store.ts'
import { escapeUser } from '#src/sip/uri.ts'
import { groupByPhone, isWayFailure, noteFailedWay, waysToPhone, type Reach } from '../calls/ways-to-phone.ts'
import type { LineNotification, NotifyResult } from '../ports.ts'
import { SipFailure, type HeaderFields, type SipPort } from '../sip-port.ts'

interface NotifyContext {
  sip: SipPort
  bindings: Pick<BindingStore, 'find'>
  reach: Reach
  clock: Clock
  logger: Logger
}

/**
 * Sends a NOTIFY that nobody subscribed to (`check-sync`, a page for the display) to every phone that is registered
 * on a line, over the flow of its registration. A phone that does not answer counts as told nothing.
 */
export async function notifyLine(
  context: NotifyContext,
  username: string,
  notification: LineNotification,
): Promise<NotifyResult> {
  const phones = groupByPhone(context.bindings.find(username, context.clock.nowMs()))
  const answers = await Promise.all(phones.map((flows) => notifyPhone(context, flows, notification)))
  return { contacts: phones.length, answered: answers.filter(Boolean).length }
}

/** True when the phone said 2xx over one of its flows. */
async function notifyPhone(
  { sip, reach, logger }: NotifyContext,
  flows: readonly Binding[],
  notification: LineNotification,
): Promise<boolean> {
  for (const way of waysToPhone(flows, reach)) {
    const { binding, target } = way
    try {
      const { status, reason } = await sip.request(target, {
        method: 'NOTIFY',
        headers: { ...way.headers, ...headersFor(binding, notification) },
        ...bodyOf(notification),
      })
      const failure = new SipFailure(status, reason)
      if (!isWayFailure(failure)) return status >= 200 && status < 300
      noteFailedWay(way, failure, reach)
    } catch (error) {
      logger.debug({ line: binding.aor, reason: errorText(error) }, 'a NOTIFY could not be sent')
    }
  }
  return false
}

function headersFor({ aor, flow }: Binding, { event, contentType }: LineNotification): HeaderFields {
  const transport = flow.protocol === 'udp' ? '' : `;transport=${flow.protocol}`
  // The engine puts its own address toward this phone in place of localhost.
  const ours = `sip:${escapeUser(aor)}@localhost`
  return {
    From: `<${ours}>`,
    To: `<${ours}>`,
    Contact: `<${ours}${transport}>`,
    Event: event,
    // RFC 6665 8.2.1 wants it in every NOTIFY; there is no subscription that could go on.
    'Subscription-State': 'terminated',
    ...(contentType === undefined ? {} : { 'Content-Type': contentType }),
  }
}

function bodyOf({ body }: LineNotification): { body?: string } {
  return body === undefined ? {} : { body }
}
