import type { Clock } from '#src/base/clock.ts'
import type { Logger } from '#src/base/logger.ts'
import type { OnboardingStores } from './ports.ts'

/** What every part of onboarding takes from the box. */
export interface OnboardingContext {
  store: OnboardingStores
  clock: Clock
  logger: Logger
}

/** Notes who did what. It is done by then: a store that refuses costs the note, which then stands in the log. */
export function noteAudit(
  { store, clock, logger }: OnboardingContext,
  entry: { actor: string; action: string; subject: string; details?: Record<string, unknown> },
): void {
  const { actor, action, subject, details = {} } = entry
  try {
    store.audit.add({ atMs: clock.nowMs(), actor, action, subject, details })
  } catch (error) {
    logger.error({ err: error, actor, action, subject, details }, 'an audit entry was lost')
  }
}
