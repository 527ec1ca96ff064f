import type { Clock, Timer } from '#src/base/clock.ts'
import { parseDecimal } from '#src/sip/cseq.ts'
import type { SipResponse } from '#src/sip/message.ts'
import type { TimerBases } from '../options.ts'

interface Waiting {
  sequence: number
  response: SipResponse
}

/**
 * Reliable 1xx of one INVITE we answer (RFC 3262 3): one at a time on the wire, repeated at T1 doubling without
 * cap until its PRACK, given up after 64*T1.
 */
export class ReliableProvisionals {
  readonly #clock: Clock
  readonly #bases: TimerBases
  readonly #send: (response: SipResponse, again: boolean) => void
  readonly #giveUp: () => void
  readonly #queue: Waiting[] = []
  #next: number
  #intervalMs = 0
  #elapsedMs = 0
  #timer: Timer | undefined

  constructor(
    clock: Clock,
    bases: TimerBases,
    firstSequence: number,
    send: (response: SipResponse, again: boolean) => void,
    giveUp: () => void,
  ) {
    this.#clock = clock
    this.#bases = bases
    this.#next = firstSequence
    this.#send = send
    this.#giveUp = giveUp
  }

  /** The RSeq of the next response. */
  take(): number {
    return this.#next++
  }

  /** Sends it now, or when the one before is acknowledged. */
  push(sequence: number, response: SipResponse): void {
    this.#queue.push({ sequence, response })
    if (this.#queue.length === 1) this.#sendFirst()
  }

  get outstanding(): number {
    return this.#queue.length
  }

  /** True when `rack` names the response on the wire and this INVITE's CSeq. */
  acknowledge(rack: string | undefined, inviteSequence: number | undefined): boolean {
    const parts = (rack ?? '').trim().split(/\s+/)
    const first = this.#queue[0]
    const matches =
      first !== undefined &&
      parts.length >= 3 &&
      parseDecimal(parts[0] ?? '', 2 ** 32 - 1) === first.sequence &&
      parseDecimal(parts[1] ?? '', 2 ** 31 - 1) === inviteSequence &&
      parts[2] === 'INVITE'
    if (!matches) return false
    this.#queue.shift()
    this.#stopTimer()
    if (this.#queue.length > 0) this.#sendFirst()
    return true
  }

  stop(): void {
    this.#queue.length = 0
    this.#stopTimer()
  }

  #sendFirst(): void {
    const first = this.#queue[0]
    if (!first) return
    this.#send(first.response, false)
    this.#elapsedMs = 0
    this.#intervalMs = this.#bases.t1Ms
    this.#timer = this.#clock.setTimer(this.#intervalMs, this.#onTimer)
  }

  readonly #onTimer = (): void => {
    const first = this.#queue[0]
    if (!first) return
    this.#elapsedMs += this.#intervalMs
    const limitMs = 64 * this.#bases.t1Ms
    if (this.#elapsedMs >= limitMs) {
      this.stop()
      this.#giveUp()
      return
    }
    this.#send(first.response, true)
    this.#intervalMs = Math.min(this.#intervalMs * 2, limitMs - this.#elapsedMs)
    this.#timer = this.#clock.setTimer(this.#intervalMs, this.#onTimer)
  }

  #stopTimer(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
