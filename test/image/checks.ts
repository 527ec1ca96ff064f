/** Counts what was shown, and stops at the first thing that could not be: what follows stands on it. */
export class Checks {
  passed = 0
  failed = 0
  readonly #startMs = performance.now()

  /** Runs one check; prints its name, how long it took, and the note that it returns. */
  async check(name: string, work: () => Promise<string | undefined>): Promise<void> {
    const startMs = performance.now()
    const seconds = (): string => `${((performance.now() - startMs) / 1000).toFixed(1)} s`
    try {
      const note = await withinLimit(work())
      this.passed++
      console.log(
        `ok     ${name}  ${seconds()}${note === undefined ? '' : `\n         ${note.replaceAll('\n', '\n         ')}`}`,
      )
    } catch (error) {
      this.failed++
      console.log(`FAILED ${name}  ${seconds()}`)
      throw error
    }
  }

  /** The last line of every show script. */
  summary(): string {
    const seconds = Math.round((performance.now() - this.#startMs) / 1000)
    return `\nTook ${seconds} s.\n${this.passed} passed, ${this.failed} failed`
  }
}

/** Longer than anything here may take, on whatever machine: what hangs must fail. */
const limitMs = 900_000

async function withinLimit<T>(work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`nothing came of it within ${limitMs / 1000} s`)), limitMs)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}

/** Throws with the sentence unless it holds. */
export function expect(holds: boolean, sentence: string): void {
  if (!holds) throw new Error(sentence)
}
