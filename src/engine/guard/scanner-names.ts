/** Values judged already; phones of one office have few. */
const maxKnown = 500

/** Judges User-Agent values by the parts that give scanners away. */
export class ScannerNames {
  readonly #parts: readonly string[]
  readonly #known = new Map<string, boolean>()

  constructor(parts: readonly string[]) {
    this.#parts = parts.map((part) => part.toLowerCase()).filter((part) => part !== '')
  }

  has(userAgent: string): boolean {
    const known = this.#known.get(userAgent)
    if (known !== undefined) return known
    const text = userAgent.slice(0, 200).toLowerCase()
    const found = this.#parts.some((part) => text.includes(part))
    if (this.#known.size >= maxKnown) this.#known.clear()
    // Not what somebody makes up to fill our memory.
    if (userAgent.length <= 200) this.#known.set(userAgent, found)
    return found
  }
}
