import { parse as transform, type TransformMedia } from 'sdp-transform'
import { ApplianceError } from '#src/base/errors.ts'
import { parseCryptoLine, type CryptoLine } from './crypto-line.ts'
import type { Codec, Direction, MediaDescription, SessionDescription } from './session-description.ts'

/** Descriptions beyond this are not read; a real one has one to three kilobytes. */
export const maxSdpBytes = 32_768

/** m-lines beyond this make a description unusable. */
export const maxMediaLines = 16

/** RFC 3551 6: payload types that need no rtpmap. */
const staticCodecs: Record<number, [name: string, clockRate: number]> = {
  0: ['PCMU', 8000],
  3: ['GSM', 8000],
  4: ['G723', 8000],
  8: ['PCMA', 8000],
  9: ['G722', 8000],
  13: ['CN', 8000],
  15: ['G728', 8000],
  18: ['G729', 8000],
}

/** Says why a description cannot be used, as the error that every part of the media side throws. */
export function sdpInvalid(reason: string): ApplianceError {
  return new ApplianceError('MEDIA_SDP_INVALID', { reason })
}

/** Reads a description; throws MEDIA_SDP_INVALID with the reason. Attributes that we do not use are left behind. */
export function parseSdp(text: string): SessionDescription {
  if (text.length > maxSdpBytes) throw sdpInvalid('too long')
  if (!/^v=0[ \t]*(\r|\n|$)/.test(text)) throw sdpInvalid('does not start with v=0')
  const parsed = transform(text)
  if (parsed.media.length > maxMediaLines) throw sdpInvalid('too many m-lines')
  const crypto = cryptoByMedia(text)
  const origin = parsed.origin
  return {
    origin: {
      username: String(origin?.username ?? '-'),
      sessionId: String(origin?.sessionId ?? '0'),
      version: Number(origin?.sessionVersion ?? 0),
      address: String(origin?.address ?? ''),
    },
    name: String(parsed.name ?? '-'),
    media: parsed.media.map((media, index) =>
      readMedia(media, {
        address: parsed.connection?.ip,
        direction: parsed.direction,
        crypto: crypto[index] ?? [],
      }),
    ),
  }
}

interface SessionLevel {
  address: string | number | undefined
  direction: string | undefined
  crypto: CryptoLine[]
}

function readMedia(media: TransformMedia, session: SessionLevel): MediaDescription {
  const { type, port, protocol } = media
  // The library keeps an m-line that it cannot read as one without a type.
  if (!type || port === undefined || !protocol) throw sdpInvalid('an m-line cannot be read')
  if (!(port >= 0 && port <= 65535)) throw sdpInvalid('a port is not a port')
  const formats = String(media.payloads ?? '').trim()
  const address = media.connection?.ip ?? session.address
  return {
    kind: type,
    port,
    protocol: protocol.toUpperCase(),
    formats,
    codecs: type === 'audio' ? readCodecs(media, formats) : [],
    // A multicast c-line may carry /ttl; such an address is refused later.
    address: address === undefined ? undefined : String(address),
    rtcp:
      media.rtcp && media.rtcp.port > 0 && media.rtcp.port <= 65535
        ? { port: media.rtcp.port, address: media.rtcp.address }
        : undefined,
    rtcpMux: media.rtcpMux !== undefined,
    direction: readDirection(media.direction ?? session.direction),
    ptimeMs: readMs(media.ptime),
    maxptimeMs: readMs(media.maxptime),
    silenceSupp: media.invalid
      ?.map((line) => String(line.value))
      .find((line) => /^silenceSupp:[\w -]+$/.test(line)),
    crypto: session.crypto,
  }
}

function readCodecs(media: TransformMedia, formats: string): Codec[] {
  const codecs: Codec[] = []
  // A number counts once: a list that repeats itself would make every later comparison of two lists quadratic.
  for (const format of new Set(formats.split(/ +/))) {
    if (!/^(0|[1-9]\d{0,2})$/.test(format) || Number(format) > 127) continue
    const payload = Number(format)
    const map = media.rtp?.find((line) => line.payload === payload)
    const fixed = staticCodecs[payload]
    if (!map && !fixed) continue
    const fmtp = media.fmtp?.find((line) => line.payload === payload)
    codecs.push({
      payload,
      name: map ? String(map.codec) : fixed![0],
      clockRate: Number(map?.rate ?? fixed?.[1] ?? 8000) || 8000,
      channels: map?.encoding === undefined ? undefined : Number(map.encoding) || undefined,
      fmtp: fmtp ? String(fmtp.config) : undefined,
    })
  }
  return codecs
}

function readDirection(text: string | undefined): Direction {
  return text === 'sendonly' || text === 'recvonly' || text === 'inactive' ? text : 'sendrecv'
}

function readMs(value: number | string | undefined): number | undefined {
  const ms = Number(value ?? 0)
  return ms > 0 && ms <= 1000 ? ms : undefined
}

/**
 * Reads the a=crypto lines from the text itself: the library keeps only the first session parameter,
 * and a later one may switch encryption off.
 */
function cryptoByMedia(text: string): CryptoLine[][] {
  const found: CryptoLine[][] = []
  for (const line of text.split(/\r\n|\r|\n/)) {
    if (line.startsWith('m=')) found.push([])
    const lines = found.at(-1)
    if (!lines || !line.startsWith('a=crypto:')) continue
    const crypto = parseCryptoLine(line.slice('a=crypto:'.length))
    if (crypto) lines.push(crypto)
  }
  return found
}
