import { ChurningMap } from '#src/base/churning-map.ts'
import { dialogId, type DialogState } from './dialog-state.ts'

/** What the table needs of an entry. */
export interface TableEntry {
  readonly state: DialogState
}

/**
 * All dialogs, found two ways: by the three identifiers of RFC 3261 12 (network side), and by
 * `<Call-ID>;from-tag=<tag>` (application side), a name that the forks of one INVITE share.
 */
export class DialogTable<Entry extends TableEntry> {
  readonly #byTags = new ChurningMap<string, Entry>()
  readonly #byId = new ChurningMap<string, Entry[]>()

  get size(): number {
    return this.#byTags.size
  }

  /** An entry with the same three identifiers is displaced: an application that gives one tag twice has lost the first. */
  add(entry: Entry): void {
    const { state } = entry
    const key = tagsKey(state.callId, state.localTag, state.remoteTag)
    const before = this.#byTags.get(key)
    if (before) this.remove(before)
    this.#byTags.set(key, entry)
    const id = dialogId(state)
    const forks = this.#byId.get(id)
    if (forks) forks.push(entry)
    else this.#byId.set(id, [entry])
  }

  remove(entry: Entry): void {
    const { state } = entry
    const key = tagsKey(state.callId, state.localTag, state.remoteTag)
    if (this.#byTags.get(key) !== entry) return
    this.#byTags.delete(key)
    const id = dialogId(state)
    const forks = this.#byId.get(id)
    if (!forks) return
    const rest = forks.filter((fork) => fork !== entry)
    if (rest.length === 0) this.#byId.delete(id)
    else this.#byId.set(id, rest)
  }

  /** The dialog of a message from the network. */
  find(callId: string, localTag: string, remoteTag: string): Entry | undefined {
    return this.#byTags.get(tagsKey(callId, localTag, remoteTag))
  }

  /** The dialog the application means: the confirmed fork, else the one heard of last. */
  findById(id: string): Entry | undefined {
    const forks = this.#byId.get(id)
    if (!forks) return undefined
    return forks.find((fork) => fork.state.phase === 'confirmed') ?? forks.at(-1)
  }

  /** All forks under one application name. */
  forks(id: string): readonly Entry[] {
    return this.#byId.get(id) ?? []
  }

  all(): Entry[] {
    return [...this.#byTags.values()]
  }
}

// A space can stand in none of the three.
function tagsKey(callId: string, localTag: string, remoteTag: string): string {
  return `${callId} ${localTag} ${remoteTag}`
}
