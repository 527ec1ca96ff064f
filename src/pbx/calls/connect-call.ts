import type { Clock } from '#src/base/clock.ts'
import type { Logger } from '#src/base/logger.ts'
import type { CallParty } from '#src/model/call-record.ts'
import type { LegMedia, MediaRelay } from '#src/media/media-relay.ts'
import type { Settings } from '#src/model/settings.ts'
import { escapeUser } from '#src/sip/uri.ts'
import type { Counters } from '../counters.ts'
import type { MediaAddress } from '../media-address.ts'
import type { PbxStore } from '../options.ts'
import type { CallTracePort } from '../ports.ts'
import type { FeatureRunner } from '../services/feature-call.ts'
import { withoutSecrets } from '../services/parse-feature-code.ts'
import { CancelReason, type HeaderFields, type IncomingRequest, type SipPort } from '../sip-port.ts'
import { allowedMethods, teamsAnswerHeaders, type TrunkIdentity } from '../uplink/teams-headers.ts'
import type { TrunkState } from '../uplink/trunk-state.ts'
import { BranchFailure, type AnsweredLeg, type BranchContext } from './attempt.ts'
import { makeBranch } from './branches.ts'
import type { Call, CallBook } from './call-book.ts'
import type { IncomingCall } from './incoming-call.ts'
import { bindCallLifetime, type AnsweredCall } from './call-lifetime.ts'
import type { Leg } from './leg.ts'
import { callCauses, classifyResponse, type Cause } from './classify-failure.ts'
import { ringBranches, type ForkResult } from './fork.ts'
import { lineParty, type Caller } from './identify-caller.ts'
import { holdForTeams, offeredProfile } from './media-policy.ts'
import { dialledText } from './numbers.ts'
import { planRoute, type Target } from './plan-route.ts'
import { requiredExtensions } from './required-extensions.ts'
import { routeFacts } from './route-facts.ts'
import type { Reach } from './ways-to-phone.ts'

/** Everything a call works with. */
export interface CallContext {
  sip: SipPort
  store: PbxStore
  book: CallBook
  relay: MediaRelay
  features: FeatureRunner
  watchSession: AnsweredCall['watchSession']
  teams: { identity: TrunkIdentity; state: TrunkState } | undefined
  settings: () => Settings
  mediaAddressToward(peerHost: string): Promise<MediaAddress>
  reach: Reach
  trace: CallTracePort | undefined
  counters: Counters
  clock: Clock
  logger: Logger
}

/** The story of one call, from a caller who is known to two legs that live or a refusal that says why. */
export async function connectCall(incoming: IncomingCall, context: CallContext): Promise<void> {
  const { call, caller, request, cancelled } = incoming
  const { store, book, teams, clock } = context

  const dialled = dialledText(request.uri)
  if (dialled === undefined) return refuse(incoming, 'CALL_NUMBER_INVALID', context)
  const facts = routeFacts({
    store,
    book,
    settings: context.settings(),
    teamsTrunk: teams !== undefined,
    clock,
  })
  const hops = hopsLeft(request)
  if (hops === 0) return refuse(incoming, 'CALL_IN_CIRCLES', context)
  const plan = planRoute({ caller, dialled }, facts)
  call.logger.info({ dialled: withoutSecrets(dialled), plan: plan.kind }, 'call routed')
  if (plan.kind === 'refused') return refuse(incoming, plan.cause, context)

  const unusable = judgeOffer(incoming)
  if (unusable) return refuse(incoming, unusable, context)
  if (plan.kind === 'feature') return context.features.run(incoming, plan.call)

  const parties = plan.targets.map(partyOf)
  call.ringing(parties)
  const callerMedia = await mediaToward(incoming, context)
  const stop = new AbortController()
  let stoppedBy: Cause | undefined
  call.onStop((cause) => {
    stoppedBy = cause
    stop.abort(new CancelReason('ended from outside'))
  })
  const result = await ring(
    incoming,
    { targets: plan.targets, parties, callerMedia, signal: AbortSignal.any([cancelled, stop.signal]) },
    context,
  )

  if (result.kind === 'answered') return join(incoming, result.answer, callerMedia, context)
  if (result.kind === 'stopped' && cancelled.aborted) return noteCancel(call, context)
  refuse(incoming, causeOf(result, stoppedBy), context)
}

