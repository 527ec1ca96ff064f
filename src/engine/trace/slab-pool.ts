/** Memory that lies ready for the next ring, at most. */
const maxSpareBytes = 1024 * 1024

/**
 * Slabs of rings that grew or were forgotten, for the next ring. Left to the collector they would stay until it next
 * looks at the old generation: minutes in which a busy box asks the system for several times what it may keep.
 */
export class SlabPool {
  readonly #spare = new Map<number, Buffer[]>()
  #spareBytes = 0

  /** Memory that lies ready, bytes. */
  get spareBytes(): number {
    return this.#spareBytes
  }

  /** Memory of exactly this size, with anything in it. */
  take(bytes: number): Buffer {
    const slab = this.#spare.get(bytes)?.pop()
    if (!slab) return Buffer.allocUnsafeSlow(bytes)
    this.#spareBytes -= bytes
    return slab
  }

  /** Takes memory back; nobody may hold on to it. */
  give(slab: Buffer): void {
    const bytes = slab.length
    if (this.#spareBytes + bytes > maxSpareBytes) return
    this.#spareBytes += bytes
    const spare = this.#spare.get(bytes)
    if (spare) spare.push(slab)
    else this.#spare.set(bytes, [slab])
  }

  clear(): void {
    this.#spare.clear()
    this.#spareBytes = 0
  }
}
