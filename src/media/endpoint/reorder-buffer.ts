/** RFC 3550 A.1: a jump further ahead than this, or further back, is a sender that began anew. */
const maxDropout = 3000
const maxMisorder = 100

/**
 * Gives packets on in the order of their sequence numbers. A gap is waited for until `depth` later packets
 * are there, then given up and counted; duplicates and latecomers are left out. Time plays no part, so an
 * undisturbed stream passes without delay.
 */
export class ReorderBuffer<Packet> {
  readonly #depth: number
  readonly #deliver: (packet: Packet) => void
  readonly #waiting = new Map<number, Packet>()
  #expected: number | undefined
  /** The number after the last one that was too far away; a second in a row proves a restart. */
  #restartAt: number | undefined
  #lost = 0

  constructor(depth: number, deliver: (packet: Packet) => void) {
    this.#depth = depth
    this.#deliver = deliver
  }

  /** Packets given up so far. */
  get lost(): number {
    return this.#lost
  }

  push(sequence: number, packet: Packet): void {
    const ahead = this.#expected === undefined ? 0 : ((sequence - this.#expected) << 16) >> 16
    if (ahead > maxDropout || ahead < -maxMisorder) {
      if (sequence !== this.#restartAt) {
        this.#restartAt = (sequence + 1) & 0xffff
        return
      }
      this.restart()
      this.#expected = sequence
    }
    this.#restartAt = undefined
    this.#expected ??= sequence
    if (ahead < 0 && ahead >= -maxMisorder) return
    this.#waiting.set(sequence, packet)
    this.#drain()
    while (this.#waiting.size >= this.#depth) {
      this.#lost++
      this.#expected = (this.#expected + 1) & 0xffff
      this.#drain()
    }
  }

  /** Delivers what waits, in order, and expects any number next: the stream has another source now. */
  restart(): void {
    while (this.#expected !== undefined && this.#waiting.size > 0) {
      this.#expected = (this.#expected + 1) & 0xffff
      this.#drain()
    }
    this.#expected = undefined
    this.#restartAt = undefined
  }

  #drain(): void {
    for (;;) {
      if (this.#expected === undefined) return
      if (!this.#waiting.has(this.#expected)) return
      const packet = this.#waiting.get(this.#expected) as Packet
      this.#waiting.delete(this.#expected)
      this.#expected = (this.#expected + 1) & 0xffff
      this.#deliver(packet)
    }
  }
}
