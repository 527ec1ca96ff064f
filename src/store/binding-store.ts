import type { Binding } from '#src/model/binding.ts'
import type { StoreContext } from './context.ts'
import type { BindingStore } from './store.ts'
import { guarded } from './store-errors.ts'

interface Row {
  aor: string
  contacts: string
}

/** What the other repositories may do to bindings when a line goes. */
export interface BindingMemory {
  /** Deletes the row inside the caller's transaction. */
  deleteRow(aor: string): void
  /** Called after that transaction was committed. */
  forget(aors: string[]): void
}

const none: readonly Binding[] = []

/**
 * Keeps bindings: read from memory, written through the group commit. Memory shows only what is on disk;
 * inside a batch, a change also sees the changes before it.
 */
export class SqliteBindingStore implements BindingStore, BindingMemory {
  readonly #context: StoreContext
  /** Best q first, then latest; frozen, because callers share them. */
  readonly #byAor = new Map<string, readonly Binding[]>()
  /** What members of the running batch wrote, before it is committed. */
  #staged = new Map<string, readonly Binding[]>()
  readonly #selectAll
  readonly #upsert
  readonly #delete

  constructor(context: StoreContext) {
    this.#context = context
    this.#selectAll = context.database.prepare<[], Row>('SELECT aor, contacts FROM bindings')
    this.#upsert = context.database.prepare<[string, string]>(
      'INSERT INTO bindings (aor, contacts) VALUES (?, ?) ON CONFLICT (aor) DO UPDATE SET contacts = excluded.contacts',
    )
    this.#delete = context.database.prepare<[string]>('DELETE FROM bindings WHERE aor = ?')
    context.group.listen({ batchEnded: () => (this.#staged = new Map()) })
  }

  /** Reads every binding, so that a restart can ring phones that have not registered again. */
  load(): void {
    for (const row of guarded(() => this.#selectAll.all())) {
      const contacts = (JSON.parse(row.contacts) as Binding[]).map((contact) => ({
        ...contact,
        // JSON has no undefined: fields that were not sent are absent there.
        instanceId: contact.instanceId,
        userAgent: contact.userAgent,
        aor: row.aor,
      }))
      this.#byAor.set(row.aor, arrange(contacts))
    }
  }

  find(aor: string, nowMs: number): Binding[] {
    return live(this.#byAor.get(aor) ?? none, nowMs)
  }

  all(nowMs: number): Binding[] {
    const found: Binding[] = []
    for (const bindings of this.#byAor.values()) found.push(...live(bindings, nowMs))
    return found
  }

  change(aor: string, nowMs: number, change: (current: Binding[]) => Binding[]): Promise<Binding[]> {
    return this.#context.group.join({
      write: () => {
        const next = arrange(change(live(this.#current(aor), nowMs)))
        this.#write(aor, next)
        return next.slice()
      },
      oneStatement: true,
      committed: () => this.#publish(aor),
    })
  }

  expire(nowMs: number): Promise<Binding[]> {
    const aors = (): string[] =>
      [...this.#byAor].filter(([, all]) => hasExpired(all, nowMs)).map(([aor]) => aor)
    if (aors().length === 0) return Promise.resolve([])
    let touched: string[] = []
    return this.#context.group.join({
      write: () => {
        touched = aors()
        const dropped: Binding[] = []
        for (const aor of touched) {
          const current = this.#current(aor)
          if (!hasExpired(current, nowMs)) continue
          dropped.push(...current.filter((binding) => binding.expiresAtMs <= nowMs))
          this.#write(aor, live(current, nowMs))
        }
        return dropped
      },
      committed: () => touched.forEach((aor) => this.#publish(aor)),
    })
  }

  deleteRow(aor: string): void {
    this.#delete.run(aor)
  }

  forget(aors: string[]): void {
    for (const aor of aors) this.#byAor.delete(aor)
  }

  #current(aor: string): readonly Binding[] {
    return this.#staged.get(aor) ?? this.#byAor.get(aor) ?? none
  }

  #write(aor: string, bindings: readonly Binding[]): void {
    if (bindings.length === 0) this.#delete.run(aor)
    else this.#upsert.run(aor, JSON.stringify(bindings))
    // Last: when the SQL above throws, nothing is staged either.
    this.#staged.set(aor, bindings)
  }

  #publish(aor: string): void {
    const bindings = this.#staged.get(aor)
    if (!bindings) return
    if (bindings.length === 0) this.#byAor.delete(aor)
    else this.#byAor.set(aor, bindings)
  }
}

function live(bindings: readonly Binding[], nowMs: number): Binding[] {
  return bindings.filter((binding) => binding.expiresAtMs > nowMs)
}

function hasExpired(bindings: readonly Binding[], nowMs: number): boolean {
  return bindings.some((binding) => binding.expiresAtMs <= nowMs)
}

/** Frozen copies, best q first, then latest (RFC 3261 16.6: targets are tried by q). */
function arrange(bindings: readonly Binding[]): readonly Binding[] {
  return bindings
    .map((binding) =>
      Object.isFrozen(binding)
        ? binding
        : Object.freeze({
            ...binding,
            flow: Object.freeze({ ...binding.flow }),
            ...(binding.path ? { path: Object.freeze([...binding.path]) } : {}),
          }),
    )
    .sort((a, b) => b.qThousandths - a.qThousandths || b.registeredAtMs - a.registeredAtMs)
}
