import { ownText } from '#src/base/own-text.ts'

/** Most answers kept per question; an attacker who dials every number must not fill the memory. */
const maxKept = 4096

/**
 * Answers of the database to the questions that every call and every REGISTER asks: who is signed in, whose number
 * is this, what may he do. Whoever changes users, sign-ins, policies or devices calls `forget`, and everything is
 * read anew: such changes are made by people, a few a day.
 */
export class ReadMemory {
  readonly #answers: Map<string, unknown>[] = []

  /** The same question with a memory. Values are frozen, because callers share them. */
  remember<Value>(read: (key: string) => Value): (key: string) => Value {
    const kept = new Map<string, Value>()
    this.#answers.push(kept)
    return (key) => {
      const known = kept.get(key)
      if (known !== undefined || kept.has(key)) return known as Value
      if (kept.size >= maxKept) kept.clear()
      const value = Object.freeze(read(key))
      // The key may be a part of a message from a stranger.
      kept.set(ownText(key), value)
      return value
    }
  }

  /** Called after each change, also one that failed. */
  forget(): void {
    for (const kept of this.#answers) kept.clear()
  }

  /** Runs a change and forgets, whatever comes of it. */
  changing<Result>(change: () => Result): Result {
    try {
      return change()
    } finally {
      this.forget()
    }
  }
}
