import type { Clock } from '#src/base/clock.ts'
import type { LabCall } from '../teams-edge-port.ts'
import { LabCallEntry } from './lab-call.ts'

/** Ended calls that are kept. */
const maxEnded = 500

/** Going and ended calls; the oldest ended ones are forgotten. */
export class CallList {
  readonly #clock: Clock
  /** In the order of their start. */
  readonly #calls = new Map<string, LabCallEntry>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(start: Pick<LabCall, 'callId' | 'direction' | 'from' | 'to'>): LabCallEntry {
    const entry = new LabCallEntry(this.#clock, start)
    // A new attempt under the Call-ID of an ended one takes its place, at the front.
    this.#calls.delete(start.callId)
    this.#calls.set(start.callId, entry)
    this.#forget()
    return entry
  }

  /** The call that is going on under this id. */
  going(callId: string): LabCallEntry | undefined {
    const entry = this.#calls.get(callId)
    return entry?.ended ? undefined : entry
  }

  /** Everything going on. */
  allGoing(): LabCallEntry[] {
    return [...this.#calls.values()].filter((entry) => !entry.ended)
  }

  /** Latest first. */
  views(): LabCall[] {
    return [...this.#calls.values()].reverse().map((entry) => entry.view())
  }

  #forget(): void {
    let surplus = this.#calls.size - maxEnded
    for (const entry of this.#calls.values()) {
      if (surplus <= 0) return
      if (!entry.ended) continue
      this.#calls.delete(entry.callId)
      surplus--
    }
  }
}
