import type { Clock, Timer } from '#src/base/clock.ts'
import type { Lifetime } from '#src/base/lifetime.ts'

/** A change rarely comes alone: a sign-in, a new label and a policy are one fetch. */
const gatherMs = 2_000
/** A change of a setting concerns every phone; they are told one after the other. */
const gapMs = 50

/** Resolves when the work is done, or at once when the room stops: a silent phone must not hold up the end of the box. */
export async function orStopped(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const stopped = Promise.withResolvers<void>()
  const onAbort = (): void => stopped.resolve()
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  await Promise.race([work, stopped.promise])
  signal.removeEventListener('abort', onAbort)
}

/** Tells devices, each once per burst of changes and one after the other, that they have something to fetch. */
export class SyncQueue {
  readonly #clock: Clock
  readonly #lifetime: Lifetime
  readonly #tell: (deviceId: string) => Promise<void>
  /** Devices that wait for the burst to end. */
  readonly #gathering = new Map<string, Timer>()
  readonly #due = new Set<string>()
  #telling = false

  constructor(needs: { clock: Clock; lifetime: Lifetime; tell(deviceId: string): Promise<void> }) {
    this.#clock = needs.clock
    this.#lifetime = needs.lifetime
    this.#tell = (deviceId) => needs.tell(deviceId)
    needs.lifetime.own('gathered changes', () => {
      for (const timer of this.#gathering.values()) timer.cancel()
      this.#gathering.clear()
    })
  }

  /** The first change of a burst starts the clock, so that a device which changes all the time is told too. */
  changed(deviceId: string): void {
    if (this.#gathering.has(deviceId) || this.#lifetime.signal.aborted) return
    const timer = this.#clock.setTimer(gatherMs, () => {
      this.#gathering.delete(deviceId)
      this.#due.add(deviceId)
      if (this.#telling) return
      this.#telling = true
      this.#lifetime.run('tell devices', (signal) => this.#tellAll(signal))
    })
    this.#gathering.set(deviceId, timer)
  }

  async #tellAll(signal: AbortSignal): Promise<void> {
    try {
      for (const deviceId of this.#due) {
        this.#due.delete(deviceId)
        // Not waited for: a phone that is gone takes half a minute to be given up.
        this.#lifetime.run('tell a device', (end) => orStopped(this.#tell(deviceId), end))
        await this.#clock.sleep(gapMs, signal)
      }
    } finally {
      this.#telling = false
    }
  }
}
