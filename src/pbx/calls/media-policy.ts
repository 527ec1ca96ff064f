import type { RtpProfile } from '#src/media/media-relay.ts'
import type { FlowAddress } from '#src/model/binding.ts'
import { audioDirection, withAudioDirection } from '#src/sdp/rewrite.ts'

/**
 * How a called phone is offered audio, in the order to try: encrypted only when its signalling is, for a key in clear
 * text protects nothing; plain for a phone with TLS that refuses SRTP.
 */
export function profilesForPhone(protocol: FlowAddress['protocol']): readonly RtpProfile[] {
  return protocol === 'tls' || protocol === 'wss' ? ['RTP/SAVP', 'RTP/AVP'] : ['RTP/AVP']
}

/** Teams speaks SRTP only, in both directions. */
export const profileForTeams: RtpProfile = 'RTP/SAVP'

/**
 * The profile of the first audio stream of an offer; an answer must repeat it (RFC 3264 6.1). Undefined when it
 * is none that we speak.
 */
export function offeredProfile(sdp: string): RtpProfile | undefined {
  const proto = /^m=audio \d+(?:\/\d+)? (\S+) /m.exec(sdp)?.[1]
  if (proto === 'RTP/AVP' || proto === 'RTP/AVPF') return 'RTP/AVP'
  return proto === 'RTP/SAVP' || proto === 'RTP/SAVPF' ? 'RTP/SAVP' : undefined
}

/**
 * Teams understands only a=inactive as hold. `sdp` is what the relay made for Teams; the relay has already told
 * a hold by c=0.0.0.0 as a direction.
 */
export function holdForTeams(sdp: string): string {
  return audioDirection(sdp) === 'sendrecv' ? sdp : withAudioDirection(sdp, 'inactive')
}

/**
 * True when a re-offer is the session as it is: a refresh (RFC 4028 7.4). The whole text counts, not only o=: phones
 * that hold a call without a new version exist.
 */
export function isSameSession(before: string, now: string): boolean {
  return before.trim() !== '' && before.trim() === now.trim()
}
