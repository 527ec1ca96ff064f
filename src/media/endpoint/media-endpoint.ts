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
  localAddress: string
  /** Refuse anything but this profile (Teams: SRTP only); undefined = as offered. */
  require?: RtpProfile
}

export interface EndpointSession {
  readonly localSdp: string
  acceptAnswer(answerSdp: string): void
  /** Answers a re-offer (hold, resume, refresh) and goes on. */
  renegotiate(offerSdp: string): string
  /** Plays once; resolves at its end, or false when `stopPlaying`, another `play` or `close` cut it short. */
  play(pcm: Pcm, options?: { repeat?: boolean }): Promise<boolean>
  stopPlaying(): void
  /** Sends back what is heard. */
  echo(on: boolean): void
  /** Heard telephone events (RFC 4733), one call per key press. */
  onDtmf: ((key: string) => void) | undefined
  /** Heard audio, decoded, as it comes. */
  onAudio: ((pcm: Pcm) => void) | undefined
  readonly stats: { receivedPackets: number; sentPackets: number; badTag: number }
  close(): void
}
