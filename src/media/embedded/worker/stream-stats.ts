import { rtpPayloadType, rtpSequence, rtpSsrc, rtpTimestamp } from '#src/rtp/packet.ts'

// RFC 3550 A.1: a jump ahead beyond this is a restart, a step back within that a reordered packet.
const maxDropout = 3000
const maxMisorder = 100

/** Loss and jitter of what one side sends (RFC 3550 A.1, A.3, A.8), summed over the SSRCs it uses in turn. */
export class StreamStats {
  #started = false
  #ssrc = 0
  #base = 0
  #highest = 0
  #received = 0
  #afterJump = -1
  #lostBefore = 0
  #rate = 0
  #lastArrivalMs = 0
  #lastTimestamp = 0
  #jitterMs = 0
  /** How often a sender began its numbers anew under the same SSRC. */
  restarts = 0

  get lostPackets(): number {
    return this.#lostBefore + this.#lostNow()
  }

  get jitterMs(): number {
    return this.#jitterMs
  }

  /** Counts a proven packet; `rate` is the clock of its payload type, 0 when it says nothing about jitter. */
  count(packet: Buffer, rates: Int32Array, arrivalMs: number): void {
    const sequence = rtpSequence(packet)
    const ssrc = rtpSsrc(packet)
    if (!this.#started || ssrc !== this.#ssrc) this.#restart(ssrc, sequence)
    else this.#follow(sequence)
    this.#received++

    const rate = rates[rtpPayloadType(packet)]!
    if (rate === 0) return
    const timestamp = rtpTimestamp(packet)
    if (rate === this.#rate) {
      const sentMs = ((timestamp - this.#lastTimestamp) | 0) / (rate / 1000)
      const deviation = Math.abs(arrivalMs - this.#lastArrivalMs - sentMs)
      // A pause or a new stream is not jitter.
      if (deviation < 5000) this.#jitterMs += (deviation - this.#jitterMs) / 16
    }
    this.#rate = rate
    this.#lastArrivalMs = arrivalMs
    this.#lastTimestamp = timestamp
  }

  #lostNow(): number {
    return this.#started ? Math.max(0, this.#highest - this.#base + 1 - this.#received) : 0
  }

  #restart(ssrc: number, sequence: number): void {
    this.#lostBefore += this.#lostNow()
    this.#started = true
    this.#ssrc = ssrc
    this.#base = sequence
    this.#highest = sequence
    this.#received = 0
    this.#afterJump = -1
    this.#rate = 0
  }

  #follow(sequence: number): void {
    const ahead = (sequence - this.#highest) & 0xffff
    if (ahead < maxDropout) {
      this.#highest += ahead
      this.#afterJump = -1
    } else if (ahead <= 0x10000 - maxMisorder) {
      // Two in a row after a jump: the sender started anew (RFC 3550 A.1, bad_seq).
      if (sequence === this.#afterJump) {
        this.restarts++
        this.#restart(this.#ssrc, sequence)
      } else {
        this.#afterJump = (sequence + 1) & 0xffff
        this.#received--
      }
    }
  }
}
