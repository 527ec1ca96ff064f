import type { Clock } from '#src/base/clock.ts'
import { formatEndpoint } from '#src/base/net.ts'
import type { SipRequest } from '#src/sip/message.ts'
import type { EngineOptions } from '../options.ts'
import type { Target } from './transport-port.ts'

/** RFC 3261 18.1.1, where nothing is known about the path. */
const largestDatagram = 1300
/** A peer without TCP is asked again after this. */
const noTcpForMs = 600_000
const maxRemembered = 1024

/** How long the attempt may take: somebody waits for the phone to ring, and UDP may well get through in pieces. */
export const largeRequestDialMs = 1500

/** Waits so long and no longer: the attempt may be one that somebody with more patience began before. */
export async function withinDialTime<Value>(clock: Clock, attempt: Promise<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(largeRequestDialMs, () => {
      reject(new Error(`no connection within ${largeRequestDialMs} ms`))
    })
    void attempt.then(resolve, reject).finally(() => timer.cancel())
  })
}

/** Decides which UDP requests go over TCP because they are too large for one datagram (RFC 3261 18.1.1). */
export class LargeRequests {
  readonly #policy: NonNullable<EngineOptions['largeRequests']>
  readonly #clock: Clock
  readonly #noTcpUntilMs = new Map<string, number>()

  constructor(policy: EngineOptions['largeRequests'], clock: Clock) {
    this.#policy = policy ?? 'unless-asked'
    this.#clock = clock
  }

  /** The target to try first, or undefined when the request may go by UDP. */
  streamFor(request: SipRequest, target: Target): Target | undefined {
    if (target.protocol !== 'udp' || !isLarge(request)) return undefined
    if (this.#policy === 'udp' || (this.#policy === 'unless-asked' && target.asked === true)) return undefined
    const key = formatEndpoint(target.host, target.port)
    const untilMs = this.#noTcpUntilMs.get(key)
    if (untilMs !== undefined) {
      if (untilMs > this.#clock.monotonicMs()) return undefined
      this.#noTcpUntilMs.delete(key)
    }
    return { ...target, protocol: 'tcp' }
  }

  /** This peer has no TCP on its UDP port, or hides it. */
  noteRefused(target: Target): void {
    if (this.#noTcpUntilMs.size >= maxRemembered) this.#noTcpUntilMs.clear()
    this.#noTcpUntilMs.set(formatEndpoint(target.host, target.port), this.#clock.monotonicMs() + noTcpForMs)
  }
}

/** Room for what is added when it is sent: our Via with its branch. */
const viaRoom = 120

// A sum instead of formatting it twice: header values are ASCII nearly always, and the limit is a round number.
function isLarge(request: SipRequest): boolean {
  let bytes = request.method.length + request.uri.length + 12 + request.body.length + viaRoom
  const { flat } = request.headers
  // Half of the entries are names, each followed by ": " and CRLF.
  for (const text of flat) bytes += text.length + 2
  return bytes > largestDatagram
}
