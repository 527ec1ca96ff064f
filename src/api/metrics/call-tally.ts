import type { EventHub } from '../event-hub.ts'
import type { CallView } from '../schema/calls.ts'

/** Calls that ended, by cause, since the box started. Causes come from one table, so there are not many. */
export class CallTally {
  readonly byCause = new Map<string, number>()
  talkedMs = 0

  /** Listens as long as the API lives. */
  constructor(events: EventHub) {
    events.hear((name, fact) => {
      if (name === 'callEnded') this.#count(fact as CallView)
    })
  }

  #count({ cause, answeredAtMs, endedAtMs }: CallView): void {
    this.byCause.set(cause, (this.byCause.get(cause) ?? 0) + 1)
    if (answeredAtMs !== null) this.talkedMs += Math.max(0, endedAtMs - answeredAtMs)
  }
}
