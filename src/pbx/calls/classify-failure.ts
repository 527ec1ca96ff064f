import { ApplianceError } from '#src/base/errors.ts'

/** How a call ended: SIP status and phrase toward the caller, and one sentence for a person. */
interface CauseEntry {
  sipStatus: number
  reason: string
  text: string
}

/**
 * Every way a call ends. The codes stand in the call log, are documented in this table only, are never
 * reused and never change their meaning. 200 = the call was answered.
 */
export const callCauses = {
  CALL_ENDED_BY_CALLER: { sipStatus: 200, reason: 'OK', text: 'The caller hung up.' },
  CALL_ENDED_BY_CALLEE: { sipStatus: 200, reason: 'OK', text: 'The called side hung up.' },
  CALL_ENDED_BY_ADMIN: { sipStatus: 200, reason: 'OK', text: 'The call was ended on the setup page.' },
  CALL_ENDED_BY_SHUTDOWN: { sipStatus: 200, reason: 'OK', text: 'The box was stopped during the call.' },
  CALL_NO_AUDIO: { sipStatus: 200, reason: 'OK', text: 'No audio arrived any more, so the call was ended.' },
  CALL_RELAY_DIED: { sipStatus: 200, reason: 'OK', text: 'The media relay failed during the call.' },
  CALL_NO_ACK: {
    sipStatus: 200,
    reason: 'OK',
    text: 'A phone answered but never confirmed it; its network loses packets.',
  },
  CALL_SESSION_EXPIRED: {
    sipStatus: 200,
    reason: 'OK',
    text: 'One side did not refresh the session in time; it or its network is gone.',
  },
  CALL_CROSSED_CANCEL: {
    sipStatus: 487,
    reason: 'Request Terminated',
    text: 'The caller gave up in the moment in which the call was answered.',
  },
  FEATURE_DONE: { sipStatus: 200, reason: 'OK', text: 'The feature code was carried out.' },
  FEATURE_FAILED: { sipStatus: 200, reason: 'OK', text: 'The feature code could not be carried out.' },
  FEATURE_NOT_AVAILABLE: {
    sipStatus: 200,
    reason: 'OK',
    text: 'This feature code does nothing on this box yet; the caller was told so.',
  },
  FEATURE_MALFORMED: {
    sipStatus: 484,
    reason: 'Address Incomplete',
    text: 'The feature code was dialled without the number or code that belongs to it.',
  },
  CALL_CANCELLED: {
    sipStatus: 487,
    reason: 'Request Terminated',
    text: 'The caller hung up before an answer.',
  },
  CALL_STOPPED: {
    sipStatus: 480,
    reason: 'Temporarily Unavailable',
    text: 'The call was ended on the setup page before an answer.',
  },
  CALL_NO_ANSWER: { sipStatus: 480, reason: 'Temporarily Unavailable', text: 'Nobody answered in time.' },
  CALL_BUSY: { sipStatus: 486, reason: 'Busy Here', text: 'The called side is busy.' },
  CALL_DECLINED: { sipStatus: 603, reason: 'Decline', text: 'The called side declined the call.' },
  CALL_NO_DEVICE: {
    sipStatus: 480,
    reason: 'Temporarily Unavailable',
    text: 'No phone of the called side is registered.',
  },
  CALL_DEVICE_SILENT: {
    sipStatus: 480,
    reason: 'Temporarily Unavailable',
    text: 'The called phone is registered but did not react to the call.',
  },
  CALL_DEVICE_REFUSED: {
    sipStatus: 480,
    reason: 'Temporarily Unavailable',
    text: 'The called phone refused the call.',
  },
  CALL_NUMBER_INVALID: {
    sipStatus: 484,
    reason: 'Address Incomplete',
    text: 'What was dialled is neither a number nor a name on this box.',
  },
  CALL_NO_ROUTE: {
    sipStatus: 404,
    reason: 'Not Found',
    text: 'The number belongs to nobody here, and no trunk is set up that could reach it.',
  },
  CALL_NOT_LOCAL: {
    sipStatus: 404,
    reason: 'Not Found',
    text: 'Teams sent a call for a number that nobody on this box has.',
  },
  CALL_EMERGENCY_NO_TRUNK: {
    sipStatus: 503,
    reason: 'Service Unavailable',
    text: 'An emergency call could not leave the box: no PSTN trunk is set up.',
  },
  CALL_SIGN_IN_FIRST: {
    sipStatus: 403,
    reason: 'Sign in first',
    text: 'Nobody is signed in on this line; only *50*, *55* and emergency numbers work.',
  },
  CALL_NOT_ALLOWED: {
    sipStatus: 403,
    reason: 'Calling not allowed',
    text: 'The calling policy does not allow this person to call from a SIP device.',
  },
  CALL_CALLER_WITHOUT_NUMBER: {
    sipStatus: 403,
    reason: 'Caller has no number',
    text: 'The caller has no phone number, which Teams requires.',
  },
  CALL_SDP_MISSING: {
    sipStatus: 488,
    reason: 'Not Acceptable Here',
    text: 'The calling phone offered no audio description.',
  },
  CALL_SDP_UNUSABLE: {
    sipStatus: 488,
    reason: 'Not Acceptable Here',
    text: 'The audio description of the calling side cannot be used.',
  },
  CALL_NO_CODEC: {
    sipStatus: 488,
    reason: 'Not Acceptable Here',
    text: 'The two sides share no audio codec or encryption.',
  },
  CALL_SRTP_REQUIRED: {
    sipStatus: 488,
    reason: 'Not Acceptable Here',
    text: 'The call from Teams was not encrypted; it must be.',
  },
  CALL_MEDIA_EXHAUSTED: {
    sipStatus: 503,
    reason: 'Service Unavailable',
    text: 'All media ports of the box are in use.',
  },
  CALL_MEDIA_FAILED: {
    sipStatus: 503,
    reason: 'Service Unavailable',
    text: 'The media relay did not take the call.',
  },
  CALL_TEAMS_UNREACHABLE: {
    sipStatus: 503,
    reason: 'Service Unavailable',
    text: 'No Teams host took the call; check the trunk.',
  },
  CALL_TEAMS_FORBIDDEN: {
    sipStatus: 403,
    reason: 'Forbidden',
    text: 'Teams refused the call: it does not accept this box or this caller.',
  },
  CALL_TEAMS_UNKNOWN_NUMBER: {
    sipStatus: 404,
    reason: 'Not Found',
    text: 'Teams does not know the number, and no PSTN trunk is set up that could reach it.',
  },
  CALL_TEAMS_FAILED: { sipStatus: 502, reason: 'Bad Gateway', text: 'Teams could not complete the call.' },
  CALL_IN_CIRCLES: {
    sipStatus: 483,
    reason: 'Too Many Hops',
    text: 'The call came back again and again; two systems forward it to each other.',
  },
  CALL_STOPPING: {
    sipStatus: 503,
    reason: 'Service Unavailable',
    text: 'The box is stopping and takes no new calls.',
  },
  CALL_LIMIT: {
    sipStatus: 503,
    reason: 'Service Unavailable',
    text: 'The box or this line has as many calls as it takes at a time.',
  },
  CALL_BOX_FAILED: {
    sipStatus: 500,
    reason: 'Server Internal Error',
    text: 'The box failed while it handled the call; the log has the details.',
  },
} as const satisfies Record<string, CauseEntry>

