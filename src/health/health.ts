import type { Clock } from '#src/base/clock.ts'
import { EventSource, type Events } from '#src/base/events.ts'
import type { Logger } from '#src/base/logger.ts'
import type { PartHealth } from '#src/model/health.ts'

/** Facts that the health of the box tells. */
export interface HealthEvents {
  /** A part's state, detail or advice is another than before. */
  changed: HealthChange
}

/** How a part is now, and since when. */
export interface HealthChange {
  part: PartHealth
  /** State before; undefined when the part reports for the first time. */
  before: PartHealth['state'] | undefined
  atMs: number
}

/** Where every part of the box says how it is; the page and the console read it. */
export interface Health extends Events<HealthEvents> {
  report(part: PartHealth): void
  /** Every part in the order of its first report. */
  parts(): PartHealth[]
}

/** Makes the box's health, empty. */
export function createHealth({ clock, logger }: { clock: Clock; logger: Logger }): Health {
  const parts = new Map<string, PartHealth>()
  const events = new EventSource<HealthEvents>(logger)

  return {
    on: (name, listener) => events.on(name, listener),
    parts: () => [...parts.values()],
    report(part) {
      const last = parts.get(part.name)
      if (last && sameHealth(last, part)) return
      const kept = Object.freeze({ ...part })
      parts.set(part.name, kept)
      if (last?.state !== part.state) {
        logger.debug({ part: part.name, state: part.state, before: last?.state }, 'a part changed its state')
      }
      events.emit('changed', { part: kept, before: last?.state, atMs: clock.nowMs() })
    },
  }
}

function sameHealth(a: PartHealth, b: PartHealth): boolean {
  return a.state === b.state && a.detail === b.detail && a.advice === b.advice
}
