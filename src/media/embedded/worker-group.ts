import type { Clock, Timer } from '#src/base/clock.ts'
import { ApplianceError } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import { WorkerHost } from './worker-host.ts'

export interface WorkerGroupOptions {
  portMin: number
  portMax: number
  workers: number
  reuseDelayMs: number
  inactiveAfterMs: number
  clock: Clock
  logger: Logger
  /** Told of a death; returns the RTP ports of the calls that it ended. */
  onDeath: (host: WorkerHost) => number[]
  onInactive: (sessionId: string) => void
}

interface Slot {
  portMin: number
  portMax: number
  host: WorkerHost | undefined
  /** Deaths in a row, with little time between them. */
  deaths: number
  startedMs: number
  restingPorts: number[]
}

/** A worker that dies again and again is started at most this often. */
const slowestRestartMs = 10_000
/** A worker that ran for this long was a good one: its death counts as a first one. */
const provenAfterMs = 60_000

/** The relay workers, each with its own slice of the port range; a dead one is replaced. */
export class WorkerGroup {
  readonly #options: WorkerGroupOptions
  readonly #slots: Slot[]
  readonly #restarts = new Set<Timer>()
  #stopped = false

  constructor(options: WorkerGroupOptions) {
    this.#options = options
    this.#slots = slices(options.portMin, options.portMax, options.workers).map((slice) => ({
      ...slice,
      host: undefined,
      deaths: 0,
      startedMs: 0,
      restingPorts: [],
    }))
  }

  /** The workers that run now. */
  get hosts(): WorkerHost[] {
    return this.#slots.flatMap((slot) => slot.host ?? [])
  }

  /** Starts all; rejects when one does not start, with none left behind. */
  async start(): Promise<void> {
    try {
      await Promise.all(this.#slots.map((slot) => this.#startSlot(slot)))
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const timer of this.#restarts) timer.cancel()
    const hosts = this.hosts
    for (const slot of this.#slots) slot.host = undefined
    await Promise.all(hosts.map((host) => host.stop()))
  }

  async #startSlot(slot: Slot): Promise<void> {
    const { clock, logger, reuseDelayMs, inactiveAfterMs, onInactive } = this.#options
    const { portMin, portMax, restingPorts } = slot
    let ready = false
    const host: WorkerHost = new WorkerHost({
      settings: { portMin, portMax, restingPorts, reuseDelayMs, inactiveAfterMs },
      clock,
      logger: logger.child({ portMin, portMax }),
      onInactive,
      onDeath: () => {
        if (!ready) return
        slot.host = undefined
        // Phones send until their BYE has reached them, and what they send must not open the next call's latch.
        slot.restingPorts = this.#options.onDeath(host)
        if (clock.monotonicMs() - slot.startedMs >= provenAfterMs) slot.deaths = 0
        this.#restart(slot)
      },
    })
    await host.start()
    ready = true
    slot.startedMs = clock.monotonicMs()
    if (this.#stopped) await host.stop()
    else slot.host = host
  }

  #restart(slot: Slot): void {
    if (this.#stopped) return
    // The first death is mended at once; one after the other costs ever more time.
    const delayMs = slot.deaths === 0 ? 0 : Math.min(100 * 2 ** slot.deaths, slowestRestartMs)
    slot.deaths++
    const timer = this.#options.clock.setTimer(delayMs, () => {
      this.#restarts.delete(timer)
      this.#startSlot(slot).then(
        () =>
          this.#options.logger.warn({ portMin: slot.portMin, deaths: slot.deaths }, 'media worker replaced'),
        (error: unknown) => {
          this.#options.logger.error({ err: error, code: 'MEDIA_FAILED' }, 'no media worker starts')
          this.#restart(slot)
        },
      )
    })
    this.#restarts.add(timer)
  }
}

/** Cuts the range into even-sized slices of whole pairs. */
function slices(portMin: number, portMax: number, workers: number): { portMin: number; portMax: number }[] {
  const first = portMin + (portMin & 1)
  const pairs = Math.floor((portMax - first + 1) / 2)
  if (pairs < 2 || first < 1 || portMax > 65_535) {
    throw new ApplianceError('CONFIG_INVALID', { field: 'media.portMin', portMin, portMax })
  }
  const count = Math.max(1, Math.min(workers, Math.floor(pairs / 2)))
  return Array.from({ length: count }, (_, index) => ({
    portMin: first + 2 * Math.floor((pairs * index) / count),
    portMax: first + 2 * Math.floor((pairs * (index + 1)) / count) - 1,
  }))
}
