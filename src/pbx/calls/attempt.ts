import { errorText } from '#src/base/errors.ts'
import type { Clock } from '#src/base/clock.ts'
import type { Logger } from '#src/base/logger.ts'
import type { CallParty } from '#src/model/call-record.ts'
import type { LegMedia, MediaRelay } from '#src/media/media-relay.ts'
import type { MediaAddress } from '../media-address.ts'
import type { CallTracePort } from '../ports.ts'
import {
  SipFailure,
  type HeaderFields,
  type OutgoingInvite,
  type RequestTarget,
  type SipDialog,
  type SipPort,
} from '../sip-port.ts'
import type { TrunkIdentity } from '../uplink/teams-headers.ts'
import type { TrunkState } from '../uplink/trunk-state.ts'
import { callCauses, classifyMediaError, type Cause } from './classify-failure.ts'
import type { BranchEvents } from './fork.ts'
import { holdForTeams } from './media-policy.ts'
import type { Reach } from './ways-to-phone.ts'

/** A called party that answered: its dialog, its media, and the text that answers the caller's offer. */
export interface AnsweredLeg {
  dialog: SipDialog
  sessionId: string
  media: LegMedia
  /** What we offered this party. */
  localSdp: string
  answerForCaller: string
  /** Contact of our side of this dialog. */
  contact: string
  teams: boolean
  party: CallParty
}

/** A branch that failed on our side, before or after SIP: with the cause that no status tells. */
export class BranchFailure extends SipFailure {
  readonly callCause: Cause

  constructor(callCause: Cause) {
    super(callCauses[callCause].sipStatus, callCauses[callCause].reason)
    this.callCause = callCause
  }
}

/** What every branch of one call shares. */
export interface BranchContext {
  callId: string
  callerSdp: string
  callerMedia: LegMedia
  caller: CallParty
  /** Number of the person who calls, for Teams; undefined when he has none. */
  callerNumber: string | undefined
  /** What is left of the caller's Max-Forwards: a call that goes in circles through a PBX behind a line must end. */
  hops: number
  /** True when this call rings one party only: its early media may then reach the caller. */
  single: boolean
  sip: SipPort
  relay: MediaRelay
  mediaAddressToward(peerHost: string): Promise<MediaAddress>
  teams: { identity: TrunkIdentity; state: TrunkState } | undefined
  trace: CallTracePort | undefined
  reach: Reach
  clock: Clock
  logger: Logger
}

/** One INVITE that may ring a party. */
export interface Attempt {
  name: string
  peerHost: string
  profile: LegMedia['profile']
  target: RequestTarget
  headers: HeaderFields
  contact: string
}

/**
 * Sends one INVITE with a media session of its own. Rejects with SipFailure; then nothing is left of either, also when
 * the party answers after the signal was aborted.
 */
export async function tryOnce(
  attempt: Attempt,
  session: { id: string; party: CallParty; teams: boolean },
  events: BranchEvents,
  signal: AbortSignal,
  context: BranchContext,
): Promise<AnsweredLeg> {
  const { relay, sip } = context
  const sessionId = session.id
  try {
    const media: LegMedia = {
      profile: attempt.profile,
      ...(await context.mediaAddressToward(attempt.peerHost)),
    }
    const offered = await offerToward(sessionId, media, context)
    const localSdp = session.teams ? holdForTeams(offered) : offered
    const answer = (sdp: string): Promise<string> =>
      relay.answer({ sessionId, from: 'callee', sdp, toward: context.callerMedia })
    const invite: OutgoingInvite = {
      headers: attempt.headers,
      sdp: localSdp,
      signal,
      onSent: (sipCallId) => context.trace?.join(context.callId, sipCallId, session.party),
      onProvisional: (status, sdp) => {
        if (sdp === '' || !context.single) {
          if (status >= 180) events.ringing()
          return
        }
        answer(sdp).then(events.earlyMedia, (error: unknown) => {
          context.logger.warn({ error: errorText(error), status }, 'early media cannot be used')
          events.ringing()
        })
      },
    }
    const dialog = await sip.invite(attempt.target, invite)
    try {
      if (signal.aborted) throw new SipFailure(487, 'Request Terminated')
      const answerForCaller = await answer(dialog.remoteSdp).catch((error: unknown) => {
        throw new BranchFailure(classifyMediaError(error))
      })
      const { contact } = attempt
      return { ...session, dialog, sessionId, media, localSdp, answerForCaller, contact }
    } catch (error) {
      // It answered, so it has to be told that there is no call: ACKed already, now BYE.
      await dialog.bye()
      throw error
    }
  } catch (error) {
    dropSession(sessionId, context)
    throw error
  }
}

async function offerToward(sessionId: string, toward: LegMedia, context: BranchContext): Promise<string> {
  try {
    return await context.relay.offer({ sessionId, from: 'caller', sdp: context.callerSdp, toward })
  } catch (error) {
    context.logger.warn({ error: errorText(error) }, 'the relay did not take the offer')
    throw new BranchFailure(classifyMediaError(error))
  }
}

/** Gives back a party that answered in vain: BYE, and its media session ends; in the background. */
export function release(leg: AnsweredLeg, context: BranchContext): void {
  void leg.dialog.bye()
  dropSession(leg.sessionId, context)
}

function dropSession(sessionId: string, { relay, logger }: BranchContext): void {
  relay.delete(sessionId).catch((error: unknown) => {
    logger.warn({ sessionId, error: errorText(error) }, 'a media session could not be deleted')
  })
}
