import { formatEndpoint } from '#src/base/net.ts'
import type { Clock } from '#src/base/clock.ts'
import { errorText } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Binding } from '#src/model/binding.ts'
import type { BindingStore } from '#src/store/store.ts'
import { escapeUser } from '#src/sip/uri.ts'
import type { LineNotification, NotifyResult } from '../ports.ts'
import type { HeaderFields, RequestTarget, SipPort } from '../sip-port.ts'

/**
 * Sends a NOTIFY that nobody subscribed to (`check-sync`, a page for the display) to every phone that is registered
 * on a line, over the flow of its registration. A phone that does not answer counts as told nothing.
 */
export async function notifyLine(
  context: { sip: SipPort; bindings: Pick<BindingStore, 'find'>; clock: Clock; logger: Logger },
  username: string,
  notification: LineNotification,
): Promise<NotifyResult> {
  const bindings = context.bindings.find(username, context.clock.nowMs())
  const answers = await Promise.all(
    bindings.map(async (binding) => {
      try {
        const request = {
          method: 'NOTIFY',
          headers: headersFor(binding, notification),
          ...bodyOf(notification),
        }
        const { status } = await context.sip.request(targetOf(binding), request)
        return status >= 200 && status < 300
      } catch (error) {
        context.logger.debug({ line: username, reason: errorText(error) }, 'a NOTIFY could not be sent')
        return false
      }
    }),
  )
  return { contacts: bindings.length, answered: answers.filter(Boolean).length }
}

function targetOf({ contactUri, flow }: Binding): RequestTarget {
  const hop = `sip:${formatEndpoint(flow.host, flow.port)};transport=${flow.protocol}`
  return { uri: contactUri, proxy: hop }
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
