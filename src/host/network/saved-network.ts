import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { Value } from 'typebox/value'
import { ApplianceError } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import { prepareDataDir, syncDirectory } from '#src/store/data-dir.ts'
import type { NetworkConfiguration } from './ports.ts'
import { networkConfiguration } from './schema.ts'

const maxBytes = 4_096

/**
 * The confirmed configuration, as a file of its own in the data directory: a box whose database is damaged must be
 * reached for mending at the address that people know. Beside it, a mark says that a trial has not ended.
 */
export class SavedNetwork {
  readonly #folder: string
  readonly #file: string
  readonly #mark: string
  readonly #logger: Logger
  /** What cannot be read is said once, not each time that somebody looks. */
  #complained = false

  constructor(needs: { dataDir: string; logger: Logger }) {
    this.#folder = needs.dataDir
    this.#file = join(needs.dataDir, 'network.json')
    this.#mark = join(needs.dataDir, 'network-trial.json')
    this.#logger = needs.logger
  }

  /** The confirmed configuration; undefined when there is none, or none that can be read (then the log says so). */
  read(): NetworkConfiguration | undefined {
    if (!existsSync(this.#file)) return undefined
    try {
      const value: unknown = JSON.parse(readFileSync(this.#file, 'utf8').slice(0, maxBytes))
      if (Value.Check(networkConfiguration, value)) return value
      this.#complain(undefined)
    } catch (error) {
      this.#complain(error)
    }
    return undefined
  }

  #complain(error: unknown): void {
    if (this.#complained) return
    this.#complained = true
    const text = 'the kept network settings cannot be used and are left out'
    this.#logger.error({ ...(error === undefined ? {} : { err: error }), file: this.#file }, text)
  }

  /** Keeps a configuration; on disk when it returns. Throws STORE_FAILED and has changed nothing. */
  save(configuration: NetworkConfiguration): void {
    try {
      this.#write(this.#file, JSON.stringify(configuration))
    } catch (error) {
      throw new ApplianceError(
        'STORE_FAILED',
        { file: this.#file },
        { cause: error, text: 'The network settings could not be kept: the disk did not take them.' },
      )
    }
  }

  /** True when a process ended in the middle of a trial. */
  get marked(): boolean {
    return existsSync(this.#mark)
  }

  /** A trial begins. A full disk costs the note and not the trial: the next boot of the machine ends it as well. */
  mark(configuration: NetworkConfiguration): void {
    try {
      this.#write(this.#mark, JSON.stringify(configuration))
    } catch (error) {
      this.#logger.warn({ err: error }, 'the trial of the network could not be noted')
    }
  }

  unmark(): void {
    try {
      rmSync(this.#mark, { force: true })
    } catch (error) {
      this.#logger.warn({ err: error }, 'the note of the trial could not be removed')
    }
  }

  #write(path: string, text: string): void {
    prepareDataDir(this.#folder)
    const temporary = `${path}.new`
    rmSync(temporary, { force: true })
    const handle = openSync(temporary, 'wx', 0o600)
    try {
      writeSync(handle, `${text}\n`)
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
    renameSync(temporary, path)
    syncDirectory(this.#folder)
  }
}
