import { errorText } from '#src/base/errors.ts'
import type { Clock, Timer } from '#src/base/clock.ts'
import type { Logger } from '#src/base/logger.ts'

/** How often it is looked whether there is something to do. */
const lookEveryMs = 3_600_000
/** A copy older than this is followed by a new one. */
const backupEveryMs = 86_400_000

/** What the store does by itself, once a day. */
export interface HousekeepingTasks {
  /** When the latest backup copy was made; undefined = never. */
  lastBackupAtMs(): number | undefined
  backup(): Promise<string>
  /** Bounds the logs. */
  prune(): void
}

/** Runs the daily tasks on the box's clock: an hour after start at the latest, then day by day. */
export class Housekeeping {
  readonly #tasks: HousekeepingTasks
  readonly #clock: Clock
  readonly #logger: Logger
  #timer: Timer | undefined
  #running: Promise<void> | undefined
  #stopped = false

  constructor(tasks: HousekeepingTasks, clock: Clock, logger: Logger) {
    this.#tasks = tasks
    this.#clock = clock
    this.#logger = logger
  }

  start(): void {
    this.#timer = this.#clock.setTimer(lookEveryMs, () => {
      this.#running ??= this.#look().finally(() => (this.#running = undefined))
      if (!this.#stopped) this.start()
    })
  }

  /** Stops looking; resolves when a running backup is done, after one last copy if none was made today. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#running
    await this.#look()
  }

  async #look(): Promise<void> {
    const lastMs = this.#tasks.lastBackupAtMs()
    if (lastMs !== undefined && Math.abs(this.#clock.nowMs() - lastMs) < backupEveryMs) return
    try {
      this.#tasks.prune()
      const path = await this.#tasks.backup()
      this.#logger.info({ path }, 'backup copy made')
    } catch (error) {
      this.#logger.warn({ reason: errorText(error) }, 'the backup copy was not made')
    }
  }
}
