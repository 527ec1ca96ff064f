import type { Timer } from '#src/base/clock.ts'
import { ApplianceError } from '#src/base/errors.ts'
import { needDevice, type DectContext } from './context.ts'
import type { Subscription, SubscriptionWindow } from './ports.ts'

const minDurationMs = 60_000
const maxDurationMs = 60 * 60_000

const markName = (serverId: string): string => `dect.window.${serverId}`

/**
 * Opens and closes windows. They live in memory and close by the clock. A mark in the store outlives the process, so
 * that a server whose configuration still says "allowed" when the box comes back is made to fetch it anew.
 */
export class SubscriptionWindows implements Subscription {
  readonly #context: DectContext
  readonly #open = new Map<string, { window: SubscriptionWindow; timer: Timer }>()

  constructor(context: DectContext) {
    this.#context = context
  }

  /** Closes what was open when the box last ended. */
  start(): void {
    const { store, events, logger } = this.#context
    for (const { id, kind } of store.devices.list()) {
      if (kind !== 'dect-server' || store.secrets.get(markName(id)) === undefined) continue
      logger.info({ deviceId: id }, 'a subscription window was open at the last end and is closed')
      events.emit('configurationChanged', { serverId: id })
      this.#removeMark(id)
    }
  }

  /** Stops the clock; what is open is closed by the next start. */
  stop(): void {
    for (const { timer } of this.#open.values()) timer.cancel()
    this.#open.clear()
  }

  open(serverId: string, durationMs: number): SubscriptionWindow {
    const { clock, store, events, logger } = this.#context
    needDevice(this.#context, serverId, 'dect-server')
    if (!(durationMs >= minDurationMs && durationMs <= maxDurationMs)) {
      throw new ApplianceError('INVALID', { durationMs }, { text: 'A window is open for 1 to 60 minutes.' })
    }
    store.secrets.set(markName(serverId), 'open')
    this.#open.get(serverId)?.timer.cancel()
    const openedAtMs = clock.nowMs()
    const window = { serverId, openedAtMs, closesAtMs: openedAtMs + durationMs }
    this.#open.set(serverId, { window, timer: clock.setTimer(durationMs, () => this.close(serverId)) })
    logger.info({ deviceId: serverId, durationMs }, 'a subscription window was opened')
    events.emit('configurationChanged', { serverId })
    events.emit('windowChanged', { serverId, window })
    return window
  }

  close(serverId: string): void {
    const entry = this.#open.get(serverId)
    if (!entry) return
    const { events, logger } = this.#context
    entry.timer.cancel()
    this.#open.delete(serverId)
    logger.info({ deviceId: serverId }, 'a subscription window was closed')
    events.emit('configurationChanged', { serverId })
    events.emit('windowChanged', { serverId, window: undefined })
    this.#removeMark(serverId)
  }

  find(serverId: string): SubscriptionWindow | undefined {
    return this.#open.get(serverId)?.window
  }

  #removeMark(serverId: string): void {
    try {
      this.#context.store.secrets.remove(markName(serverId))
    } catch (error) {
      // The window is closed; only the mark stays, and costs one fetch at the next start.
      this.#context.logger.error(
        { err: error, deviceId: serverId },
        'the mark of a window could not be removed',
      )
    }
  }
}
