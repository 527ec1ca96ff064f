import type { Endpoint } from '#src/base/net.ts'
import type { Events } from '#src/base/events.ts'

/** The two sides of a session: who sent the first offer, and who got it. */
export type Side = 'caller' | 'callee'

export type RtpProfile = 'RTP/AVP' | 'RTP/SAVP'

/** What the relay shows to the side that it makes a description for. */
export interface LegMedia {
  profile: RtpProfile
  /** Local IP address that this side sends to; sockets are bound to it and c= shows it. */
  localAddress: string
  /** Address shown in c= instead of `localAddress` (NAT); undefined = the same. */
  advertisedAddress?: string
}

export interface DescribeRequest {
  /** One session per branch of a fork; ended by `delete`. */
  sessionId: string
  /** Who wrote `sdp`. */
  from: Side
  sdp: string
  /** How the other side is spoken to. */
  toward: LegMedia
}

/**
 * The media seam: offers and answers go through it, RTP follows (RFC 3264). Two adapters satisfy it,
 * the embedded relay and rtpengine. All SDP is text; results are complete descriptions for the other side.
 * Rejections are ApplianceErrors: MEDIA_SDP_INVALID, MEDIA_NO_CODEC, MEDIA_PORTS_EXHAUSTED, MEDIA_FAILED.
 */
export interface MediaRelay extends Events<MediaEvents> {
  start(): Promise<void>
  stop(): Promise<void>
  /** First offer or re-offer from either side. Opens the session when it is new. */
  offer(request: DescribeRequest): Promise<string>
  /** Answer to the last offer; may be called again for the same answer (183, then 200) with the same result. */
  answer(request: DescribeRequest): Promise<string>
  /** Ends the session and frees its ports; undefined when it is unknown. */
  delete(sessionId: string): Promise<SessionStats | undefined>
  query(sessionId: string): Promise<SessionStats | undefined>
  /** For health and the leak counters of the tests. */
  totals(): Promise<RelayTotals>
}

export interface MediaEvents {
  /** The relay ended a session by itself. */
  sessionEnded: { sessionId: string; reason: 'worker-died' | 'inactive' }
}

export interface RelayTotals {
  sessions: number
  portsInUse: number
  portsTotal: number
}

export interface SessionStats {
  caller: LegStats
  callee: LegStats
}

/** Counters of what one side sent to us, and we to it. RTP only, except where named. */
export interface LegStats {
  profile: RtpProfile
  receivedPackets: number
  receivedBytes: number
  sentPackets: number
  /** Gaps in the sequence numbers (RFC 3550 A.3). */
  lostPackets: number
  /** Interarrival jitter, ms (RFC 3550 A.8). */
  jitterMs: number
  /** SRTP packets whose tag did not verify. */
  badTag: number
  replayed: number
  /** Packets from an address that is not this leg's peer. */
  foreignSource: number
  malformed: number
  /** Where this side really sends from; undefined until the first proven packet. */
  peer: Endpoint | undefined
}