/** Final word to a caller who is not connected. */
export function refuse(
  { call, reply, cancelled }: IncomingCall,
  cause: Cause,
  { counters, settings }: Pick<CallContext, 'counters' | 'settings'>,
): void {
  if (cancelled.aborted) {
    counters.add('callsCancelled')
    call.end('CALL_CANCELLED')
    return
  }
  const { sipStatus, reason, text } = callCauses[cause]
  counters.add(sipStatus === 403 || sipStatus === 404 || sipStatus === 484 ? 'callsRefused' : 'callsFailed')
  if (cause === 'CALL_SDP_MISSING') counters.add('sdpMissing')
  if (cause === 'CALL_SDP_UNUSABLE' || cause === 'CALL_NO_CODEC') counters.add('sdpUnusable')
  if (cause === 'CALL_EMERGENCY_NO_TRUNK') call.logger.error({ code: cause }, text)
  const headers: HeaderFields = { Warning: `399 ${settings().sip.realm} "${text}"` }
  if (cause === 'CALL_STOPPING' || cause === 'CALL_LIMIT') headers['Retry-After'] = '30'
  if (!reply.finalResponseSent) reply.send(sipStatus, reason, { headers })
  call.end(cause)
}

function noteCancel(call: Call, { counters }: CallContext): void {
  // The engine has answered CANCEL and INVITE (487) already.
  counters.add('callsCancelled')
  call.end('CALL_CANCELLED')
}

// RFC 3261 16.6 step 3 and 16.3: a B2BUA that started anew at 70 would let a call go round for ever.
function hopsLeft(request: IncomingRequest): number {
  const given = request.get('Max-Forwards')
  return given === undefined ? 70 : Math.min(Number(given) || 0, 70)
}

function judgeOffer({ request, caller }: IncomingCall): Cause | undefined {
  const sdp = request.body ?? ''
  if (sdp.trim() === '') return 'CALL_SDP_MISSING'
  const profile = offeredProfile(sdp)
  if (!profile) return 'CALL_SDP_UNUSABLE'
  return caller.kind === 'teams' && profile !== 'RTP/SAVP' ? 'CALL_SRTP_REQUIRED' : undefined
}

async function mediaToward({ request }: IncomingCall, context: CallContext): Promise<LegMedia> {
  return {
    profile: offeredProfile(request.body ?? '') ?? 'RTP/AVP',
    ...(await context.mediaAddressToward(request.source_address)),
  }
}

async function ring(
  { call, caller, request, reply }: IncomingCall,
  fork: { targets: Target[]; parties: CallParty[]; callerMedia: LegMedia; signal: AbortSignal },
  context: CallContext,
): Promise<ForkResult<AnsweredLeg>> {
  const { clock, counters, teams } = context
  const branchContext: BranchContext = {
    callId: call.id,
    callerSdp: request.body ?? '',
    callerMedia: fork.callerMedia,
    caller: caller.party,
    callerNumber: caller.user?.number,
    hops: hopsLeft(request) - 1,
    single: fork.targets.length === 1,
    sip: context.sip,
    relay: context.relay,
    mediaAddressToward: (peer) => context.mediaAddressToward(peer),
    teams,
    reach: context.reach,
    clock,
    trace: context.trace,
    logger: call.logger,
  }
  const startedAtMs = clock.monotonicMs()
  // Only the first provisional response goes on: after a 180 the caller's phone makes its own ringback, and a
  // 183 behind it would silence that before any audio is there (Teams sends such pairs).
  let told = false
  const tell = (status: number, reason: string, options: { headers: HeaderFields; body?: string }): void => {
    if (told || reply.finalResponseSent || fork.signal.aborted) return
    told = true
    call.logger.info({ inviteToRingingMs: clock.monotonicMs() - startedAtMs }, 'called side rings')
    reply.send(status, reason, options)
  }
  const headers = callerSideHeaders(caller, request, context)
  if (requiredExtensions(request).reliable) headers['Require'] = '100rel'
  return ringBranches(
    fork.targets.map((target, index) =>
      makeBranch(target, index, fork.parties[index] as CallParty, branchContext),
    ),
    {
      clock,
      ringTimeoutMs: context.settings().sip.ringTimeoutS * 1000,
      signal: fork.signal,
      onRinging: () => tell(180, 'Ringing', { headers }),
      onEarlyMedia: (sdp) =>
        tell(183, 'Session Progress', {
          headers: { ...headers, 'Content-Type': 'application/sdp' },
          body: sdp,
        }),
      onLateAnswer: (name) => {
        counters.add('lateAnswers')
        call.logger.info({ branch: name }, 'an answer came too late and was given back')
      },
    },
  )
}

