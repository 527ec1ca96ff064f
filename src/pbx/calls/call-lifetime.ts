import { errorText } from '#src/base/errors.ts'
import type { MediaRelay, SessionStats, Side } from '#src/media/media-relay.ts'
import type { Counters } from '../counters.ts'
import { SipFailure, type IncomingRequest, type Reply } from '../sip-port.ts'
import { allowedMethods } from '../uplink/teams-headers.ts'
import type { Call } from './call-book.ts'
import { classifyBye, type Cause } from './classify-failure.ts'
import type { Leg } from './leg.ts'
import { serveLateOffer } from './late-offer.ts'
import { isGone, renegotiate } from './renegotiate.ts'
import { requiredExtensions } from './required-extensions.ts'

/** What a call that was answered works with. */
export interface AnsweredCall {
  call: Call
  sessionId: string
  caller: Leg
  callee: Leg
  relay: MediaRelay
  counters: Counters
  /** Calls back when the relay ends the session by itself; returns how to stop listening. */
  watchSession(sessionId: string, onEnded: (reason: 'worker-died' | 'inactive') => void): () => void
}

/**
 * Keeps two answered legs together until one ends: BYE from either side ends the other, re-INVITE and UPDATE go
 * through the relay to the other side, the rest of what comes inside the dialogs is answered here.
 */
export function bindCallLifetime(answered: AnsweredCall): void {
  const { call, sessionId, caller, callee, relay } = answered
  let over = false
  let renegotiating = false

  const end = (cause: Cause, toEnd: Leg[]): void => {
    if (over) return
    over = true
    stopWatching()
    for (const leg of toEnd) call.wind(leg.dialog.bye())
    relay.delete(sessionId).then(
      (stats) => noteStats(call, stats, answered.counters),
      (error: unknown) =>
        call.logger.warn({ sessionId, error: errorText(error) }, 'a media session was not deleted'),
    )
    call.end(cause)
  }
  const stopWatching = answered.watchSession(sessionId, (reason) =>
    end(reason === 'inactive' ? 'CALL_NO_AUDIO' : 'CALL_RELAY_DIED', [caller, callee]),
  )
  call.onStop((cause) => end(cause, [caller, callee]))

  const serve = (from: Leg, to: Leg): void => {
    from.dialog.onBye((reason) => end(classifyBye(from.side, reason), [to]))
    from.dialog.onRequest((request, reply) => {
      void answerInDialog(from, to, request, reply).catch((error: unknown) => {
        call.logger.error({ err: error, method: request.method }, 'an in-dialog request could not be handled')
        answer(reply, 500, 'Server Internal Error')
      })
    })
  }

  const answerInDialog = async (
    from: Leg,
    to: Leg,
    request: IncomingRequest,
    reply: Reply,
  ): Promise<void> => {
    if (over) {
      answer(reply, 481, 'Call/Transaction Does Not Exist')
      return
    }
    const { method } = request
    const { unsupported } = requiredExtensions(request)
    if (unsupported.length > 0) {
      answered.counters.add('inDialogRefused')
      answer(reply, 420, 'Bad Extension', { Unsupported: unsupported.join(', ') })
      return
    }
    if (method === 'INVITE' || method === 'UPDATE') {
      // RFC 3261 14.2: while one offer is under way, the other side's has to wait.
      if (renegotiating) {
        answer(reply, 491, 'Request Pending')
        return
      }
      renegotiating = true
      try {
        const context = { from, to, request, reply, relay, sessionId, logger: call.logger }
        const late = method === 'INVITE' && (request.body ?? '').trim() === ''
        const result = await (late ? serveLateOffer(context) : renegotiate(context))
        if (result === 'other-side-gone') end(classifyBye(to.side, ''), [from, to])
      } finally {
        renegotiating = false
      }
    } else if (await answerOther(to, request, reply, answered.counters)) {
      end(classifyBye(to.side, ''), [from, to])
    }
  }

  serve(caller, callee)
  serve(callee, caller)
}

/**
 * Answers what is neither a BYE nor about the session. A key press by INFO goes on to the other phone; true when that
 * one does not know the call any more.
 */
async function answerOther(
  to: Leg,
  request: IncomingRequest,
  reply: Reply,
  counters: Counters,
): Promise<boolean> {
  switch (request.method) {
    case 'OPTIONS':
      answer(reply, 200, 'OK', { Allow: allowedMethods, Accept: 'application/sdp' })
      return false
    case 'INFO': {
      // Teams takes no INFO; to say 200 here would lose the key without a word.
      if (to.teams) break
      const contentType = request.get('Content-Type')
      const response = await to.dialog
        .request({
          method: 'INFO',
          headers: contentType === undefined ? {} : { 'Content-Type': contentType },
          body: request.body ?? '',
        })
        .catch((error: unknown) =>
          error instanceof SipFailure ? error : new SipFailure(500, errorText(error)),
        )
      answer(reply, response.status, response.reason || 'OK')
      return isGone(response)
    }
    case 'NOTIFY':
    case 'SUBSCRIBE':
      counters.add('inDialogRefused')
      answer(reply, 489, 'Bad Event')
      return false
    default:
      counters.add('inDialogRefused')
      answer(reply, 405, 'Method Not Allowed', { Allow: allowedMethods })
      return false
  }
  counters.add('inDialogRefused')
  answer(reply, 415, 'Unsupported Media Type')
  return false
}

function answer(reply: Reply, status: number, reason: string, headers: Record<string, string> = {}): void {
  if (!reply.finalResponseSent) reply.send(status, reason, { headers })
}

/** What a call refused of its RTP is known when it is over: the relay counts packets, never we. */
function noteStats(call: Call, stats: SessionStats | undefined, counters: Counters): void {
  if (!stats) return
  const brief = (side: SessionStats[Side]): Record<string, number> => ({
    received: side.receivedPackets,
    sent: side.sentPackets,
    lost: side.lostPackets,
    badTag: side.badTag,
    foreignSource: side.foreignSource,
  })
  call.logger.info({ caller: brief(stats.caller), callee: brief(stats.callee) }, 'media of the call')
  for (const side of [stats.caller, stats.callee]) {
    counters.add('rtpForeignSource', side.foreignSource)
    counters.add('rtpBadTag', side.badTag)
    counters.add('rtpReplayed', side.replayed)
    counters.add('rtpMalformed', side.malformed)
  }
}
