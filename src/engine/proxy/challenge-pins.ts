import type { Clock } from '#src/base/clock.ts'
import type { SipRequest, SipResponse } from '#src/sip/message.ts'

const keepMs = 2000
const maxPins = 2000

/**
 * Remembers for two seconds who asked for credentials: the caller's next try carries the nonce of that challenge,
 * and only the server that gave it can tell whether it is right.
 */
export class ChallengePins {
  readonly #clock: Clock
  readonly #byNonce = new Map<string, { uri: string; untilMs: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#byNonce.size
  }

  /** Notes the challenges of a 401 or 407 that came from `uri`. */
  note(response: SipResponse, uri: string): void {
    const nowMs = this.#clock.monotonicMs()
    this.#forget(nowMs)
    for (const name of ['WWW-Authenticate', 'Proxy-Authenticate']) {
      for (const value of response.headers.getAll(name)) {
        const nonce = nonceOf(value)
        if (nonce === undefined) continue
        // One that is given again goes to the back, or those behind it would never be forgotten.
        this.#byNonce.delete(nonce)
        if (this.#byNonce.size < maxPins) this.#byNonce.set(nonce, { uri, untilMs: nowMs + keepMs })
      }
    }
  }

  /** Who gave the nonce that this request answers. */
  find(request: SipRequest): string | undefined {
    if (this.#byNonce.size === 0) return undefined
    const nowMs = this.#clock.monotonicMs()
    for (const name of ['Authorization', 'Proxy-Authorization']) {
      for (const value of request.headers.getAll(name)) {
        const pin = this.#byNonce.get(nonceOf(value) ?? '')
        if (pin && pin.untilMs > nowMs) return pin.uri
      }
    }
    return undefined
  }

  // All live equally long, so the oldest stand first.
  #forget(nowMs: number): void {
    for (const [nonce, pin] of this.#byNonce) {
      if (pin.untilMs > nowMs) return
      this.#byNonce.delete(nonce)
    }
  }
}

function nonceOf(value: string): string | undefined {
  return /[\s,]nonce="([^"]{1,512})"/i.exec(value)?.[1]
}
