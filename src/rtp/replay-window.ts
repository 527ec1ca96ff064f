/**
 * The last 128 packet indices of a stream (RFC 3711 3.3.2), as a sliding bitmap of four 32-bit words.
 * `check` only looks; `add` is called after the tag has verified, so a forged packet moves nothing.
 */
export const replayWindowSize = 128

const words = replayWindowSize / 32

export class ReplayWindow {
  // bit (i & 31) of word (i >> 5): index highest - i was seen.
  readonly #seen = new Int32Array(words)
  #highest = -1

  /** The highest index taken so far, -1 before the first. */
  get highest(): number {
    return this.#highest
  }

  /** True when the index is new and not older than the window. */
  check(index: number): boolean {
    const behind = this.#highest - index
    if (behind < 0) return true
    if (behind >= replayWindowSize) return false
    return (this.#seen[behind >> 5]! & (1 << (behind & 31))) === 0
  }

  /** Marks the index as seen; it must have passed `check`. */
  add(index: number): void {
    const seen = this.#seen
    const ahead = index - this.#highest
    if (ahead <= 0) {
      seen[-ahead >> 5]! |= 1 << (-ahead & 31)
      return
    }
    this.#highest = index
    if (ahead === 1) {
      // The common packet: the next in order.
      seen[3] = (seen[3]! << 1) | (seen[2]! >>> 31)
      seen[2] = (seen[2]! << 1) | (seen[1]! >>> 31)
      seen[1] = (seen[1]! << 1) | (seen[0]! >>> 31)
      seen[0] = (seen[0]! << 1) | 1
      return
    }
    if (ahead >= replayWindowSize) {
      seen.fill(0)
    } else {
      const wordShift = ahead >> 5
      const bitShift = ahead & 31
      for (let word = words - 1; word >= 0; word--) {
        const high = word - wordShift >= 0 ? seen[word - wordShift]! : 0
        const low = word - wordShift - 1 >= 0 ? seen[word - wordShift - 1]! : 0
        // A shift by 32 is a shift by 0 in JavaScript, hence the branch.
        seen[word] = bitShift === 0 ? high : (high << bitShift) | (low >>> (32 - bitShift))
      }
    }
    seen[0]! |= 1
  }
}
