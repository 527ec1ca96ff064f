import { secondsToMs } from '#src/base/clock.ts'
import { ApplianceError, errorText } from '#src/base/errors.ts'
import type { EndpointSession } from '#src/media/endpoint/media-endpoint.ts'
import { formatNameAddr } from '#src/sip/name-addr.ts'
import { boxUri, calledHost, edgeHeaders, type EdgeContext } from './edge-context.ts'
import { InviteRefused, type HeaderFields } from './edge-sip.ts'
import type { LabCallEntry } from './lab-call.ts'
import { talk } from './talk.ts'
import { speechOfPlacedCall, type TeamsClient } from './teams-clients.ts'

/** How long Teams lets the box ring. */
const ringTimeoutMs = secondsToMs(90)
/** Direct Routing without media bypass always offers a session timer, with itself as refresher. */
const sessionExpiresSeconds = 1800

/**
 * Calls from somebody in Teams to a number at the box. Resolves once the INVITE is on the wire; the call then
 * goes on by itself. Rejects with LAB_FAILED when the box is not known or cannot be reached at all, and with
 * NOT_FOUND when nobody in the lab has the calling number.
 */
export async function placeCall(
  context: EdgeContext,
  { from, to }: { from: string; to: string },
): Promise<{ callId: string }> {
  const client = context.clients.find(from)
  if (!client)
    throw new ApplianceError('NOT_FOUND', { number: from }, { text: `Nobody in the lab has ${from}.` })
  const uri = boxUri(context, to)
  if (uri === undefined) {
    const advice = 'Start the box, or wait until it told the lab its address.'
    throw new ApplianceError(
      'LAB_FAILED',
      { reason: 'no box' },
      { text: 'The lab does not know the box yet.', advice },
    )
  }
  const session = await context.endpoints.offer({ localAddress: context.listenHost, profile: 'RTP/SAVP' })
  return new Promise((resolve, reject) => {
    context.lifetime.run(`call to ${to}`, async () => {
      let sent = false
      const onSent = (callId: string): void => {
        sent = true
        resolve({ callId })
      }
      try {
        await tellStory(context, { client, to, uri, session, onSent })
      } catch (error) {
        if (sent) throw error
        reject(new ApplianceError('LAB_FAILED', { to, reason: errorText(error) }, { cause: error }))
      } finally {
        session.close()
      }
    })
  })
}

interface PlacedCall {
  client: TeamsClient
  to: string
  uri: string
  session: EndpointSession
  onSent: (callId: string) => void
}

async function tellStory(
  context: EdgeContext,
  { client, to, uri, session, onSent }: PlacedCall,
): Promise<void> {
  const { calls, sip, clock, lifetime, logger } = context
  const host = calledHost(context, undefined)
  const headers = edgeHeaders(context, host)
  const ringing = new AbortController()
  const ending = new AbortController()
  const stop = (): void => {
    ringing.abort()
    ending.abort()
  }
  lifetime.signal.addEventListener('abort', stop, { once: true })
  const giveUp = clock.setTimer(ringTimeoutMs, () => ringing.abort())
  let entry: LabCallEntry | undefined
  try {
    const dialog = await sip.invite(uri, {
      headers: { ...headers, ...inviteHeaders(client, host, to) },
      sdp: session.localSdp,
      signal: ringing.signal,
      onSent: (callId) => {
        entry = calls.add({ callId, direction: 'toBox', from: client.number, to })
        entry.listenTo(session)
        entry.hangUp = stop
        logger.info({ callId, from: client.number, to }, 'call to the box')
        onSent(callId)
      },
    })
    giveUp.cancel()
    if (!entry) return
    try {
      session.acceptAnswer(dialog.remoteSdp)
    } catch (error) {
      entry.end(200, `The box's answer cannot be used: ${errorText(error)}`)
      logger.warn({ callId: entry.callId, err: error }, 'the answer of the box cannot be used')
      await dialog.bye()
      return
    }
    await talk(context, {
      entry,
      dialog,
      session,
      speech: speechOfPlacedCall(client.behaviour),
      ending,
      headers,
    })
  } catch (error) {
    if (!entry || !(error instanceof InviteRefused)) throw error
    entry.end(error.status, error.reason)
    logger.info({ callId: entry.callId, sipStatus: error.status, reason: error.reason }, 'call not answered')
  } finally {
    giveUp.cancel()
    lifetime.signal.removeEventListener('abort', stop)
  }
}

function inviteHeaders({ person, number }: TeamsClient, host: string, to: string): HeaderFields {
  return {
    From: formatNameAddr({ displayName: person.displayName, uri: `sip:${number}@${host};user=phone` }),
    To: `<sip:${to}@${host};user=phone>`,
    Supported: 'timer',
    'Session-Expires': `${sessionExpiresSeconds};refresher=uac`,
    'Min-SE': '90',
    'Content-Type': 'application/sdp',
  }
}
