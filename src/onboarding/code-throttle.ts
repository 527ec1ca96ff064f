import { secondsToMs, type Clock } from '#src/base/clock.ts'

interface Tries {
  wrong: number
  /** Until when this device is not listened to; monotonic ms. */
  blockedUntilMs: number
  lastMs: number
}

const freeTries = 5
const firstWaitMs = secondsToMs(60)
const longestWaitMs = secondsToMs(3600)
const forgetAfterMs = secondsToMs(24 * 3600)
const windowMs = secondsToMs(3600)
const wrongPerWindow = 100
const maxDevices = 5_000

/**
 * Makes guessing hopeless: after five wrong codes a device waits a minute, then twice as long up to an hour; all devices
 * together get a hundred wrong codes an hour. A code lives for a week and has 90 million values: one device can try
 * some 180 of them, the whole box 17,000.
 */
export class CodeThrottle {
  readonly #clock: Clock
  readonly #devices = new Map<string, Tries>()
  #window = { startMs: -Infinity, wrong: 0 }

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How long this device has to wait until its next try is looked at, ms; 0 = it may try now. */
  waitMs(deviceId: string): number {
    const nowMs = this.#clock.monotonicMs()
    const own = (this.#devices.get(deviceId)?.blockedUntilMs ?? 0) - nowMs
    const { startMs, wrong } = this.#window
    const common = wrong >= wrongPerWindow ? startMs + windowMs - nowMs : 0
    return Math.max(0, own, common)
  }

  noteWrong(deviceId: string): void {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#window.startMs >= windowMs) this.#window = { startMs: nowMs, wrong: 0 }
    this.#window.wrong++
    const known = this.#devices.get(deviceId)
    const wrong = (known && nowMs - known.lastMs < forgetAfterMs ? known.wrong : 0) + 1
    const waitMs = wrong < freeTries ? 0 : Math.min(longestWaitMs, firstWaitMs * 2 ** (wrong - freeTries))
    // Removed first, so that the oldest entry stands first.
    this.#devices.delete(deviceId)
    this.#devices.set(deviceId, { wrong, blockedUntilMs: nowMs + waitMs, lastMs: nowMs })
    if (this.#devices.size > maxDevices) {
      const oldest = this.#devices.keys().next()
      if (!oldest.done) this.#devices.delete(oldest.value)
    }
  }

  /** The right code was dialled: the device starts anew. */
  noteRight(deviceId: string): void {
    this.#devices.delete(deviceId)
  }
}