export type Cause = keyof typeof callCauses

/** Who gave a final response. */
export type AnsweringSide = 'phone' | 'teams'

/** What a failure response of a called side means. */
export function classifyResponse(side: AnsweringSide, status: number): Cause {
  if (status === 486 || status === 600) return 'CALL_BUSY'
  if (status === 603) return 'CALL_DECLINED'
  if (status === 487) return 'CALL_NO_ANSWER'
  if (status === 488 || status === 606 || status === 415) return 'CALL_NO_CODEC'
  if (side === 'teams') {
    if (status === 408 || status === 503 || status === 504) return 'CALL_TEAMS_UNREACHABLE'
    if (status === 403 || status === 401 || status === 407) return 'CALL_TEAMS_FORBIDDEN'
    if (status === 404 || status === 604 || status === 484 || status === 410)
      return 'CALL_TEAMS_UNKNOWN_NUMBER'
    if (status === 480) return 'CALL_NO_ANSWER'
    return 'CALL_TEAMS_FAILED'
  }
  if (status === 480) return 'CALL_DEVICE_REFUSED'
  if (status === 408 || status === 503 || status === 504 || status === 430) return 'CALL_DEVICE_SILENT'
  return 'CALL_DEVICE_REFUSED'
}

/** What a rejection of the media relay means for the call. */
export function classifyMediaError(error: unknown): Cause {
  if (!(error instanceof ApplianceError)) return 'CALL_MEDIA_FAILED'
  if (error.code === 'MEDIA_NO_CODEC') return 'CALL_NO_CODEC'
  if (error.code === 'MEDIA_SDP_INVALID') return 'CALL_SDP_UNUSABLE'
  if (error.code === 'MEDIA_PORTS_EXHAUSTED') return 'CALL_MEDIA_EXHAUSTED'
  return 'CALL_MEDIA_FAILED'
}

/** What the reason text of a BYE means; our engine and a drachtio-server use the same texts. */
export function classifyBye(side: 'caller' | 'callee', reason: string): Cause {
  if (/ack timeout/i.test(reason)) return 'CALL_NO_ACK'
  if (/session (timer )?expired/i.test(reason)) return 'CALL_SESSION_EXPIRED'
  return side === 'caller' ? 'CALL_ENDED_BY_CALLER' : 'CALL_ENDED_BY_CALLEE'
}
