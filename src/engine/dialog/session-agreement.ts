import { paramOf } from '#src/sip/params.ts'
import { parseDecimal } from '#src/sip/cseq.ts'
import type { SipHeaders } from '#src/sip/message.ts'
import type { SessionTimerPolicy } from './dialog-policy.ts'
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
  const intervalS = leadingNumber(value)
  if (intervalS === undefined) return undefined
  const semicolon = value.indexOf(';')
  const refresher = semicolon === -1 ? undefined : paramOf(value, 'refresher', semicolon)?.toLowerCase()
  return { intervalS, refresher: refresher === 'uac' || refresher === 'uas' ? refresher : undefined }
}

/** Reads Min-SE, seconds; undefined when absent or broken. */
export function parseMinSe(value: string | undefined): number | undefined {
  return value === undefined ? undefined : leadingNumber(value)
}

function leadingNumber(value: string): number | undefined {
  const semicolon = value.indexOf(';')
  return parseDecimal((semicolon === -1 ? value : value.slice(0, semicolon)).trim(), 2 ** 31 - 1)
}

/** Whether the sender of these headers knows session timers. */
function knowsTimers(headers: SipHeaders): boolean {
  return listHas(headers.get('Supported'), 'timer') || listHas(headers.get('Require'), 'timer')
}

/** What else counts for an answer beside the request and the application's wish. */
export interface SessionSetting {
  policy: SessionTimerPolicy | undefined
  /** What is in force in the dialog; kept when nobody says anything. */
  current: SessionAgreement | undefined
}

/**
 * RFC 4028 9: what we as the answering side agree to. The application may shorten what the caller asks for, never
 * lengthen it, and not below the caller's Min-SE or 90 s. Undefined: no session timer.
 */
export function answerSession(
  request: SipHeaders,
  application: SipHeaders | undefined,
  { policy, current }: SessionSetting,
): { agreement: SessionAgreement; fields: string[] } | undefined {
  const asked = parseSessionExpires(request.get('Session-Expires'))
  const wished = parseSessionExpires(application?.get('Session-Expires'))
  const shorter = asked && wished ? Math.min(asked.intervalS, wished.intervalS) : undefined
  const chosenS =
    shorter ?? asked?.intervalS ?? wished?.intervalS ?? current?.intervalS ?? policy?.defaultIntervalS
  if (chosenS === undefined) return undefined
  const intervalS = Math.max(chosenS, minimumIntervalS, parseMinSe(request.get('Min-SE')) ?? 0)
  const kept = current && (current.refresher === 'us' ? 'uas' : 'uac')
  // RFC 4028 9, table 2: the caller's word stands; a caller without the extension never refreshes.
  const refresher = knowsTimers(request)
    ? (asked?.refresher ?? wished?.refresher ?? kept ?? policy?.defaultRefresher ?? 'uac')
    : 'uas'
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

/** What a request of ours has to keep to. */
export interface SessionWish extends SessionSetting {
  /** The largest Min-SE that a 422 named so far, seconds; 0 = none. */
  minSeS: number
}

/**
 * RFC 4028 7.1, 7.4: completes an INVITE or UPDATE of ours. An interval of the application stays unless a 422 forbids
 * it; without one the agreement in force is asked for again, for a refresh without it would switch the timer off.
 */
export function askSession(headers: SipHeaders, { policy, current, minSeS }: SessionWish): void {
  const given = parseSessionExpires(headers.get('Session-Expires'))
  const wished = given ?? inForce(current) ?? byPolicy(policy)
  if (!wished) return
  const leastS = Math.max(minSeS, policy?.minSeS ?? 0)
  const intervalS = Math.max(wished.intervalS, minSeS)
  if (!given || intervalS !== given.intervalS) {
    const refresher = wished.refresher ? `;refresher=${wished.refresher}` : ''
    headers.set('Session-Expires', `${intervalS}${refresher}`)
  }
  // RFC 4028 5: after a 422 Min-SE must be there; 90 is what its absence means.
  const leastAsked = parseMinSe(headers.get('Min-SE')) ?? minimumIntervalS
  if (leastS > leastAsked && leastS <= intervalS) headers.set('Min-SE', String(leastS))
  if (!knowsTimers(headers)) headers.append('Supported', 'timer')
}

function inForce(current: SessionAgreement | undefined): SessionExpires | undefined {
  return current && { intervalS: current.intervalS, refresher: current.refresher === 'us' ? 'uac' : 'uas' }
}

function byPolicy(policy: SessionTimerPolicy | undefined): SessionExpires | undefined {
  const intervalS = policy?.defaultIntervalS
  return intervalS === undefined ? undefined : { intervalS, refresher: policy?.defaultRefresher }
}

/** Whether a request asks for less than `minSeS` and can be told so (RFC 4028 9: 422 with Min-SE). */
export function isTooShort(request: SipHeaders, minSeS: number): boolean {
  const asked = parseSessionExpires(request.get('Session-Expires'))
  return asked !== undefined && asked.intervalS < minSeS && knowsTimers(request)
}

/** The least interval that is accepted inside dialogs, seconds. */
export function leastIntervalS(policy: SessionTimerPolicy | undefined): number {
  return Math.max(minimumIntervalS, policy?.minSeS ?? 0)
}
