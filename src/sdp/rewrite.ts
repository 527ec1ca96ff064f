import { holdDirection, isHoldAddress, type AudioStream } from './offer-answer.ts'
import type { CryptoLine } from './crypto-line.ts'
import { parseSdp } from './parse.ts'
import { formatSdp } from './format.ts'
import type { Direction, MediaDescription, SessionDescription } from './session-description.ts'

/** What we put in place of the writer's own: the description then speaks of us. */
export interface Replacement {
  /** Shown in o= and c=. */
  address: string
  port: number
  rtcpPort: number
  /** Profile as written in the m-line. */
  protocol: string
  rtcpMux: boolean
  /** Our key toward the reader; undefined for a plain stream. */
  crypto: CryptoLine | undefined
  origin: { sessionId: string; version: number }
}

/**
 * Makes the description for the other side: the audio stream with its codecs, ptime and direction, but our
 * address, port, profile and key. `layout` gives the m-lines that the reader expects, in place: for an offer the
 * writer's own, for an answer those of the reader's offer. All but the audio line are refused with port 0.
 */
export function rewriteSdp(
  audio: AudioStream,
  layout: { media: MediaDescription[]; audioIndex: number },
  replacement: Replacement,
): SessionDescription {
  return {
    origin: { username: '-', ...replacement.origin, address: replacement.address },
    name: '-',
    media: layout.media.map((media, index) =>
      index === layout.audioIndex ? ours(audio, replacement) : refused(media),
    ),
  }
}

function ours(audio: AudioStream, replacement: Replacement): MediaDescription {
  const { media } = audio
  return {
    ...media,
    port: replacement.port,
    protocol: replacement.protocol,
    formats: media.codecs.map((codec) => codec.payload).join(' '),
    address: replacement.address,
    rtcp: { port: replacement.rtcpPort, address: undefined },
    rtcpMux: replacement.rtcpMux,
    direction: audio.direction,
    crypto: replacement.crypto ? [replacement.crypto] : [],
  }
}

function refused(media: MediaDescription): MediaDescription {
  return { ...media, port: 0, formats: media.formats || '0', codecs: [], crypto: [] }
}

/** Reads the direction of the first audio stream in use, a hold by c=0.0.0.0 included; `inactive` when there is none. */
export function audioDirection(sdp: string): Direction {
  const media = parseSdp(sdp).media.find((line) => line.kind === 'audio' && line.port !== 0)
  if (!media) return 'inactive'
  return isHoldAddress(media.address) ? holdDirection(media.direction) : media.direction
}

/**
 * Prints a description of ours again with another direction on its audio streams, say `inactive` toward
 * a trunk that knows no other hold. Only for what the relay printed: foreign attributes would be lost.
 */
export function withAudioDirection(sdp: string, direction: Direction): string {
  const session = parseSdp(sdp)
  return formatSdp({
    ...session,
    media: session.media.map((media) =>
      media.kind === 'audio' && media.port !== 0 ? { ...media, direction } : media,
    ),
  })
}