/** Answers the caller and ties the two legs together. */
async function join(
  incoming: IncomingCall,
  answered: AnsweredLeg,
  callerMedia: LegMedia,
  context: CallContext,
): Promise<void> {
  const { call, caller, request, reply, cancelled } = incoming
  const headers = callerSideHeaders(caller, request, context)
  try {
    if (cancelled.aborted) throw cancelled.reason
    const sdp = caller.kind === 'teams' ? holdForTeams(answered.answerForCaller) : answered.answerForCaller
    const dialog = await context.sip.accept(request, reply, { sdp, headers })
    const callerLeg: Leg = {
      side: 'caller',
      dialog,
      media: callerMedia,
      teams: caller.kind === 'teams',
      party: caller.party,
      contact: headers['Contact'] ?? `<sip:${escapeUser(caller.party.number)}@localhost>`,
      holds: false,
      localSdp: sdp,
      remoteSdp: request.body ?? '',
    }
    const calleeLeg: Leg = { ...answered, side: 'callee', holds: false, remoteSdp: answered.dialog.remoteSdp }
    context.counters.add('callsAnswered')
    call.answered(answered.party)
    const { relay, counters, watchSession } = context
    const { sessionId } = answered
    bindCallLifetime({ call, sessionId, caller: callerLeg, callee: calleeLeg, relay, counters, watchSession })
  } catch (error) {
    call.logger.info({ err: error }, 'the caller was gone when the call was answered')
    void answered.dialog.bye()
    await context.relay.delete(answered.sessionId)
    context.counters.add('callsCancelled')
    call.end('CALL_CROSSED_CANCEL')
  }
}

/** Toward Teams our Contact must be the FQDN; toward a phone the dialled name at our own address. */
function callerSideHeaders(caller: Caller, request: IncomingRequest, { teams }: CallContext): HeaderFields {
  const dialled = dialledText(request.uri) ?? 'box'
  if (caller.kind === 'teams' && teams) return teamsAnswerHeaders(teams.identity, dialled)
  const transport =
    caller.kind === 'line' && caller.flow.protocol !== 'udp' ? caller.flow.protocol : undefined
  const parameter = transport === undefined ? '' : `;transport=${transport}`
  return { Contact: `<sip:${escapeUser(dialled)}@localhost${parameter}>`, Allow: allowedMethods }
}

function causeOf(
  result: Exclude<ForkResult<AnsweredLeg>, { kind: 'answered' }>,
  stoppedBy: Cause | undefined,
): Cause {
  if (result.kind === 'noAnswer') return 'CALL_NO_ANSWER'
  // Ending an unanswered call has its own sentence: the caller hears "unavailable", not "OK".
  if (result.kind === 'stopped')
    return stoppedBy === 'CALL_ENDED_BY_SHUTDOWN' ? 'CALL_STOPPING' : 'CALL_STOPPED'
  if (result.failure instanceof BranchFailure) return result.failure.callCause
  const side = result.name === 'teams' ? 'teams' : 'phone'
  return classifyResponse(side, result.failure.status)
}

function partyOf(target: Target): CallParty {
  if (target.kind === 'phone') return lineParty(target.line, target.user)
  return { kind: 'trunk', id: 'teams', number: target.number, displayName: target.user?.displayName }
}
