import type { CallParty } from '#src/model/call-record.ts'
import { SipFailure } from '../sip-port.ts'
import { teamsContact, teamsInviteHeaders, teamsInviteTarget } from '../uplink/teams-headers.ts'
import { BranchFailure, tryOnce, type AnsweredLeg, type Attempt, type BranchContext } from './attempt.ts'
import { watched, type BranchEvents } from './fork.ts'
import { profileForTeams } from './media-policy.ts'

/** Rings a number behind Teams: one host after the other, until one takes the call or somebody was told about it. */
export async function ringTeams(
  number: string,
  branch: { index: number; party: CallParty },
  events: BranchEvents,
  signal: AbortSignal,
  context: BranchContext,
): Promise<AnsweredLeg> {
  const heard = watched(events)
  let last: SipFailure | undefined
  for (const [count, attempt] of teamsAttempts(number, context).entries()) {
    const session = { id: `${context.callId}-${branch.index}-${count}`, party: branch.party, teams: true }
    try {
      return await tryOnce(attempt, session, heard.events, signal, context)
    } catch (error) {
      if (!(error instanceof SipFailure)) throw error
      last = error
      if (heard.told || signal.aborted || !isForNextHost(error)) throw error
      noteRefusal(attempt, error, context)
    }
  }
  throw last ?? new BranchFailure('CALL_TEAMS_UNREACHABLE')
}

// Teams' own rule: connect failure, 408, 503 and 504 before any 18x go to the next datacentre; a person's answer
// (486, 603 …) is never asked for twice.
function isForNextHost(error: SipFailure): boolean {
  return !(error instanceof BranchFailure) && [408, 503, 504].includes(error.status)
}

function noteRefusal(attempt: Attempt, error: SipFailure, { teams, logger }: BranchContext): void {
  teams?.state.noteFailure(attempt.name, `INVITE: ${error.message}`)
  if (error.retryAfterMs !== undefined) teams?.state.noteOverload(attempt.name, error.retryAfterMs)
  logger.warn({ host: attempt.name, sipStatus: error.status }, 'Teams host did not take the call')
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
