import type { SipRequest } from '#src/sip/message.ts'
import type { Dialog } from './dialog.ts'

/** A refusal that leaves the session as it is; with `later` the peer is told when to try again. */
export interface GlareRefusal {
  status: 400 | 491 | 500
  later: boolean
}

const ours: GlareRefusal = { status: 491, later: false }
const theirs: GlareRefusal = { status: 500, later: true }
const noContact: GlareRefusal = { status: 400, later: false }

/** Who is in the middle of changing the session: RFC 3261 14.2 for INVITE, RFC 3311 5.2 for UPDATE. */
export function glareOf(request: SipRequest, dialog: Dialog): GlareRefusal | undefined {
  return request.method === 'INVITE' ? inviteGlare(request, dialog) : updateGlare(request, dialog)
}

function inviteGlare(request: SipRequest, dialog: Dialog): GlareRefusal | undefined {
  if (!request.headers.has('Contact')) return noContact
  if (dialog.openServerInvite || dialog.openServerUpdate) return theirs
  if (dialog.openClientInvite !== undefined || dialog.openClientOffer !== undefined) return ours
  // Our own first INVITE is still open: the peer cannot change what is not agreed (RFC 3261 14.2).
  return dialog.state.phase === 'early' ? ours : undefined
}

function updateGlare(request: SipRequest, dialog: Dialog): GlareRefusal | undefined {
  if (dialog.openServerUpdate) return theirs
  if (request.body.length === 0) return undefined
  if (dialog.openClientOffer !== undefined) return ours
  if (dialog.state.phase === 'early') return earlyGlare(dialog)
  if (dialog.openClientInvite !== undefined) return ours
  return dialog.openServerInvite ? theirs : undefined
}

// Before the answer to the INVITE: an offer of either side that has no answer yet stands in the way. An answer in an
// unreliable 1xx is taken for one, as phones do.
function earlyGlare(dialog: Dialog): GlareRefusal | undefined {
  if (dialog.state.role === 'uac') return dialog.remoteSdpSeen ? undefined : ours
  if (dialog.localSdp === undefined) return dialog.inviteHadOffer ? theirs : undefined
  return !dialog.inviteHadOffer && (dialog.reliable?.outstanding ?? 0) > 0 ? ours : undefined
}
