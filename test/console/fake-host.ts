import { existsSync, mkdirSync, readFileSync, rmSync, renameSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What the box asked for, and what is answered: `ok`, a sentence of refusal, or nothing at all. */
export interface Asked {
  name: string
  request: Record<string, unknown>
}

/** The root side of the image, acted out: takes request files and writes result files as its contract says. */
export class FakeHost {
  readonly folder: string
  readonly asked: Asked[] = []
  /** The answer to the next requests of a name; `ok` unless set. `silent` = taken, never answered. */
  readonly answers = new Map<string, 'ok' | 'silent' | { error: string }>()
  readonly #watcher

  constructor(folder: string) {
    this.folder = folder
    mkdirSync(folder, { recursive: true })
    this.#watcher = watch(folder, () => this.#serve())
  }

  /** The requests of one name, in order. */
  of(name: string): Record<string, unknown>[] {
    return this.asked.filter((item) => item.name === name).map(({ request }) => request)
  }

  stop(): void {
    this.#watcher.close()
  }

  #serve(): void {
    for (const name of ['reboot', 'factory-reset', 'network', 'time']) {
      const path = join(this.folder, `${name}.json`)
      if (!existsSync(path)) continue
      // Throws when the file is not whole: it must appear by rename.
      this.asked.push({ name, request: JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown> })
      rmSync(path)
      const answer = this.answers.get(name) ?? 'ok'
      if (answer === 'silent') continue
      const result = answer === 'ok' ? { ok: true } : { ok: false, error: answer.error }
      const temporary = join(this.folder, `.${name}.result.new`)
      writeFileSync(temporary, JSON.stringify(result))
      renameSync(temporary, join(this.folder, `${name}.result.json`))
    }
  }
}
