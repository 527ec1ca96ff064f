import type { FastifyRequest } from 'fastify'
import { ApplianceError } from '#src/base/errors.ts'
import { need, type ApiContext } from '../context.ts'
import { reachedHost } from '../reached-host.ts'
import { stepIds, type SetupView, type StepId, type StepView } from '../schema/setup.ts'
import type { Evidence, EvidenceSources } from './evidence/evidence.ts'
import { firstCallAnswered, phonesEvidence } from './evidence/phones.ts'
import { networkEvidence, timeEvidence } from './evidence/place.ts'
import { certificateEvidence, teamsEvidence } from './evidence/tenant.ts'
import { SetupProgress } from './progress.ts'
import { savedSettings } from './saved-settings.ts'

type WorkStep = Exclude<StepId, 'claim' | 'done'>

const evidenceOf: Record<WorkStep, (sources: EvidenceSources) => Evidence | Promise<Evidence>> = {
  network: networkEvidence,
  time: timeEvidence,
  certificate: certificateEvidence,
  teams: teamsEvidence,
  phones: phonesEvidence,
}
const workSteps = stepIds.filter((id): id is WorkStep => id !== 'claim' && id !== 'done')

/** Where the setup stands, step by step, read from the box as it is now. */
export async function viewSetup(context: ApiContext, request: FastifyRequest): Promise<SetupView> {
  const progress = progressOf(context)
  const nowMs = context.options.clock.nowMs()
  const skipped = progress.skipped()
  const looked = await Promise.all(
    workSteps.map(async (id) => ({ id, checkedAtMs: nowMs, ...(await look(id, { context, progress })) })),
  )
  // Doing a step takes its skip back for good: should it break later, it must not look skipped.
  progress.unskip(looked.filter(({ state }) => state === 'done').map(({ id }) => id))
  const work: StepView[] = looked.map((step) =>
    step.state !== 'done' && skipped.has(step.id) ? { ...step, state: 'skipped' } : step,
  )
  const left = work.filter(({ state }) => state === 'open' || state === 'attention').length
  const laidAside = work.filter(({ state }) => state === 'skipped').length
  const steps: StepView[] = [
    { id: 'claim', state: 'done', evidence: 'The box has an owner.', checkedAtMs: nowMs },
    ...work,
    {
      id: 'done',
      state: left === 0 ? 'done' : 'open',
      evidence: left === 0 ? closing(laidAside) : `${left === 1 ? 'One step is' : `${left} steps are`} left.`,
      checkedAtMs: nowMs,
    },
  ]
  return {
    steps,
    resume: resumeAt(context, work),
    phonesUrl: phonesUrl(context, request),
    checks: progress.checks(),
  }
}

/** What the wizard remembers of this box. */
export function progressOf(context: ApiContext): SetupProgress {
  return new SetupProgress(need(context, 'store').secrets)
}

/** True for a step that can be left for later. */
export function canSkip(id: string): id is WorkStep {
  return workSteps.some((step) => step === id)
}

async function look(id: WorkStep, sources: EvidenceSources): Promise<Evidence> {
  try {
    return await evidenceOf[id](sources)
  } catch (error) {
    if (!(error instanceof ApplianceError)) throw error
    return { state: 'attention', evidence: error.message }
  }
}

/** The first step that nobody has dealt with; nobody is led anywhere while the box runs in rescue or makes calls already. */
function resumeAt(context: ApiContext, work: readonly StepView[]): StepId | null {
  const broken = context.options
    .health()
    .parts.some(({ name, state }) => name === 'settings' && state === 'failed')
  if (broken || !context.parts.settings || firstCallAnswered(context)) return null
  return work.find(({ state }) => state === 'open')?.id ?? null
}

function closing(laidAside: number): string {
  if (laidAside === 0) return 'Every step is done.'
  return laidAside === 1 ? 'One step is left for later.' : `${laidAside} steps are left for later.`
}

/** The address for DHCP: plain HTTP, because a phone that is new trusts nobody yet. Null while it is switched off. */
function phonesUrl(context: ApiContext, request: FastifyRequest): string | null {
  if (!context.parts.settings || !savedSettings(context).provisioning.enabled) return null
  const host = context.options.box().address ?? reachedHost(request)
  return `http://${host.includes(':') ? `[${host}]` : host}:${context.ports.http}/`
}
