import { secondsToMs, type Clock } from '#src/base/clock.ts'
import type { Random } from '#src/base/random.ts'
import type { Enrolment } from '#src/model/enrolment.ts'
import type { EnrolmentState } from './ports.ts'

/** Eight digits: a person dials them without a mistake, and with `CodeThrottle` nobody guesses them. */
const codeLength = 8

/**
 * A week: long enough to announce phones before the fitters come, short enough that a forgotten list is worth nothing.
 * Teams allows its bulk sign-in up to 168 hours as well.
 */
export const codeLifeMs = secondsToMs(7 * 24 * 3600)

/** Draws a code that none of `taken` has. It never starts with 0: spreadsheets would drop that. */
export function drawCode(random: Random, taken: ReadonlySet<string>): string {
  for (;;) {
    const code = random.digits(codeLength)
    if (!code.startsWith('0') && !taken.has(code)) return code
  }
}

/** How an announced device stands now. */
export function enrolmentState(enrolment: Enrolment, clock: Clock): EnrolmentState {
  if (enrolment.usedAtMs !== undefined) return 'enrolled'
  return enrolment.expiresAtMs <= clock.nowMs() ? 'expired' : 'waiting'
}
