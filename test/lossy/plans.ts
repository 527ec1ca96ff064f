import type { LossyRun } from './run-lossy.ts'

/** One line of the table: a path, and what may become of calls over it. */
export interface LossyPlan {
  name: string
  run: LossyRun
  /** The outcomes that the caller may see; the first is what nearly all of them must be. */
  outcomes: RegExp[]
}

/** The paths that calls are shown over; `t1Ms` shortens or keeps RFC 3261's timers on both sides alike. */
export function lossyPlans(options: {
  t1Ms: number
  calls: number
  rate: number
  seed: number
}): LossyPlan[] {
  const { t1Ms, calls, rate, seed } = options
  const holdMs = { least: t1Ms / 5, most: t1Ms }
  const talkMs = 4 * t1Ms
  const lossy = (drop: number) => ({ drop, duplicate: 0.05, reorder: 0.1, holdMs })
  const base = { seed, calls, rate, t1Ms, talkMs, callee: 'bob', acknowledges: true } as const
  const ends = [/^completed$/, /^ended elsewhere$/, /^refused (?:408|503)$/]
  const few = Math.max(5, Math.floor(calls / 6))
  return [
    { name: '1 % lost', run: { ...base, impairment: lossy(0.01) }, outcomes: ends },
    { name: '5 % lost', run: { ...base, impairment: lossy(0.05) }, outcomes: ends },
    { name: '20 % lost', run: { ...base, impairment: lossy(0.2) }, outcomes: ends },
    {
      name: 'nothing lost, all twice and out of order',
      run: { ...base, impairment: { drop: 0, duplicate: 0.5, reorder: 0.5, holdMs } },
      outcomes: ends,
    },
    {
      name: 'callee never heard from',
      run: { ...base, calls: few, callee: 'nobody', impairment: lossy(0.05) },
      outcomes: [/^refused 408$/],
    },
    {
      name: 'caller never acknowledges',
      run: { ...base, calls: few, acknowledges: false, impairment: lossy(0.05) },
      outcomes: [/^given up by BYE Reason: SIP;cause=408;text="ACK timeout"$/],
    },
  ]
}
