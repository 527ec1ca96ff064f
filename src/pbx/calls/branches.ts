import type { CallParty } from '#src/model/call-record.ts'
import { release, type AnsweredLeg, type BranchContext } from './attempt.ts'
import type { Branch } from './fork.ts'
import type { Target } from './plan-route.ts'
import { ringPhone } from './ring-phone.ts'
import { ringTeams } from './ring-teams.ts'

/** Makes the branch that rings one target. */
export function makeBranch(
  target: Target,
  index: number,
  party: CallParty,
  context: BranchContext,
): Branch<AnsweredLeg> {
  const branch = { index, party }
  return {
    name: target.kind === 'teams' ? 'teams' : `phone ${target.line.username} ${index}`,
    ring: (events, signal) =>
      target.kind === 'teams'
        ? ringTeams(target.number, branch, events, signal, context)
        : ringPhone(target, branch, events, signal, context),
    release: (leg) => release(leg, context),
  }
}
