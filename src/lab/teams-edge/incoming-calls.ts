import { secondsToMs } from '#src/base/clock.ts'
import { errorText } from '#src/base/errors.ts'
import type { LabCall } from '../teams-edge-port.ts'
import { parseNameAddr } from '#src/sip/name-addr.ts'
import { peerNamesHeader } from '#src/sip/peer-identity.ts'
import { parseUri } from '#src/sip/uri.ts'
import { calledNumber, checkInvite, checkOffer, checkTrunk, type TrunkRequest } from './check-request.ts'
import { calledHost, edgeHeaders, type EdgeContext } from './edge-context.ts'
import { reasonText, type EdgeReply, type EdgeRequest } from './edge-sip.ts'
import type { LabCallEntry } from './lab-call.ts'
import { talk } from './talk.ts'
import { speechOfAnswer, type TeamsClient } from './teams-clients.ts'

/** How long a client rings before Teams gives up. */
const ringTimeoutMs = secondsToMs(180)

/** Why a call ended before it was answered: the final status to send, or 487 when the engine sent it already. */
class NotAnswered extends Error {
  readonly status: number
  readonly phrase: string

  constructor(status: number, phrase: string, reason: string) {
    super(reason)
    this.status = status
    this.phrase = phrase
  }
}

/** Reads what the checks look at from a request of the engine. */
export function trunkRequest(request: EdgeRequest): TrunkRequest {
  const names = request.get(peerNamesHeader)
  return {
    method: request.method,
    uri: request.uri,
    contact: request.get('Contact'),
    require: request.get('Require'),
    hasReplaces: request.get('Replaces') !== undefined,
    body: request.body ?? '',
    peerNames: names ? names.split(',').map((name) => name.trim()) : [],
  }
}

/**
 * Takes a call from the box to somebody in Teams, from its INVITE to its end.
 * `callBack` is asked to place a call once the person has hung up.
 */
export async function takeCall(
  context: EdgeContext,
  request: EdgeRequest,
  reply: EdgeReply,
  callBack: (from: string, to: string, afterMs: number) => void,
): Promise<void> {
  const { calls, clients, logger, trunkFqdn } = context
  const checked = trunkRequest(request)
  const start = describe(request)
  const refusal =
    checkTrunk(checked, trunkFqdn) ??
    checkInvite(checked, (number) => clients.find(number) !== undefined) ??
    checkOffer(checked.body)
  const client = clients.find(start.to)
  if (refusal || !client) {
    const { status, reason, explanation, headers = {} } = refusal ?? notAssigned
    reply.send(status, reason, { headers: { ...headers, Reason: reasonHeader(status, explanation) } })
    calls.add(start).end(status, explanation)
    logger.warn({ ...start, sipStatus: status, explanation }, 'call refused')
    return
  }
  const entry = calls.add(start)
  logger.info({ ...start, answer: client.behaviour.answer }, 'call from the box')
  const answered = await ringAndAnswer(context, { request, reply, entry, client })
  if (answered && client.behaviour.answer === 'callsBack') {
    callBack(client.number, start.from, client.behaviour.afterMs)
  }
}

const notAssigned = { status: 404, reason: 'Not Found', explanation: 'Nobody has this number.', headers: {} }

/** True when the call was answered (and is over). */
async function ringAndAnswer(
  context: EdgeContext,
  call: { request: EdgeRequest; reply: EdgeReply; entry: LabCallEntry; client: TeamsClient },
): Promise<boolean> {
  const { request, reply, entry, client } = call
  const headers = edgeHeaders(context, calledHost(context, parseUri(request.uri)?.host))
  const ending = new AbortController()
  const endBy = (failure: NotAnswered): void => ending.abort(failure)
  entry.hangUp = () => endBy(new NotAnswered(603, 'Decline', 'Teams declined'))
  // The engine has answered CANCEL and INVITE by then (487); only the story ends here.
  let cancelled = false
  request.on('cancel', (cancel) => {
    cancelled = true
    endBy(new NotAnswered(487, 'Request Terminated', reasonText(cancel.get('Reason')) ?? 'the box cancelled'))
  })
  const onStop = (): void => endBy(new NotAnswered(503, 'Service Unavailable', 'the lab stops'))
  context.lifetime.signal.addEventListener('abort', onStop, { once: true })
  try {
    await ring(context, client, reply, ending.signal, headers)
    const session = await context.endpoints.answer(request.body ?? '', {
      localAddress: context.listenHost,
      require: 'RTP/SAVP',
    })
    entry.listenTo(session)
    try {
      const dialog = await context.sip.accept(request, reply, session.localSdp, headers)
      entry.hangUp = () => ending.abort()
      const speech = speechOfAnswer(client.behaviour)
      await talk(context, { entry, dialog, session, speech, ending, headers })
      return true
    } finally {
      session.close()
    }
  } catch (error) {
    const failure =
      error instanceof NotAnswered ? error : new NotAnswered(500, 'Server Error', errorText(error))
    const status = cancelled ? 487 : failure.status
    if (!cancelled)
      reply.send(status, failure.phrase, { headers: { Reason: reasonHeader(status, failure.message) } })
    entry.end(status, failure.message)
    context.logger.info(
      { callId: entry.callId, sipStatus: status, reason: failure.message },
      'call not answered',
    )
    return false
  } finally {
    context.lifetime.signal.removeEventListener('abort', onStop)
  }
}

/** Rings until it is time to answer; rejects with NotAnswered otherwise. */
async function ring(
  { clock }: EdgeContext,
  { behaviour }: TeamsClient,
  reply: EdgeReply,
  signal: AbortSignal,
  headers: Record<string, string>,
): Promise<void> {
  if (behaviour.answer === 'busy') throw new NotAnswered(486, 'Busy Here', 'the person is busy')
  reply.send(180, 'Ringing', { headers })
  switch (behaviour.answer) {
    case 'never':
      await clock.sleep(ringTimeoutMs, signal)
      throw new NotAnswered(480, 'Temporarily Unavailable', 'nobody answered')
    case 'callsBack':
      return clock.sleep(ringBeforeCallsBackMs, signal)
    case 'afterMs':
      return clock.sleep(behaviour.afterMs, signal)
  }
}

/** Somebody who calls back rings shortly before. */
const ringBeforeCallsBackMs = 500

function describe(request: EdgeRequest): Pick<LabCall, 'callId' | 'direction' | 'from' | 'to'> {
  const user = (value: string | undefined): string => parseUri(value ?? '')?.user ?? 'anonymous'
  return {
    callId: request.get('Call-ID') ?? '',
    direction: 'fromBox',
    from: user(parseNameAddr(request.get('From') ?? '')?.uri),
    to: calledNumber(request.uri) ?? user(request.uri),
  }
}

function reasonHeader(status: number, text: string): string {
  return `SIP;cause=${status};text="${text.replace(/["\\\r\n]/g, ' ')}"`
}
