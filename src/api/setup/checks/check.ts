import type { Clock } from '#src/base/clock.ts'
import type { CheckView } from '../../schema/setup.ts'

/** What a check found out; the runner adds its name and the time. */
export type Finding = Pick<CheckView, 'state' | 'text'> & {
  advice?: string
  parts?: CheckView['parts']
}

/** Runs `work` with a signal that is aborted after `limitMs` or with `outer`; the limit counts as no answer. */
export async function withinMs<T>(
  clock: Clock,
  limitMs: number,
  outer: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = new AbortController()
  const timer = clock.setTimer(limitMs, () =>
    own.abort(new DOMException('no answer in time', 'TimeoutError')),
  )
  try {
    return await work(AbortSignal.any([outer, own.signal]))
  } finally {
    timer.cancel()
  }
}
