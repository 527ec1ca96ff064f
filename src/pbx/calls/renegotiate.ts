import { errorText } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import type { MediaRelay } from '#src/media/media-relay.ts'
import { SipFailure, type IncomingRequest, type Reply } from '../sip-port.ts'
import type { Leg } from './leg.ts'
import { callCauses, classifyMediaError } from './classify-failure.ts'
import { holdForTeams, isSameSession } from './media-policy.ts'

export type RenegotiationResult = 'done' | 'refused' | 'other-side-gone'

/**
 * Carries a re-offer (hold, resume, another codec or address) from one leg to the other and the answer back.
 * Until the other side has agreed, both legs stay as they were (RFC 3261 14.1).
 */
export async function renegotiate(context: {
  from: Leg
  to: Leg
  request: IncomingRequest
  reply: Reply
  relay: MediaRelay
  sessionId: string
  logger: Logger
}): Promise<RenegotiationResult> {
  const { from, to, request, reply, relay, sessionId, logger } = context
  const sdp = request.body ?? ''
  // No description: UPDATE is then a refresh (RFC 3311 5.2), a re-INVITE asks for our offer, which is the
  // session as it is. The same description again is a refresh as well (RFC 4028 7.4); nobody else is asked.
  if (sdp === '' || isSameSession(from.remoteSdp, sdp)) {
    accept(reply, from, request.method === 'UPDATE' && sdp === '' ? undefined : from.localSdp)
    return 'done'
  }
  let offer: string
  try {
    const made = await relay.offer({ sessionId, from: from.side, sdp, toward: to.media })
    offer = to.teams ? holdForTeams(made) : made
  } catch (error) {
    refuseMedia(error, reply, logger)
    return 'refused'
  }
  const response = await to.dialog
    .request({
      method: 'INVITE',
      headers: { Contact: to.contact, 'Content-Type': 'application/sdp' },
      body: offer,
    })
    .catch((error: unknown) => (error instanceof SipFailure ? error : new SipFailure(500, errorText(error))))
  if (response instanceof SipFailure || response.status >= 300) {
    // RFC 3261 12.2.1.2: after 481 or 408 the dialog is dead; any other refusal leaves the session as it was.
    const gone = response.status === 481 || response.status === 408
    if (!reply.finalResponseSent) reply.send(gone ? 481 : response.status, response.reason, {})
    logger.info({ sipStatus: response.status, from: from.side }, 'the other side refused the re-offer')
    return gone ? 'other-side-gone' : 'refused'
  }
  try {
    const answer = await relay.answer({ sessionId, from: to.side, sdp: response.body, toward: from.media })
    from.remoteSdp = sdp
    from.localSdp = answer
    to.localSdp = offer
    to.remoteSdp = response.body
    accept(reply, from, answer)
    return 'done'
  } catch (error) {
    refuseMedia(error, reply, logger)
    return 'refused'
  }
}

function accept(reply: Reply, leg: Leg, sdp: string | undefined): void {
  if (reply.finalResponseSent) return
  const headers = { Contact: leg.contact }
  if (sdp === undefined) reply.send(200, 'OK', { headers })
  else reply.send(200, 'OK', { headers: { ...headers, 'Content-Type': 'application/sdp' }, body: sdp })
}

function refuseMedia(error: unknown, reply: Reply, logger: Logger): void {
  const cause = classifyMediaError(error)
  logger.warn({ error: errorText(error), cause }, 'a re-offer cannot be used')
  const { sipStatus, reason } = callCauses[cause]
  if (!reply.finalResponseSent) reply.send(sipStatus, reason, {})
}
