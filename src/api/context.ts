import { ApplianceError } from '#src/base/errors.ts'
import type { Owner } from './auth/owner.ts'
import type { Sessions } from './auth/sessions.ts'
import type { TryThrottle } from './auth/try-throttle.ts'
import type { EventHub } from './event-hub.ts'
import type { ApiOptions, ApiParts, ApiStore } from './ports.ts'
import type { LinkTable } from './provisioning/link-table.ts'

/** What every route works with. */
export interface ApiContext {
  readonly options: Omit<ApiOptions, 'parts' | 'listen'>
  /** The parts that are running now; replaced, never changed, by `attach`. */
  parts: ApiParts
  readonly owner: Owner
  readonly sessions: Sessions
  readonly throttle: TryThrottle
  readonly links: LinkTable
  readonly events: EventHub
  readonly startedAtMs: number
  /** The ports really bound; 0 before that. */
  readonly ports: { https: number; http: number }
}

const partNames: Record<keyof ApiParts, { text: string; advice: string }> = {
  store: {
    text: 'The database of the box is not running.',
    advice: 'The status page says why, and how to mend it.',
  },
  settings: { text: 'The settings cannot be read now.', advice: 'The status page says why.' },
  pbx: {
    text: 'The call side of the box is not running.',
    advice: 'The status page says why, and how to mend it.',
  },
  signIn: {
    text: 'There is no tenant to sign in to.',
    advice: 'Choose a tenant under Settings, or see on the status page why it is not running.',
  },
  onboarding: {
    text: 'Phones can be neither announced nor off-boarded now.',
    advice: 'The status page says which parts are not running.',
  },
  lab: { text: 'The lab tenant is off.', advice: 'Choose the lab tenant under Settings.' },
  network: { text: 'The network cannot be read now.', advice: 'The status page says why.' },
  host: { text: 'The machine below the box cannot be asked now.', advice: 'The status page says why.' },
  provisioning: {
    text: 'The part that configures phones is not running.',
    advice: 'The status page says why, and how to mend it.',
  },
  counters: { text: 'Nothing is counted now.', advice: 'The status page says which parts are not running.' },
  bans: {
    text: 'The box shuts nobody out now.',
    advice: 'The SIP engine is not running, or its guard is switched off under Settings.',
  },
  traces: { text: 'The signalling cannot be read now.', advice: 'The status page says why.' },
  dect: { text: 'DECT is not running.', advice: 'The status page says why, and how to mend it.' },
}

/** The part, or PART_NOT_RUNNING with a sentence that names it. */
export function need<Name extends keyof ApiParts>(
  context: ApiContext,
  name: Name,
): NonNullable<ApiParts[Name]> {
  const part = context.parts[name]
  if (part) return part
  const { text, advice } = partNames[name]
  throw new ApplianceError('PART_NOT_RUNNING', { part: name }, { text, advice })
}

/**
 * Notes what the admin did. It is done by then: a store that refuses (a full disk) costs the note, which then
 * stands in the log, and never the login with which the admin would mend the box.
 */
export function audit(
  context: ApiContext,
  entry: { action: string; subject: string; details?: Record<string, unknown> },
): void {
  const { action, subject, details = {} } = entry
  try {
    need(context, 'store').audit.add({
      atMs: context.options.clock.nowMs(),
      actor: 'admin',
      action,
      subject,
      details,
    })
  } catch (error) {
    context.options.logger.error({ err: error, action, subject, details }, 'an audit entry was lost')
  }
}

/** The store's record, or NOT_FOUND with a sentence that says what is missing. */
export function found<Thing>(thing: Thing | undefined, noun: string, id: string): Thing {
  if (thing !== undefined) return thing
  throw new ApplianceError(
    'NOT_FOUND',
    { id },
    { text: `There is no such ${noun}; it may have been removed.` },
  )
}

/** True when at least one person is allowed to sign in on a phone. */
export function somebodyMaySignIn(store: ApiStore): boolean {
  return store.callingPolicies.list().some((policy) => policy.allowSipDevicesCalling)
}
