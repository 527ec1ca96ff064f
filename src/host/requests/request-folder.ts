import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
} from 'node:fs'
import { rmSync, watch, writeSync, type FSWatcher } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '#src/base/clock.ts'
import { ApplianceError } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'

/** Names of the requests, as the root side knows them. */
export type RequestName = 'reboot' | 'factory-reset' | 'network' | 'time' | 'bans'

/** How long the root side may take before the box gives up. DHCP is not waited for, the machine's own work is. */
const limitMs: Record<RequestName, number> = {
  reboot: 15_000,
  'factory-reset': 15_000,
  network: 30_000,
  time: 15_000,
  bans: 15_000,
}
/** Beside the notice of the file system, which some file systems do not give. */
const pollMs = 250
const maxResultBytes = 4_096

/**
 * The folder in which the box, which has no rights of its own, asks the root service of its image: one JSON file
 * per request, `<name>.json`, appearing whole; the answer is `<name>.result.json`. Requests of one name go one
 * after the other.
 */
export class RequestFolder {
  readonly #folder: string
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #turns = new Map<RequestName, Promise<void>>()

  constructor(needs: { folder: string; clock: Clock; logger: Logger }) {
    this.#folder = needs.folder
    this.#clock = needs.clock
    this.#logger = needs.logger
  }

  /**
   * Asks and waits for the answer; rejects with HOST_FAILED and the host's sentence, or ours when it is silent or
   * `signal` ends the wait. What was asked may be done all the same then.
   */
  ask(name: RequestName, request: Record<string, unknown>, signal?: AbortSignal): Promise<void> {
    const turn = (this.#turns.get(name) ?? Promise.resolve()).then(() => this.#ask(name, request, signal))
    this.#turns.set(
      name,
      turn.catch(() => undefined),
    )
    return turn
  }

  async #ask(name: RequestName, request: Record<string, unknown>, signal?: AbortSignal): Promise<void> {
    const resultPath = join(this.#folder, `${name}.result.json`)
    const requestPath = join(this.#folder, `${name}.json`)
    const { notice, stop } = this.#watch()
    try {
      // An answer that came too late for the request before must not be taken for the answer to this one.
      rmSync(resultPath, { force: true })
      this.#write(name, requestPath, JSON.stringify(request))
      this.#logger.info({ request: name }, 'asked the host')
      const endMs = this.#clock.monotonicMs() + limitMs[name]
      for (;;) {
        const result = readResult(resultPath)
        if (result) {
          rmSync(resultPath, { force: true })
          return this.#judge(name, result)
        }
        if (this.#clock.monotonicMs() >= endMs) return this.#giveUp(name, requestPath)
        if (signal?.aborted) throw new ApplianceError('HOST_FAILED', { request: name }, { text: notWaited })
        await Promise.race([notice(), this.#pause(signal)])
      }
    } catch (error) {
      if (error instanceof ApplianceError) throw error
      throw new ApplianceError(
        'HOST_FAILED',
        { request: name },
        { cause: error, text: 'The request to the machine could not be written.', advice: tryAgain },
      )
    } finally {
      stop()
    }
  }

  #write(name: RequestName, path: string, text: string): void {
    const temporary = join(this.#folder, `.${name}.new`)
    rmSync(temporary, { force: true })
    const handle = openSync(temporary, 'wx', 0o600)
    try {
      writeSync(handle, text)
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
    renameSync(temporary, path)
  }

  #judge(name: RequestName, result: Result): void {
    if (result.ok) {
      this.#logger.info({ request: name }, 'the host did what was asked')
      return
    }
    this.#logger.warn({ request: name, error: result.error }, 'the host refused')
    // The root side takes back what it could not do to the end.
    throw new ApplianceError('HOST_FAILED', { request: name, untouched: true }, { text: result.error })
  }

  #giveUp(name: RequestName, requestPath: string): never {
    const untaken = existsSync(requestPath)
    // Not to be done minutes later, when nobody expects it any more.
    rmSync(requestPath, { force: true })
    const seconds = limitMs[name] / 1000
    throw new ApplianceError(
      'HOST_FAILED',
      { request: name, untouched: untaken },
      {
        text: untaken
          ? `The machine did not take the request within ${seconds} seconds.`
          : `The machine took the request and did not answer within ${seconds} seconds.`,
        advice: tryAgain,
      },
    )
  }

  #pause(signal: AbortSignal | undefined): Promise<void> {
    return this.#clock.sleep(pollMs, signal).catch(() => undefined)
  }

  /** `notice` resolves with the next change in the folder, or never where the file system gives no notice. */
  #watch(): { notice: () => Promise<void>; stop: () => void } {
    let wake = (): void => undefined
    let watcher: FSWatcher | undefined
    try {
      watcher = watch(this.#folder, () => wake())
      watcher.on('error', () => watcher?.close())
    } catch (error) {
      this.#logger.debug({ err: error }, 'no notice of the request folder, it is looked at instead')
    }
    return {
      notice: () => new Promise((resolve) => (wake = resolve)),
      stop: () => watcher?.close(),
    }
  }
}

const notWaited = 'The box is stopping and does not wait for the answer of the machine.'
const tryAgain = 'Try again; if it stays like this, switch the box off and on.'

type Result = { ok: true } | { ok: false; error: string }

/** The answer, or undefined while there is none; one that cannot be read is a refusal. */
function readResult(path: string): Result | undefined {
  let handle
  try {
    handle = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    const bytes = Buffer.alloc(maxResultBytes + 1)
    const length = fstatSync(handle).isFile() ? readSync(handle, bytes, 0, bytes.length, 0) : 0
    return parseResult(bytes.toString('utf8', 0, length), length)
  } finally {
    closeSync(handle)
  }
}

function parseResult(text: string, length: number): Result {
  const unreadable: Result = { ok: false, error: 'The machine gave an answer that cannot be read.' }
  if (length === 0 || length > maxResultBytes) return unreadable
  try {
    const { ok, error } = JSON.parse(text) as { ok?: unknown; error?: unknown }
    if (ok === true) return { ok }
    return typeof error === 'string' && error !== '' ? { ok: false, error } : unreadable
  } catch {
    return unreadable
  }
}
