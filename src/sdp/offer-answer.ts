import { ApplianceError } from '#src/base/errors.ts'
import { ipFamily, normalIp, type Endpoint } from '#src/base/net.ts'
import type { CryptoLine } from './crypto-line.ts'
import { sdpInvalid } from './parse.ts'
import type { Codec, Direction, MediaDescription, SessionDescription } from './session-description.ts'

/** Audio codecs that the box carries; it does not have to be able to decode them. */
const audioCodecs = new Set(
  (
    'PCMU PCMA G722 G729 G729A G723 G728 GSM ILBC OPUS SILK SPEEX L16 AMR AMR-WB G7221 ' +
    'G726-16 G726-24 G726-32 G726-40 AAL2-G726-32 BV16 BV32 EVS RED X-MSRTA SIREN'
  ).split(' '),
)

const plainProtocols = new Set(['RTP/AVP', 'RTP/AVPF'])
const secureProtocols = new Set(['RTP/SAVP', 'RTP/SAVPF'])

/** The audio stream of a description, checked and ready to use. */
export interface AudioStream {
  /** Place of its m-line. */
  index: number
  media: MediaDescription
  secure: boolean
  /** Where the writer wants to get RTP; undefined while it is held by c=0.0.0.0. */
  remote: Endpoint | undefined
  remoteRtcp: Endpoint | undefined
  /** Direction, with a hold by c=0.0.0.0 (RFC 3264 8.4) told as `sendonly` or `inactive`. */
  direction: Direction
  /** The key of what the writer sends, for a secure stream; in an offer the one we choose. */
  crypto: CryptoLine | undefined
}

/**
 * Finds the first audio stream that we can carry; a phone may offer the same audio twice, say with DTLS and plain.
 * When none can be used, throws what speaks against the first: MEDIA_SDP_INVALID for its address, profile or keys
 * or because there is none, MEDIA_NO_CODEC when it names no codec that we know.
 */
export function findAudio(session: SessionDescription): AudioStream {
  let failure: ApplianceError | undefined
  for (const [index, media] of session.media.entries()) {
    if (media.kind !== 'audio' || media.port === 0) continue
    const stream = readAudio(media, index)
    if (!(stream instanceof ApplianceError)) return stream
    failure ??= stream
  }
  throw failure ?? sdpInvalid('no audio stream')
}

function readAudio(media: MediaDescription, index: number): AudioStream | ApplianceError {
  const secure = secureProtocols.has(media.protocol)
  if (!secure && !plainProtocols.has(media.protocol))
    return sdpInvalid(`profile ${media.protocol} is not supported`)
  if (!media.codecs.some(isAudioCodec)) {
    return new ApplianceError('MEDIA_NO_CODEC', { offered: media.codecs.map((codec) => codec.name) })
  }
  const crypto = secure ? chooseCrypto(media.crypto) : undefined
  if (secure && !crypto) return sdpInvalid('RTP/SAVP without a usable a=crypto line')
  const held = isHoldAddress(media.address)
  if (!held && !isUnicast(media.address)) return sdpInvalid('the address of the audio stream cannot be used')
  const remote = held ? undefined : { host: normalIp(media.address ?? ''), port: media.port }
  return {
    index,
    media,
    secure,
    remote,
    remoteRtcp: remote && rtcpEndpoint(media, remote),
    direction: held ? holdDirection(media.direction) : media.direction,
    crypto,
  }
}

/** The codecs of an answer that were offered, matched by name and clock; throws MEDIA_NO_CODEC when no audio is among them. */
export function sharedCodecs(offered: Codec[], answered: Codec[]): Codec[] {
  const shared = answered.filter((codec) => offered.some((other) => sameCodec(codec, other)))
  if (!shared.some(isAudioCodec)) {
    throw new ApplianceError('MEDIA_NO_CODEC', {
      offered: offered.map((codec) => codec.name),
      answered: answered.map((codec) => codec.name),
    })
  }
  return shared
}

/** True for codecs that carry speech; telephone-event and CN do not count. */
export function isAudioCodec(codec: Codec): boolean {
  return audioCodecs.has(codec.name.toUpperCase())
}

/** Same encoding at the same clock; payload numbers may differ. */
export function sameCodec(a: Codec, b: Codec): boolean {
  return a.name.toUpperCase() === b.name.toUpperCase() && a.clockRate === b.clockRate
}

/** The direction of an answer that allows as much as `wanted` does (RFC 3264 6.1). */
export function answerDirection(offered: Direction, wanted: Direction = 'sendrecv'): Direction {
  const mayReceive =
    (offered === 'sendrecv' || offered === 'sendonly') && wanted !== 'sendonly' && wanted !== 'inactive'
  const maySend =
    (offered === 'sendrecv' || offered === 'recvonly') && wanted !== 'recvonly' && wanted !== 'inactive'
  if (maySend) return mayReceive ? 'sendrecv' : 'sendonly'
  return mayReceive ? 'recvonly' : 'inactive'
}

/** Prefers the 80-bit tag, as Teams demands, wherever it stands in the list; within a suite the writer's order. */
function chooseCrypto(lines: CryptoLine[]): CryptoLine | undefined {
  return lines.find((line) => line.key.suite === 'AES_CM_128_HMAC_SHA1_80') ?? lines[0]
}

/** True for the addresses that once meant a hold (RFC 3264 8.4). */
export function isHoldAddress(address: string | undefined): boolean {
  return address === '0.0.0.0' || address === '::'
}

function isUnicast(address: string | undefined): boolean {
  if (address === undefined) return false
  const family = ipFamily(address)
  if (family === 0) return false
  if (family === 6) return !/^ff/i.test(address)
  const first = Number(address.split('.')[0])
  return first > 0 && first < 224
}

/** The direction that a hold by address means. */
export function holdDirection(direction: Direction): Direction {
  return direction === 'sendrecv' || direction === 'sendonly' ? 'sendonly' : 'inactive'
}

function rtcpEndpoint(media: MediaDescription, remote: Endpoint): Endpoint {
  if (media.rtcpMux && media.rtcp === undefined) return remote
  const address = media.rtcp?.address
  // A stream with mux tells the RTP port once more; without a=rtcp it is the next one (RFC 3550 11).
  return {
    host: address !== undefined && isUnicast(address) ? normalIp(address) : remote.host,
    port: media.rtcp?.port ?? Math.min(remote.port + 1, 65535),
  }
}
