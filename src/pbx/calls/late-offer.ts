import { errorText } from '#src/base/errors.ts'
import { withAudioDirection } from '#src/sdp/rewrite.ts'
import { holdForTeams } from './media-policy.ts'
import {
  accept,
  isGone,
  isHold,
  passOn,
  refuseMedia,
  type Renegotiation,
  type RenegotiationResult,
} from './renegotiate.ts'

/**
 * Serves a re-INVITE without description: phones of Cisco and Poly hold and resume so. Our offer goes into the 200,
 * the phone's answer comes in the ACK (RFC 3261 14.2). The other side hears of it only when it is put on hold or
 * taken back; Teams never gets an INVITE without description.
 */
export async function serveLateOffer(context: Renegotiation): Promise<RenegotiationResult> {
  const { from, to, request, reply, relay, sessionId, logger } = context
  let offer: string
  try {
    // What the other side said last, opened up again unless it was itself that closed it.
    const present = to.holds ? to.remoteSdp : withAudioDirection(to.remoteSdp, 'sendrecv')
    const made = await relay.offer({ sessionId, from: to.side, sdp: present, toward: from.media })
    offer = from.teams ? holdForTeams(made) : made
  } catch (error) {
    refuseMedia(error, reply, logger)
    return 'refused'
  }
  const acknowledged = from.dialog.acknowledged(Number.parseInt(request.get('CSeq') ?? '', 10))
  accept(reply, from, offer)
  const answer = await acknowledged
  if (answer === undefined) return 'done'
  try {
    await relay.answer({ sessionId, from: from.side, sdp: answer, toward: to.media })
    from.localSdp = offer
    from.remoteSdp = answer
    const holds = isHold(answer)
    if (to.holds || holds === from.holds) return 'done'
    const { offer: told, response } = await passOn(context, answer)
    if (response.status >= 300) {
      logger.info({ sipStatus: response.status, from: from.side }, 'the other side refused the re-offer')
      return isGone(response) ? 'other-side-gone' : 'refused'
    }
    await relay.answer({ sessionId, from: to.side, sdp: response.body, toward: from.media })
    from.holds = holds
    to.localSdp = told
    to.remoteSdp = response.body
    return 'done'
  } catch (error) {
    logger.warn({ error: errorText(error) }, 'the answer to a late offer cannot be used')
    return 'refused'
  }
}
