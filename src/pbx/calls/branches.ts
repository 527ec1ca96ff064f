import { errorText } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import type { CallParty } from '#src/model/call-record.ts'
import type { LegMedia, MediaRelay } from '#src/media/media-relay.ts'
import { escapeUser } from '#src/sip/uri.ts'
import { formatEndpoint } from '#src/base/net.ts'
import type { MediaAddress } from '../media-address.ts'
import {
  SipFailure,
  type HeaderFields,
  type OutgoingInvite,
  type RequestTarget,
  type SipDialog,
  type SipPort,
} from '../sip-port.ts'
import {
  allowedMethods,
  quotedName,
  teamsContact,
  teamsInviteHeaders,
  teamsInviteTarget,
  type TrunkIdentity,
} from '../uplink/teams-headers.ts'
import type { TrunkState } from '../uplink/trunk-state.ts'
import { callCauses, classifyMediaError, type Cause } from './classify-failure.ts'
import type { Branch, BranchEvents } from './fork.ts'
import { holdForTeams, profilesForPhone, profileForTeams } from './media-policy.ts'
import type { Target } from './plan-route.ts'

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
  logger: Logger
}

/** One way to try a party: a phone has one or two (SRTP, plain), Teams one per host. */
interface Attempt {
  name: string
  peerHost: string
  profile: LegMedia['profile']
  target: RequestTarget
  headers: HeaderFields
  contact: string
}

/** Makes the branch that rings one target. */
export function makeBranch(
  target: Target,
  index: number,
  party: CallParty,
  context: BranchContext,
): Branch<AnsweredLeg> {
  const teams = target.kind === 'teams'
  const name = teams ? 'teams' : `phone ${target.line.username} ${index}`
  return {
    name,
    async ring(events, signal) {
      const attempts = teams ? teamsAttempts(target.number, context) : phoneAttempts(target, context)
      let last: SipFailure | undefined
      for (const [number, attempt] of attempts.entries()) {
        let told = false
        const watched: BranchEvents = {
          ringing: () => {
            told = true
            events.ringing()
          },
          earlyMedia: (sdp) => {
            told = true
            events.earlyMedia(sdp)
          },
        }
        const session = { id: `${context.callId}-${index}-${number}`, party, teams }
        try {
          return await tryOnce(attempt, session, watched, signal, context)
        } catch (error) {
          if (!(error instanceof SipFailure)) throw error
          last = error
          const again = teams ? isForNextHost(error) : isForPlainMedia(error)
          if (told || signal.aborted || !again) throw error
          if (teams) noteRefusal(attempt, error, context)
        }
      }
      throw last ?? new BranchFailure('CALL_TEAMS_UNREACHABLE')
    },
    release(leg) {
      void leg.dialog.bye()
      dropSession(leg.sessionId, context)
    },
  }
}

// Teams' own rule: connect failure, 408, 503 and 504 before any 18x go to the next datacentre; a person's answer
// (486, 603 …) is never asked for twice.
function isForNextHost(error: SipFailure): boolean {
  return !(error instanceof BranchFailure) && [408, 503, 504].includes(error.status)
}

// Phones with TLS and SRTP switched off refuse an offer of SRTP alone; they are asked once more.
function isForPlainMedia(error: SipFailure): boolean {
  return !(error instanceof BranchFailure) && [415, 488, 606].includes(error.status)
}

function noteRefusal(attempt: Attempt, error: SipFailure, { teams, logger }: BranchContext): void {
  teams?.state.noteFailure(attempt.name, `INVITE: ${error.message}`)
  if (error.retryAfterMs !== undefined) teams?.state.noteOverload(attempt.name, error.retryAfterMs)
  logger.warn({ host: attempt.name, sipStatus: error.status }, 'Teams host did not take the call')
}

async function tryOnce(
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

function dropSession(sessionId: string, { relay, logger }: BranchContext): void {
  relay.delete(sessionId).catch((error: unknown) => {
    logger.warn({ sessionId, error: errorText(error) }, 'a media session could not be deleted')
  })
}

function phoneAttempts(target: Target & { kind: 'phone' }, { caller, hops }: BranchContext): Attempt[] {
  const { flow, contactUri } = target.binding
  const transport = flow.protocol === 'udp' ? '' : `;transport=${flow.protocol}`
  // The engine puts its own address toward this phone in place of localhost.
  const local = `sip:${escapeUser(caller.number)}@localhost`
  const contact = `<${local}${transport}>`
  return profilesForPhone(flow.protocol).map((profile) => ({
    name: target.line.username,
    peerHost: flow.host,
    profile,
    target: {
      uri: contactUri,
      proxy: `sip:${formatEndpoint(flow.host, flow.port)};transport=${flow.protocol}`,
    },
    headers: {
      From: `${quotedName(caller.displayName)}<${local}>`,
      Contact: contact,
      Allow: allowedMethods,
      'Max-Forwards': String(hops),
    },
    contact,
  }))
}

function teamsAttempts(number: string, context: BranchContext): Attempt[] {
  const { teams, caller, callerNumber, hops } = context
  if (!teams || callerNumber === undefined) return []
  return teams.state.hostsByPreference().map((host) => ({
    name: host.name,
    peerHost: host.address ?? host.name,
    profile: profileForTeams,
    target: teamsInviteTarget(host, number),
    headers: {
      ...teamsInviteHeaders(teams.identity, { number: callerNumber, displayName: caller.displayName }),
      'Max-Forwards': String(hops),
    },
    contact: teamsContact(teams.identity, callerNumber),
  }))
}
