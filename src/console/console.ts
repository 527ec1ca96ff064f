import type { Clock } from '#src/base/clock.ts'
import { errorText } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import type { PartHealth } from '#src/model/health.ts'
import { PasswordGate } from './password-gate.ts'
import type { ByteStream, ConsoleBox } from './ports.ts'
import { Session } from './session.ts'

/** What the console needs besides the box. */
export interface ConsoleOptions {
  /** Devices, or `auto` for every serial port there is; empty = no console. */
  devices: readonly string[]
  box: ConsoleBox
  open: (path: string) => Promise<ByteStream>
  /** The ports of `auto`, asked again and again: an adapter may be plugged in later. */
  findPorts: () => Promise<string[]>
  report: (part: PartHealth) => void
  clock: Clock
  logger: Logger
}

const lookMs = 3_000
const firstPauseMs = 1_000
const maxPauseMs = 30_000
/** A line that held for so long was sound: its next failure is a new one. */
const soundMs = 10_000

/** The maintenance console on any number of lines, each for itself. */
export class Console {
  readonly #options: ConsoleOptions
  readonly #gate: PasswordGate
  /** Device -> why it is not open; undefined = it is. */
  readonly #lines = new Map<string, string | undefined>()

  constructor(options: ConsoleOptions) {
    this.#options = options
    this.#gate = new PasswordGate(options.clock)
  }

  /** Serves every line until `signal` aborts. Never rejects: a console that fails is not the box's trouble. */
  async run(signal: AbortSignal): Promise<void> {
    const { devices } = this.#options
    this.#report()
    const work = devices
      .filter((device) => device !== 'auto')
      .map((device) => this.#serve(device, signal, async () => true))
    if (devices.includes('auto')) work.push(this.#serveAll(signal))
    await Promise.all(work)
  }

  /** Looks for ports and serves each that is there. */
  async #serveAll(signal: AbortSignal): Promise<void> {
    const { findPorts, clock, logger, devices } = this.#options
    const served = new Map<string, Promise<void>>()
    while (!signal.aborted) {
      const ports = await findPorts().catch((error: unknown) => {
        logger.debug({ err: error }, 'the serial ports could not be listed')
        return []
      })
      for (const port of ports) {
        if (served.has(port) || devices.includes(port) || signal.aborted) continue
        const isThere = async (): Promise<boolean> => (await findPorts()).includes(port)
        served.set(
          port,
          this.#serve(port, signal, isThere).finally(() => served.delete(port)),
        )
      }
      await clock.sleep(lookMs, signal).catch(() => undefined)
    }
    await Promise.all(served.values())
  }

  /** Opens one line again and again as long as `isThere`. */
  async #serve(path: string, signal: AbortSignal, isThere: () => Promise<boolean>): Promise<void> {
    const { clock, logger } = this.#options
    let pauseMs = firstPauseMs
    let lastReason: string | undefined
    while (!signal.aborted) {
      const startedMs = clock.monotonicMs()
      const reason = await this.#serveOnce(path, signal)
      if (signal.aborted) break
      this.#set(path, reason)
      if (clock.monotonicMs() - startedMs >= soundMs) {
        pauseMs = firstPauseMs
        lastReason = undefined
      }
      // The same failure again and again is one story.
      if (reason === lastReason) logger.debug({ path, reason }, 'the console is still not open')
      else logger.info({ path, reason }, 'the console is not open, it is tried again')
      lastReason = reason
      await clock.sleep(pauseMs, signal).catch(() => undefined)
      pauseMs = Math.min(maxPauseMs, pauseMs * 2)
      if (!signal.aborted && !(await isThere().catch(() => false))) break
    }
    this.#lines.delete(path)
    if (!signal.aborted) this.#report()
  }

  /** From open to gone; returns the reason. */
  async #serveOnce(path: string, signal: AbortSignal): Promise<string> {
    const { open, box, clock, logger } = this.#options
    let stream
    try {
      stream = await open(path)
    } catch (error) {
      return errorText(error)
    }
    this.#set(path, undefined)
    logger.info({ path }, 'the console is open')
    const session = new Session({ stream, box, gate: this.#gate, clock, logger: logger.child({ path }) })
    return session.run(signal)
  }

  #set(path: string, reason: string | undefined): void {
    this.#lines.set(path, reason)
    this.#report()
  }

  /** Never worse than `off`: a box without a console does all that it is for. */
  #report(): void {
    const { report, devices } = this.#options
    const open = [...this.#lines].filter(([, reason]) => reason === undefined).map(([path]) => path)
    const waiting = [...this.#lines].flatMap(([path, reason]) =>
      reason === undefined ? [] : [`${path}: ${reason}`],
    )
    const part = { name: 'console', advice: undefined }
    if (open.length > 0) report({ ...part, state: 'ok', detail: `On ${open.join(', ')}, 115,200 baud 8N1.` })
    else if (devices.length === 0)
      report({ ...part, state: 'off', detail: 'There is none (--console none).' })
    else if (waiting.length > 0)
      report({ ...part, state: 'off', detail: `Waiting for ${waiting.join('; ')}.` })
    else report({ ...part, state: 'off', detail: 'No serial port was found yet.' })
  }
}
