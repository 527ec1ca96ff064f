import type { OverloadOptions } from './options.ts'

/** What was measured since the last step. */
export interface LoadSample {
  /** Share of the time in which the event loop was busy, 0..1. */
  busy: number
  delayMs: number
  /** Requests outside dialogs per second. */
  newPerSecond: number
}

/** How much new work is refused. */
export interface LoadState {
  /** Share of the new calls and other requests that is refused, 0..1. */
  refuseCalls: number
  refuseRegisters: number
  /** True from the first refusal until nothing was refused for a while. */
  overloaded: boolean
  /** Since when the load has been too high, or `undefined`. Monotonic ms. */
  highSinceMs: number | undefined
  /** Since when nothing has been refused, or `undefined`. Monotonic ms. */
  calmSinceMs: number | undefined
}

/** Nothing is refused. */
export const atEase: LoadState = {
  refuseCalls: 0,
  refuseRegisters: 0,
  overloaded: false,
  highSinceMs: undefined,
  calmSinceMs: undefined,
}

/** Even then a little is let through: whether the load is gone shows only when something is tried (RFC 6357 5.1). */
const mostRefused = 0.98
/** Part of what is let through that stays so after a step under too much load. */
const closeFactor = 0.6
/** What more is let through after a step without. */
const openStep = 0.05
/** Between this part of a limit and the limit itself everything stays as it is. */
const slack = 0.85

type Limits = Pick<
  OverloadOptions,
  'busyLimit' | 'registerBusyLimit' | 'delayLimitMs' | 'floorPerSecond' | 'beginAfterMs' | 'endAfterMs'
>

/**
 * Next state of the overload control; pure. What is let through shrinks by a factor while the load is too high and
 * grows by a small step while it is clearly below, as in TCP: that settles instead of swinging (RFC 6357 5.2).
 */
export function stepLoad(state: LoadState, sample: LoadSample, limits: Limits, nowMs: number): LoadState {
  const calls = judge(sample, limits.busyLimit, limits)
  const registers = judge(sample, limits.registerBusyLimit, limits)
  const high = calls === 'high' || registers === 'high'
  const highSinceMs = high ? (state.highSinceMs ?? nowMs) : undefined
  const lasting = highSinceMs !== undefined && nowMs - highSinceMs >= limits.beginAfterMs
  const refuseCalls = nextShare(state.refuseCalls, calls, lasting || state.overloaded)
  const refuseRegisters = nextShare(state.refuseRegisters, registers, lasting || state.overloaded)
  const refusing = refuseCalls > 0 || refuseRegisters > 0
  const calmSinceMs = refusing || high ? undefined : (state.calmSinceMs ?? nowMs)
  const over = calmSinceMs !== undefined && nowMs - calmSinceMs >= limits.endAfterMs
  return {
    refuseCalls,
    refuseRegisters,
    overloaded: refusing || (state.overloaded && !over),
    highSinceMs,
    calmSinceMs,
  }
}

type Verdict = 'high' | 'between' | 'low'

function judge(sample: LoadSample, busyLimit: number, limits: Limits): Verdict {
  if (sample.newPerSecond < limits.floorPerSecond) return 'low'
  if (sample.busy > busyLimit || sample.delayMs > limits.delayLimitMs) return 'high'
  return sample.busy > busyLimit * slack || sample.delayMs > limits.delayLimitMs * slack ? 'between' : 'low'
}

function nextShare(share: number, verdict: Verdict, mayClose: boolean): number {
  if (verdict === 'between') return share
  if (verdict === 'high') return mayClose ? Math.min(mostRefused, 1 - (1 - share) * closeFactor) : share
  const less = share - openStep
  return less > 0.001 ? less : 0
}
