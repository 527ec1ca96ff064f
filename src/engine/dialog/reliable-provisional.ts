import type { Clock, Timer } from '#src/base/clock.ts'
import { parseDecimal } from '#src/sip/cseq.ts'
import type { SipHeaders, SipRequest, SipResponse } from '#src/sip/message.ts'
import type { TimerBases } from '../options.ts'
import { listHas } from './header-values.ts'

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
  readonly #inviteSequence: number | undefined
  #next: number
  #settled = false
  #intervalMs = 0
  #elapsedMs = 0
  #timer: Timer | undefined

  constructor(
    clock: Clock,
    bases: TimerBases,
    sequences: { first: number; invite: number | undefined },
    send: (response: SipResponse, again: boolean) => void,
    giveUp: () => void,
  ) {
    this.#clock = clock
    this.#bases = bases
    this.#next = sequences.first
    this.#inviteSequence = sequences.invite
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

  /** RFC 3262 3: a 2xx must wait for the PRACK of what carried a session description. */
  get holdsSuccess(): boolean {
    return this.#queue.some(({ response }) => response.body.length > 0)
  }

  /** True when `rack` names the response on the wire, or one that the final response overtook, and our INVITE. */
  acknowledge(rack: string | undefined): boolean {
    const parts = (rack ?? '').trim().split(/\s+/)
    if (parts.length < 3 || parts[2] !== 'INVITE') return false
    if (parseDecimal(parts[1] ?? '', 2 ** 31 - 1) !== this.#inviteSequence) return false
    const sequence = parseDecimal(parts[0] ?? '', 2 ** 32 - 1)
    const at = this.#queue.findIndex((waiting) => waiting.sequence === sequence)
    if (at !== 0 && !(this.#settled && at > 0)) return false
    this.#queue.splice(at, 1)
    this.#stopTimer()
    if (!this.#settled && this.#queue.length > 0) this.#sendFirst()
    return true
  }

  /** The INVITE has its final response: nothing is repeated, a PRACK under way is still known (RFC 3262 3). */
  settle(): void {
    this.#settled = true
    this.#stopTimer()
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

/** RFC 3262 3: a provisional goes out reliably when the application wants it, or the caller will have no other. */
export function isReliable(request: SipRequest, wanted: SipResponse): boolean {
  if (wanted.status <= 100 || wanted.status >= 200 || request.method !== 'INVITE') return false
  return listHas(wanted.headers.get('Require'), '100rel') || listHas(request.headers.get('Require'), '100rel')
}

/** Whether the sender of these headers acknowledges provisionals. */
export function takesReliable(headers: SipHeaders): boolean {
  return listHas(headers.get('Supported'), '100rel') || listHas(headers.get('Require'), '100rel')
}
