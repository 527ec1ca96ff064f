/** Fewer deletions than this are not worth a new table. */
const leastDeletions = 32

/**
 * A map whose entries come and go all the time. V8 replaces the table of a map when it is full of deleted entries, and
 * the old table goes on pointing to the new one. Once one of them is old enough, the young collection takes the whole
 * chain for alive, with every entry that each of them ever held: under load all that was in the map is copied twice and
 * kept until the next full collection. Here the entries that are left move to a new map before that happens.
 *
 * While somebody iterates, what is deleted may still come up, and what is set may not: delete only what you are at.
 */
export class ChurningMap<Key, Value> {
  #map = new Map<Key, Value>()
  #deletions = 0

  get size(): number {
    return this.#map.size
  }

  get(key: Key): Value | undefined {
    return this.#map.get(key)
  }

  has(key: Key): boolean {
    return this.#map.has(key)
  }

  set(key: Key, value: Value): this {
    this.#map.set(key, value)
    return this
  }

  delete(key: Key): boolean {
    if (!this.#map.delete(key)) return false
    if (++this.#deletions >= leastDeletions && this.#deletions >= this.#map.size) {
      this.#map = new Map(this.#map)
      this.#deletions = 0
    }
    return true
  }

  clear(): void {
    this.#map = new Map()
    this.#deletions = 0
  }

  keys(): IterableIterator<Key> {
    return this.#map.keys()
  }

  values(): IterableIterator<Value> {
    return this.#map.values()
  }

  [Symbol.iterator](): IterableIterator<[Key, Value]> {
    return this.#map[Symbol.iterator]()
  }
}
