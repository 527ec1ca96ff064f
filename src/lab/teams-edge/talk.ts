import { errorText } from '#src/base/errors.ts'
import type { EndpointSession } from '#src/media/endpoint/media-endpoint.ts'
import { checkReoffer } from './check-request.ts'
import type { EdgeContext } from './edge-context.ts'
import type { EdgeDialog, EdgeReply, EdgeRequest, HeaderFields } from './edge-sip.ts'
import type { LabCallEntry } from './lab-call.ts'
import { speak, type Speech } from './teams-clients.ts'

/** A call that both sides are in. */
export interface Conversation {
  entry: LabCallEntry
  dialog: EdgeDialog
  session: EndpointSession
  speech: Speech
  /** Aborted when the Teams side hangs up. */
  ending: AbortController
  headers: HeaderFields
}

/** Talks until one side hangs up; the call is then ended in the list, its dialog and media are closed. */
export async function talk(context: EdgeContext, conversation: Conversation): Promise<void> {
  const { entry, dialog, session, speech, ending, headers } = conversation
  dialog.onReoffer((request, reply) => answerReoffer(context, session, request, reply, headers))
  entry.answered()
  const ended = new Promise<string>((resolve) => {
    dialog.onEnd((reason) => resolve(reason ?? 'the box hung up'))
    ending.signal.addEventListener('abort', () => resolve('Teams hung up'), { once: true })
    if (ending.signal.aborted) resolve('Teams hung up')
    void speak(session, speech).then(() => resolve('Teams hung up'))
  })
  const reason = await ended
  entry.end(200, reason)
  session.close()
  await dialog.bye()
  context.logger.info({ callId: entry.callId, reason }, 'call ended')
}

function answerReoffer(
  context: EdgeContext,
  session: EndpointSession,
  request: EdgeRequest,
  reply: EdgeReply,
  headers: HeaderFields,
): void {
  const body = request.body ?? ''
  // An UPDATE without an offer only refreshes the session timer (RFC 4028 7.4).
  if (request.method === 'UPDATE' && body === '') return reply.send(200, 'OK', { headers })
  const refusal = checkReoffer(body)
  if (refusal) {
    context.logger.warn({ explanation: refusal.explanation }, 'a re-offer was refused')
    return reply.send(refusal.status, refusal.reason, {})
  }
  try {
    reply.send(200, 'OK', { headers, body: session.renegotiate(body) })
  } catch (error) {
    context.logger.warn({ explanation: errorText(error) }, 'a re-offer was refused')
    reply.send(488, 'Not Acceptable Here', {})
  }
}
