import { readFile, stat } from 'node:fs/promises'
import { isIP } from 'node:net'
import type { Clock } from '#src/base/clock.ts'

const lookAgainAfterMs = 5000
const maxBytes = 1_048_576

/** The machine's own list of names, read again when the file changes. */
export class HostsFile {
  readonly #path: string
  readonly #clock: Clock
  #byName: ReadonlyMap<string, readonly string[]> = new Map()
  #stamp = ''
  #lookedAtMs = -Infinity
  #looking: Promise<void> | undefined

  constructor(path: string, clock: Clock) {
    this.#path = path
    this.#clock = clock
  }

  /** The addresses of a name (lower-case), empty when the file does not know it or cannot be read. */
  async addresses(name: string): Promise<readonly string[]> {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#lookedAtMs >= lookAgainAfterMs) {
      this.#lookedAtMs = nowMs
      this.#looking = this.#refresh()
    }
    // Also for those who come meanwhile: what the file says must not depend on who asked first.
    await this.#looking
    return this.#byName.get(name) ?? []
  }

  async #refresh(): Promise<void> {
    try {
      const { mtimeMs, size, ino } = await stat(this.#path)
      const stamp = `${mtimeMs} ${size} ${ino}`
      if (stamp === this.#stamp || size > maxBytes) return
      this.#byName = readHosts(await readFile(this.#path, 'utf8'))
      this.#stamp = stamp
    } catch {
      // A machine without the file is an ordinary machine.
      this.#byName = new Map()
      this.#stamp = ''
    }
  }
}

/** Reads the lines of a hosts file: an address, then names; what follows a `#` is a remark. */
export function readHosts(text: string): Map<string, string[]> {
  const byName = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*$/, '').trim().split(/\s+/)
    if (isIP(address) === 0) continue
    for (const name of names) {
      const key = name.toLowerCase()
      const known = byName.get(key)
      if (known) known.push(address)
      else byName.set(key, [address])
    }
  }
  return byName
}
