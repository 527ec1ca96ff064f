import type { CryptoLine } from './crypto-line.ts'

/** Which way media flows, from the view of who wrote the description (RFC 3264 5.1). */
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'

/** One payload type of an m-line, with its rtpmap or the static assignment of RFC 3551. */
export interface Codec {
  payload: number
  /** As written; compare without regard to case. */
  name: string
  clockRate: number
  channels: number | undefined
  fmtp: string | undefined
}

/** One m-line with what we use of its attributes; ICE, DTLS and the rest are left behind at parsing. */
export interface MediaDescription {
  kind: string
  port: number
  protocol: string
  /** The fmt list as written, for m-lines that we only refuse. */
  formats: string
  codecs: Codec[]
  /** Address of the c-line that holds for this m-line; undefined when there is none. */
  address: string | undefined
  /** a=rtcp (RFC 3605); undefined = the next port, or the same with mux. */
  rtcp: { port: number; address: string | undefined } | undefined
  rtcpMux: boolean
  direction: Direction
  ptimeMs: number | undefined
  maxptimeMs: number | undefined
  /** G.711 silence suppression flag of RFC 3108, passed on as it is. */
  silenceSupp: string | undefined
  /** The a=crypto lines that we could speak, in the order written. */
  crypto: CryptoLine[]
}

/** A session description (RFC 8866) as far as the box uses one. */
export interface SessionDescription {
  origin: { username: string; sessionId: string; version: number; address: string }
  name: string
  media: MediaDescription[]
}

/** Turns a direction around: what the other side reads as its own (RFC 3264 6.1). */
export function reverseDirection(direction: Direction): Direction {
  if (direction === 'sendonly') return 'recvonly'
  return direction === 'recvonly' ? 'sendonly' : direction
}
