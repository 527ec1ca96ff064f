import type { SipRequest, SipResponse } from '#src/sip/message.ts'
import type { Dialog } from './dialog.ts'
import { parseMinSe, parseSessionExpires } from './session-agreement.ts'
import type { UacRequest } from './uac-request.ts'

/**
 * RFC 4028 7.3: true when a request refused by 422 may be sent once more with the peer's Min-SE, which is noted: as long
 * as it asks for more than before, and never for what asked for no session timer.
 */
export function longerSession(asked: UacRequest, refusal: SipResponse): boolean {
  const minSeS = parseMinSe(refusal.headers.get('Min-SE')) ?? 0
  const interval = parseSessionExpires(asked.request?.headers.get('Session-Expires'))
  if (!interval || minSeS <= interval.intervalS || minSeS <= asked.minSeS) return false
  asked.minSeS = minSeS
  return true
}

/** RFC 3262 7.2: RAck names the INVITE as it went out last; after a 422 the library knows an older number. */
export function withRack(prack: SipRequest, dialog: Dialog): SipRequest {
  const rseq = /^\s*(\d+)\s/.exec(prack.headers.get('RAck') ?? '')?.[1]
  if (rseq === undefined || dialog.inviteSequence === undefined) return prack
  const headers = prack.headers.clone()
  headers.set('RAck', `${rseq} ${dialog.inviteSequence} INVITE`)
  return { ...prack, headers }
}
