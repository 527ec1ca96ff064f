/** A timer that can be stopped; stopping twice or after it fired does nothing. */
export interface Timer {
  cancel(): void
}

/** Time as the box sees it. Everything that waits or stamps takes a Clock, so tests run on a fake one. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch; may jump. For records and expiries that survive a restart. */
  nowMs(): number
  /** Monotonic milliseconds since an arbitrary start; never jumps. For durations. */
  monotonicMs(): number
  /** Calls back once after `delayMs`; delays beyond 2^31-1 ms are clamped to it. */
  setTimer(delayMs: number, callback: () => void): Timer
  /** Resolves after `delayMs`, or rejects with the signal's reason when it is aborted first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>
}

const maxTimerMs = 2 ** 31 - 1

/** Sleeps on any clock; shared by the system clock and the fake clock of the tests. */
export function sleepOn(
  clock: Pick<Clock, 'setTimer'>,
  delayMs: number,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error)
      return
    }
    const onAbort = (): void => {
      timer.cancel()
      reject(signal?.reason as Error)
    }
    const timer = clock.setTimer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** The machine's own clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs, callback) {
    const handle = setTimeout(callback, Math.min(Math.max(0, delayMs), maxTimerMs))
    return { cancel: () => clearTimeout(handle) }
  },
  sleep: (delayMs, signal) => sleepOn(systemClock, delayMs, signal),
}

/** Converts the seconds that protocols carry to the milliseconds that we count in. */
export function secondsToMs(seconds: number): number {
  return seconds * 1000
}
