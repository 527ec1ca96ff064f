import type { PartHealth } from '#src/model/health.ts'

/** A thing that can be wrong with a part that runs, as data: what to say and what to do. */
export interface Warning<Facts> {
  /** Stable; stands in logs and documents. */
  code: string
  title: string
  severity: 'low' | 'medium' | 'high'
  /** One sentence, with the figures. */
  text: (facts: Facts) => string
  /** How to mend it. */
  advice: string
}

/** More new calls and registrations come than the box can serve. */
export const sipOverloaded: Warning<{ refused: number }> = {
  code: 'SIP_OVERLOADED',
  title: 'More signalling than the box can serve',
  severity: 'medium',
  text: ({ refused }) =>
    `More new calls and registrations come than the box can serve; ${refused === 0 ? 'some are' : `${refused} were`} sent away for a while. Calls that are up go on.`,
  advice:
    'After a power cut this passes within a minute or two. If it stays, look under Settings who is shut out, and whether one device sends far more than the others.',
}

/** A part that runs with something wrong. */
export function degradedBy<Facts>(name: string, warning: Warning<Facts>, facts: Facts): PartHealth {
  return {
    name,
    state: 'degraded',
    detail: `${warning.text(facts)} (${warning.code})`,
    advice: warning.advice,
  }
}
