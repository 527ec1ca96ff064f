import type { Clock, Timer } from '#src/base/clock.ts'
import { tagOf, uriOf } from '#src/sip/name-addr.ts'
import type { SipRequest } from '#src/sip/message.ts'
import { isSips, type DialogState } from './dialog-state.ts'
import { eventKey, referKey } from './event-key.ts'
import { sequenceOf } from './header-values.ts'
import type { UacRequest } from './uac-request.ts'

/**
 * SUBSCRIBE and REFER of ours that may still be notified by somebody we do not know yet (RFC 6665 4.1.2.4): a NOTIFY
 * may overtake the 2xx, and a SUBSCRIBE that forked is notified by every fork. Timer N closes the door, 64*T1 after
 * the request.
 */
export class AwaitedNotifies {
  readonly #clock: Clock
  readonly #timerNMs: number
  readonly #awaited = new Map<string, { request: UacRequest; timerN: Timer }>()

  constructor(clock: Clock, t1Ms: number) {
    this.#clock = clock
    this.#timerNMs = 64 * t1Ms
  }

  get size(): number {
    return this.#awaited.size
  }

  /** A SUBSCRIBE or REFER is on its way under this name (Call-ID and our From tag). */
  add(callId: string, localTag: string, request: UacRequest): void {
    const key = keyOf(callId, localTag)
    this.#awaited.get(key)?.timerN.cancel()
    const timerN = this.#clock.setTimer(this.#timerNMs, () => this.#awaited.delete(key))
    this.#awaited.set(key, { request, timerN })
  }

  /** The request that a NOTIFY of an unknown dialog answers to. */
  find(notify: SipRequest): UacRequest | undefined {
    const { headers } = notify
    const key = keyOf(headers.get('Call-ID') ?? '', tagOf(headers.get('To') ?? '') ?? '')
    const entry = this.#awaited.get(key)
    if (!entry || entry.request.finalStatus >= 300) return undefined
    return entry.request
  }

  stop(): void {
    for (const { timerN } of this.#awaited.values()) timerN.cancel()
    this.#awaited.clear()
  }
}

function keyOf(callId: string, localTag: string): string {
  return `${callId} ${localTag}`
}

/** The subscription that a SUBSCRIBE or REFER asks for. */
export function wantedKey(request: SipRequest): string {
  return request.method === 'REFER' ? referKey(request) : (eventKey(request.headers) ?? '')
}

/** RFC 6665 4.4.1: the dialog that a NOTIFY with a new tag makes for the subscriber. */
export function dialogFromNotify(sent: SipRequest, notify: SipRequest): DialogState {
  const { headers } = notify
  const from = headers.get('From') ?? ''
  const to = headers.get('To') ?? ''
  return {
    role: 'uac',
    phase: 'confirmed',
    callId: headers.get('Call-ID') ?? '',
    localTag: tagOf(to) ?? '',
    remoteTag: tagOf(from) ?? '',
    localParty: to,
    remoteParty: from,
    localSequence: sequenceOf(sent.headers.get('CSeq')) ?? 0,
    remoteSequence: undefined,
    remoteTarget: uriOf(headers.get('Contact') ?? from) ?? '',
    routeSet: headers.getAll('Record-Route'),
    secure: isSips(sent.uri),
  }
}
