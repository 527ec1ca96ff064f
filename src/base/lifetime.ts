import type { Logger } from './logger.ts'

/**
 * A named tree of running work. Every background promise is started with `run`, every resource that must
 * be released is given to `own`; `stop` aborts the signal, stops children and owned things in reverse order
 * of their start, and waits for the running work.
 */
export class Lifetime {
  readonly name: string
  readonly #logger: Logger
  readonly #abort = new AbortController()
  readonly #releases: { name: string; release: () => Promise<void> | void }[] = []
  readonly #running = new Map<string, Set<Promise<void>>>()
  #stopping: Promise<void> | undefined

  constructor(name: string, logger: Logger) {
    this.name = name
    this.#logger = logger
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Starts a branch of the tree that can also be stopped by itself. */
  child(name: string): Lifetime {
    const child = new Lifetime(`${this.name}/${name}`, this.#logger)
    this.own(name, () => child.stop())
    return child
  }

  /** Hands over something to release at stop; refused (released at once) when already stopping. */
  own(name: string, release: () => Promise<void> | void): void {
    if (this.#abort.signal.aborted) throw new Error(`${this.name} is stopping, it cannot take ${name}`)
    this.#releases.push({ name, release })
  }

  /** Runs `work` until it ends or the lifetime stops; a failure is logged as a defect, never lost. */
  run(name: string, work: (signal: AbortSignal) => Promise<void>): void {
    const promise = work(this.#abort.signal).catch((error: unknown) => {
      if (!this.#abort.signal.aborted) {
        this.#logger.error({ err: error, work: `${this.name}/${name}` }, 'background work failed')
      }
    })
    let set = this.#running.get(name)
    if (!set) this.#running.set(name, (set = new Set()))
    set.add(promise)
    void promise.finally(() => {
      set.delete(promise)
      if (set.size === 0) this.#running.delete(name)
    })
  }

  /** Stops everything once; later calls return the same promise. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll()
    return this.#stopping
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #stopAll(): Promise<void> {
    this.#abort.abort(new Error(`${this.name} is stopping`))
    for (const { name, release } of this.#releases.reverse()) {
      try {
        await release()
      } catch (error) {
        this.#logger.error({ err: error, part: `${this.name}/${name}` }, 'a part did not stop cleanly')
      }
    }
    await Promise.all([...this.#running.values()].flatMap((set) => [...set]))
  }
}
