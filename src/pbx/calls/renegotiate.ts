import { errorText } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import type { MediaRelay } from '#src/media/media-relay.ts'
import { audioDirection } from '#src/sdp/rewrite.ts'
import { SipFailure, type FinalResponse, type IncomingRequest, type Reply } from '../sip-port.ts'
import type { Leg } from './leg.ts'
import { callCauses, classifyMediaError } from './classify-failure.ts'
import { holdForTeams, isSameSession, offeredProfile, profileForTeams } from './media-policy.ts'

export type RenegotiationResult = 'done' | 'refused' | 'other-side-gone'

/** One re-INVITE or UPDATE between the two legs of a call. */
export interface Renegotiation {
  from: Leg
  to: Leg
  request: IncomingRequest
  reply: Reply
  relay: MediaRelay
  sessionId: string
  logger: Logger
}

/**
 * Carries a re-offer (hold, resume, another codec or address) from one leg to the other and the answer back.
 * Until the other side has agreed, both legs stay as they were (RFC 3261 14.1).
 */
export async function renegotiate(context: Renegotiation): Promise<RenegotiationResult> {
  const { from, request, reply, relay, sessionId, to, logger } = context
  const sdp = request.body ?? ''
  // No description: UPDATE is then a refresh (RFC 3311 5.2). The same description again is a refresh as well
  // (RFC 4028 7.4); nobody else is asked.
  if (sdp === '' || isSameSession(from.remoteSdp, sdp)) {
    accept(reply, from, sdp === '' ? undefined : from.localSdp)
    return 'done'
  }
  if (from.teams && offeredProfile(sdp) !== profileForTeams) {
    const { sipStatus, reason } = callCauses.CALL_SRTP_REQUIRED
    logger.warn({ cause: 'CALL_SRTP_REQUIRED' }, 'a re-offer cannot be used')
    reply.send(sipStatus, reason, {})
    return 'refused'
  }
  let passed: { offer: string; response: FinalResponse }
  try {
    passed = await passOn(context, sdp)
  } catch (error) {
    refuseMedia(error, reply, logger)
    return 'refused'
  }
  const { offer, response } = passed
  if (response.status >= 300) {
    const gone = isGone(response)
    if (!reply.finalResponseSent) reply.send(gone ? 481 : response.status, response.reason, {})
    logger.info({ sipStatus: response.status, from: from.side }, 'the other side refused the re-offer')
    return gone ? 'other-side-gone' : 'refused'
  }
  try {
    const made = await relay.answer({ sessionId, from: to.side, sdp: response.body, toward: from.media })
    const answer = from.teams ? holdForTeams(made) : made
    from.remoteSdp = sdp
    from.localSdp = answer
    from.holds = isHold(sdp)
    to.localSdp = offer
    to.remoteSdp = response.body
    accept(reply, from, answer)
    return 'done'
  } catch (error) {
    refuseMedia(error, reply, logger)
    return 'refused'
  }
}

/** Offers a description of `from` to the other side by re-INVITE; rejects only for what the relay makes of it. */
export async function passOn(
  { from, to, relay, sessionId }: Renegotiation,
  sdp: string,
): Promise<{ offer: string; response: FinalResponse }> {
  const made = await relay.offer({ sessionId, from: from.side, sdp, toward: to.media })
  const offer = to.teams ? holdForTeams(made) : made
  const headers = { Contact: to.contact, 'Content-Type': 'application/sdp' }
  try {
    return { offer, response: await to.dialog.request({ method: 'INVITE', headers, body: offer }) }
  } catch (error) {
    const failure = error instanceof SipFailure ? error : new SipFailure(500, errorText(error))
    return { offer, response: { status: failure.status, reason: failure.reason, body: '' } }
  }
}

/** RFC 3261 12.2.1.2, RFC 5057 5.1: after these the dialog is dead; any other refusal leaves the session as it was. */
export function isGone({ status }: Pick<FinalResponse, 'status'>): boolean {
  return status === 481 || status === 408
}

/** Whether the writer of this description has put the reader on hold. */
export function isHold(sdp: string): boolean {
  const direction = audioDirection(sdp)
  return direction === 'sendonly' || direction === 'inactive'
}

/** Answers with 200 and a description, or none. */
export function accept(reply: Reply, leg: Leg, sdp: string | undefined): void {
  if (reply.finalResponseSent) return
  const headers = { Contact: leg.contact }
  if (sdp === undefined) reply.send(200, 'OK', { headers })
  else reply.send(200, 'OK', { headers: { ...headers, 'Content-Type': 'application/sdp' }, body: sdp })
}

/** Refuses what the relay cannot use. */
export function refuseMedia(error: unknown, reply: Reply, logger: Logger): void {
  const cause = classifyMediaError(error)
  logger.warn({ error: errorText(error), cause }, 'a re-offer cannot be used')
  const { sipStatus, reason } = callCauses[cause]
  if (!reply.finalResponseSent) reply.send(sipStatus, reason, {})
}
