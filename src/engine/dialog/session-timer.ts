import type { Clock, Timer } from '#src/base/clock.ts'
import { secondsToMs } from '#src/base/clock.ts'
import { paramOf } from '#src/sip/params.ts'
import { parseDecimal } from '#src/sip/cseq.ts'
import type { SipHeaders } from '#src/sip/message.ts'
import { listHas } from './header-values.ts'

/** RFC 4028 4: no session interval below this is accepted, seconds. */
export const minimumIntervalS = 90

export interface SessionExpires {
  intervalS: number
  refresher: 'uac' | 'uas' | undefined
}

/** What was agreed for one dialog: `us` means that we send the refreshes. */
export interface SessionAgreement {
  intervalS: number
  refresher: 'us' | 'peer'
}

/** Reads Session-Expires (compact form x); undefined when absent or broken. */
export function parseSessionExpires(value: string | undefined): SessionExpires | undefined {
  if (value === undefined) return undefined
  const semicolon = value.indexOf(';')
  const digits = (semicolon === -1 ? value : value.slice(0, semicolon)).trim()
  const intervalS = parseDecimal(digits, 2 ** 31 - 1)
  if (intervalS === undefined) return undefined
  const refresher = semicolon === -1 ? undefined : paramOf(value, 'refresher', semicolon)?.toLowerCase()
  return { intervalS, refresher: refresher === 'uac' || refresher === 'uas' ? refresher : undefined }
}

/**
 * RFC 4028 9: what we as the answering side agree to. The application's wish wins, else the caller's is kept,
 * raised to 90 s. Nobody named: the caller refreshes when it can, else we do. Undefined: no session timer.
 */
export function answerSession(
  request: SipHeaders,
  application: SipHeaders | undefined,
): { agreement: SessionAgreement; fields: string[] } | undefined {
  const wished = parseSessionExpires(application?.get('Session-Expires'))
  const asked = parseSessionExpires(request.get('Session-Expires'))
  const chosen = wished ?? asked
  if (!chosen) return undefined
  const peerCan = listHas(request.get('Supported'), 'timer') || listHas(request.get('Require'), 'timer')
  const intervalS = Math.max(chosen.intervalS, minimumIntervalS)
  // RFC 4028 table 2: a peer without the extension never refreshes.
  const refresher = peerCan ? (asked?.refresher ?? wished?.refresher ?? 'uac') : 'uas'
  const fields = ['Session-Expires', `${intervalS};refresher=${refresher}`]
  // RFC 4028 9: Require tells the peer that it has to refresh.
  if (refresher === 'uac' && !listHas(application?.get('Require'), 'timer')) fields.push('Require', 'timer')
  return { agreement: { intervalS, refresher: refresher === 'uas' ? 'us' : 'peer' }, fields }
}

/** RFC 4028 7.2: what the answer to a request of ours means. Without a refresher parameter we refresh. */
export function acceptSession(response: SipHeaders): SessionAgreement | undefined {
  const answer = parseSessionExpires(response.get('Session-Expires'))
  if (!answer) return undefined
  return {
    intervalS: Math.max(answer.intervalS, minimumIntervalS),
    refresher: answer.refresher === 'uas' ? 'peer' : 'us',
  }
}

/** Whether a request inside a dialog asks for less than we accept (RFC 4028 9: 422 with Min-SE). */
export function isTooShort(request: SipHeaders): boolean {
  const asked = parseSessionExpires(request.get('Session-Expires'))
  return asked !== undefined && asked.intervalS < minimumIntervalS
}

/** Runs the agreement of one dialog; every refresh in either direction starts it again. */
export class SessionTimer {
  readonly #clock: Clock
  readonly #refresh: () => void
  readonly #expire: () => void
  #timer: Timer | undefined

  constructor(clock: Clock, refresh: () => void, expire: () => void) {
    this.#clock = clock
    this.#refresh = refresh
    this.#expire = expire
  }

  /** Starts anew; undefined switches the timer off. */
  arm(agreement: SessionAgreement | undefined): void {
    this.stop()
    if (!agreement) return
    const intervalMs = secondsToMs(agreement.intervalS)
    this.#timer =
      agreement.refresher === 'us'
        ? this.#clock.setTimer(intervalMs / 2, this.#refresh)
        : this.#clock.setTimer(intervalMs, this.#expire)
  }

  /** Tries the refresh again soon (491, RFC 3261 14.1). */
  retryAfter(delayMs: number): void {
    this.stop()
    this.#timer = this.#clock.setTimer(delayMs, this.#refresh)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
