import type { Clock } from '#src/base/clock.ts'
import { errorText } from '#src/base/errors.ts'
import { CancelReason, SipFailure } from '../sip-port.ts'
import { bestResponse } from './best-response.ts'

/** RFC 3326 and the mission's words: what the phones that stop ringing are told. */
export const answeredElsewhere = 'SIP;cause=200;text="Call completed elsewhere"'

/** One party of a fork. `Answer` is whatever a 2xx yields (a dialog and its media). */
export interface Branch<Answer> {
  name: string
  /**
   * Rings the party. Resolves at its answer, rejects with SipFailure for any other final response. After the
   * signal was aborted it must settle soon and release by itself whatever it still gets.
   */
  ring(events: BranchEvents, signal: AbortSignal): Promise<Answer>
  /** Gives an answer back that came after another branch had won: BYE. */
  release(answer: Answer): void
}

export interface BranchEvents {
  /** 180, or any other provisional response that means somebody is told about the call. */
  ringing: () => void
  /** A provisional response with a session description. */
  earlyMedia: (sdp: string) => void
}

/** Events that remember whether anything was told. */
export interface WatchedEvents {
  readonly events: BranchEvents
  readonly told: boolean
}

/** Passes events on and remembers it: once somebody heard of a call, no other way is tried behind his back. */
export function watched(events: BranchEvents): WatchedEvents {
  let told = false
  return {
    events: {
      ringing: () => {
        told = true
        events.ringing()
      },
      earlyMedia: (sdp) => {
        told = true
        events.earlyMedia(sdp)
      },
    },
    get told() {
      return told
    },
  }
}

export type ForkResult<Answer> =
  | { kind: 'answered'; name: string; answer: Answer }
  | { kind: 'noAnswer' }
  /** The caller gave up, or the call was ended from outside. */
  | { kind: 'stopped' }
  | { kind: 'failed'; name: string; failure: SipFailure }

interface BranchRun {
  abort: AbortController
  settled: boolean
  rang: boolean
}

/**
 * Rings all branches at once. The first answer wins and the others are cancelled; a 6xx of a party that rang
 * ends the search (RFC 3261 16.7 step 5): a person declined for all of his devices, as in Teams. A 6xx without
 * ringing is a device's own doing (many phones answer 603 or 600 while their do-not-disturb key is on) and concerns
 * that device only. When all have refused, the best refusal is the result. Never rejects for what a
 * branch does; resolves as soon as the outcome is known, the losers are wound up in the background.
 */
export function ringBranches<Answer>(
  branches: readonly Branch<Answer>[],
  context: {
    clock: Clock
    ringTimeoutMs: number
    /** Aborted when the caller gives up. */
    signal: AbortSignal
    onRinging: () => void
    /** Only called in a call with one branch: two early streams cannot be mixed into one answer. */
    onEarlyMedia: (sdp: string) => void
    onLateAnswer: (name: string) => void
  },
): Promise<ForkResult<Answer>> {
  return new Promise((resolve) => {
    const runs: BranchRun[] = branches.map(() => ({
      abort: new AbortController(),
      settled: false,
      rang: false,
    }))
    const failures: { status: number; name: string; failure: SipFailure }[] = []
    let decided = false

    const decide = (result: ForkResult<Answer>, reason: CancelReason): void => {
      if (decided) return
      decided = true
      timer.cancel()
      context.signal.removeEventListener('abort', onStop)
      for (const run of runs) if (!run.settled) run.abort.abort(reason)
      resolve(result)
    }
    const onStop = (): void => {
      const reason: unknown = context.signal.reason
      decide({ kind: 'stopped' }, reason instanceof CancelReason ? reason : new CancelReason('stopped'))
    }
    const timer = context.clock.setTimer(context.ringTimeoutMs, () =>
      decide({ kind: 'noAnswer' }, new CancelReason('no answer', 'Q.850;cause=19;text="No answer"')),
    )
    const onFailure = (branch: Branch<Answer>, rang: boolean, error: unknown): void => {
      // A branch promises to reject with SipFailure; anything else is our own defect and counts as a 500.
      const failure = error instanceof SipFailure ? error : new SipFailure(500, errorText(error))
      failures.push({ status: failure.status, name: branch.name, failure })
      const over = (failure.status >= 600 && rang) || failures.length === branches.length
      const best = bestResponse(failures)
      if (over && best) {
        decide({ kind: 'failed', name: best.name, failure: best.failure }, new CancelReason('declined'))
      }
    }

    if (context.signal.aborted) {
      onStop()
      return
    }
    context.signal.addEventListener('abort', onStop, { once: true })
    branches.forEach((branch, index) => {
      const run = runs[index] as BranchRun
      const events: BranchEvents = {
        ringing: () => {
          run.rang = true
          if (!decided) context.onRinging()
        },
        earlyMedia: (sdp) => {
          run.rang = true
          if (decided) return
          if (branches.length === 1) context.onEarlyMedia(sdp)
          else context.onRinging()
        },
      }
      branch.ring(events, run.abort.signal).then(
        (answer) => {
          run.settled = true
          if (decided) {
            context.onLateAnswer(branch.name)
            branch.release(answer)
            return
          }
          decide(
            { kind: 'answered', name: branch.name, answer },
            new CancelReason('answered elsewhere', answeredElsewhere),
          )
        },
        (error: unknown) => {
          run.settled = true
          if (!decided) onFailure(branch, run.rang, error)
        },
      )
    })
  })
}
