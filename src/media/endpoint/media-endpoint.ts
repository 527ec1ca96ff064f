import type { RtpProfile } from '#src/media/media-relay.ts'

/** Sixteen-bit linear PCM, mono, 8,000 samples per second. */
export type Pcm = Int16Array

/** Makes RTP end in the box: for feature codes, prompts, and the people of the lab. G.711 A/µ and telephone-event. */
export interface MediaEndpoints {
  /** Answers an offer; rejects with MEDIA_NO_CODEC or MEDIA_SDP_INVALID. */
  answer(offerSdp: string, options: EndpointOptions): Promise<EndpointSession>
  /** Makes an offer of our own; complete it with `acceptAnswer`. */
  offer(options: EndpointOptions & { profile: RtpProfile }): Promise<EndpointSession>
}

export interface EndpointOptions {
  /** Local IP address that the sockets are bound to and c= shows. */
  localAddress: string
  /** Address shown in c= instead of `localAddress` (NAT); undefined = the same. */
  advertisedAddress?: string
  /** Refuse anything but this profile (Teams: SRTP only); undefined = as offered. */
  require?: RtpProfile
}

export interface EndpointSession {
  /** Our latest description: the offer that we made, or the answer to the latest offer. */
  readonly localSdp: string
  /** How this session's packets are protected. */
  readonly profile: RtpProfile
  acceptAnswer(answerSdp: string): void
  /** Answers a re-offer (hold, resume, refresh) and goes on. */
  renegotiate(offerSdp: string): string
  /** Plays once; resolves at its end, or false when `stopPlaying`, another `play` or `close` cut it short. */
  play(pcm: Pcm, options?: { repeat?: boolean }): Promise<boolean>
  stopPlaying(): void
  /** Sends keys (0-9 * # A-D) as telephone events (RFC 4733); false when the peer takes none or `close` cut it short. */
  sendDtmf(keys: string): Promise<boolean>
  /** Sends back what is heard. */
  echo(on: boolean): void
  /** Heard telephone events (RFC 4733), one call per key press. */
  onDtmf: ((key: string) => void) | undefined
  /** Heard audio, decoded, as it comes. */
  onAudio: ((pcm: Pcm) => void) | undefined
  readonly stats: EndpointStats
  close(): void
}

/** Counters of RTP that ended or began here; RTCP is not counted. */
export interface EndpointStats {
  /** Proven packets: tag verified, payload type negotiated. */
  receivedPackets: number
  sentPackets: number
  /** SRTP packets whose tag did not verify, plain RTP where SRTP was agreed included. */
  badTag: number
  /** Gaps in the sequence numbers (RFC 3550 A.3). */
  lostPackets: number
}
