/** Indices that are remembered; RFC 3711 asks for 64. */
export const replayWindowSize = 128

/**
 * The last 128 packet indices of a stream (RFC 3711 3.3.2), as a sliding bitmap.
 * `check` only looks; `add` is called after the tag has verified, so a forged packet moves nothing.
 */
export class ReplayWindow {
  // Bit i of #seen0 says whether index #highest - i was seen; #seen1 goes on from 32, and so forth. Four fields instead of
  // an array: one object to fetch per packet.
  #seen0 = 0
  #seen1 = 0
  #seen2 = 0
  #seen3 = 0
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
    return (this.#word(behind >> 5) & (1 << (behind & 31))) === 0
  }

  /** Marks the index as seen; it must have passed `check`. */
  add(index: number): void {
    const ahead = index - this.#highest
    if (ahead <= 0) return this.#mark(-ahead)
    this.#highest = index
    if (ahead < 32) {
      // The common packet: the next in order, or nearly so.
      const back = 32 - ahead
      this.#seen3 = (this.#seen3 << ahead) | (this.#seen2 >>> back)
      this.#seen2 = (this.#seen2 << ahead) | (this.#seen1 >>> back)
      this.#seen1 = (this.#seen1 << ahead) | (this.#seen0 >>> back)
      this.#seen0 = (this.#seen0 << ahead) | 1
      return
    }
    if (ahead >= replayWindowSize) {
      this.#seen3 = this.#seen2 = this.#seen1 = 0
    } else {
      const words = ahead >> 5
      const bits = ahead & 31
      const shifted = (word: number): number => {
        const high = word >= words ? this.#word(word - words) : 0
        const low = word > words ? this.#word(word - words - 1) : 0
        // A shift by 32 is a shift by 0 in JavaScript, hence the branch.
        return bits === 0 ? high : (high << bits) | (low >>> (32 - bits))
      }
      const [word1, word2, word3] = [shifted(1), shifted(2), shifted(3)]
      this.#seen1 = word1
      this.#seen2 = word2
      this.#seen3 = word3
    }
    this.#seen0 = 1
  }

  #word(word: number): number {
    if (word === 0) return this.#seen0
    if (word === 1) return this.#seen1
    return word === 2 ? this.#seen2 : this.#seen3
  }

  #mark(behind: number): void {
    const bit = 1 << (behind & 31)
    const word = behind >> 5
    if (word === 0) this.#seen0 |= bit
    else if (word === 1) this.#seen1 |= bit
    else if (word === 2) this.#seen2 |= bit
    else this.#seen3 |= bit
  }
}
