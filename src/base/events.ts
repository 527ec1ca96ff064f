import type { Logger } from './logger.ts'

/** Committed facts fan out through here: name of the event to the record that it carries. */
export interface Events<Map extends object> {
  /** Adds a listener; the returned function removes it. */
  on<Name extends keyof Map>(name: Name, listener: (fact: Map[Name]) => void): () => void
}

/** The owner's side of `Events`: a throwing listener is logged and the others still hear. */
export class EventSource<Map extends object> implements Events<Map> {
  readonly #listeners = new globalThis.Map<keyof Map, Set<(fact: never) => void>>()
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  on<Name extends keyof Map>(name: Name, listener: (fact: Map[Name]) => void): () => void {
    let set = this.#listeners.get(name)
    if (!set) this.#listeners.set(name, (set = new Set()))
    set.add(listener)
    return () => set.delete(listener)
  }

  emit<Name extends keyof Map>(name: Name, fact: Map[Name]): void {
    const set = this.#listeners.get(name)
    if (!set) return
    for (const listener of set) {
      try {
        ;(listener as (fact: Map[Name]) => void)(fact)
      } catch (error) {
        this.#logger.error({ err: error, event: String(name) }, 'a listener threw')
      }
    }
  }
}
