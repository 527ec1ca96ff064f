import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { refuse, type Outcome } from './machine.ts'
import type { RequestName } from './requests.ts'

/** More than any request needs. */
const maxRequestBytes = 16_384

/** A request as it lay in the folder: its bytes, or why it was not taken; undefined = there is none. */
export type Taken = { ok: true; bytes: Buffer } | { ok: false; error: string } | undefined

/**
 * The folder in which the box asks. The box owns it and may put anything there, a link to a secret or a pipe that
 * never ends: so the folder is held open and every name is reached through it, and only plain small files are read.
 */
export class RequestFolder implements Disposable {
  readonly #handle: number

  private constructor(handle: number) {
    this.#handle = handle
  }

  /** Opens the folder; throws (ENOENT, ELOOP, ENOTDIR) when it is not a real one. */
  static open(path: string): RequestFolder {
    return new RequestFolder(
      openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW),
    )
  }

  /** Takes a request out of the folder. It is gone afterwards, whatever it was. */
  take(name: RequestName): Taken {
    const path = this.#path(`${name}.json`)
    let handle
    try {
      handle = openSync(
        path,
        constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY,
      )
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      this.#discard(path, name)
      return refuse('The request is not a plain file.')
    }
    try {
      const taken = readWhole(handle)
      this.#discard(path, name)
      return taken
    } finally {
      closeSync(handle)
    }
  }

  /** Puts the answer into the folder, whole, readable for the box. */
  answer(name: RequestName, outcome: Outcome): void {
    const temporary = this.#path(`.${name}.result.new`)
    this.#clear(temporary)
    // Made, not opened: what the box may have put in this place is never written through.
    const handle = openSync(
      temporary,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      0o644,
    )
    try {
      writeSync(handle, `${JSON.stringify(outcome)}\n`)
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
    const result = this.#path(`${name}.result.json`)
    this.#clear(result)
    renameSync(temporary, result)
  }

  [Symbol.dispose](): void {
    closeSync(this.#handle)
  }

  #path(name: string): string {
    return `/proc/self/fd/${this.#handle}/${name}`
  }

  /** A folder in place of a request cannot be unlinked; left where it is, it would wake the root side for ever. */
  #discard(path: string, name: RequestName): void {
    try {
      unlinkSync(path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
      renameSync(path, this.#path(`.${name}.refused-${process.pid}`))
    }
  }

  #clear(path: string): void {
    try {
      rmSync(path, { force: true })
    } catch {
      renameSync(path, `${path}.refused-${process.pid}`)
    }
  }
}

function readWhole(handle: number): Exclude<Taken, undefined> {
  const { size } = fstatSync(handle)
  if (!fstatSync(handle).isFile()) return refuse('The request is not a plain file.')
  if (size > maxRequestBytes) return refuse('The request is too large.')
  const bytes = Buffer.alloc(maxRequestBytes + 1)
  const length = readSync(handle, bytes, 0, bytes.length, 0)
  // It may have grown meanwhile.
  if (length > maxRequestBytes) return refuse('The request is too large.')
  return { ok: true, bytes: bytes.subarray(0, length) }
}
