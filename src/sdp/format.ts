import { write, type TransformMedia } from 'sdp-transform'
import { ipFamily } from '#src/base/net.ts'
import { formatCryptoLine } from './crypto-line.ts'
import type { MediaDescription, SessionDescription } from './session-description.ts'

/** Prints a description with CRLF line ends. Each m-line that is in use carries its own c-line. */
export function formatSdp(session: SessionDescription): string {
  const { origin } = session
  const ipVer = ipFamily(origin.address) === 6 ? 6 : 4
  return write({
    version: 0,
    origin: {
      username: origin.username,
      sessionId: origin.sessionId,
      sessionVersion: origin.version,
      netType: 'IN',
      ipVer,
      address: origin.address,
    },
    name: session.name,
    // Phones of the older kind look for the session's c-line only.
    connection: { version: ipVer, ip: origin.address },
    timing: { start: 0, stop: 0 },
    media: session.media.map(formatMedia),
  })
}

function formatMedia(media: MediaDescription): TransformMedia {
  const line: TransformMedia = {
    type: media.kind,
    port: media.port,
    protocol: media.protocol,
    payloads: media.formats,
  }
  // RFC 3264 6: a refused stream keeps its place; what else stands there means nothing.
  if (media.port === 0) return line
  if (media.address !== undefined)
    line.connection = { version: ipFamily(media.address) === 6 ? 6 : 4, ip: media.address }
  line.rtp = media.codecs.map((codec) => ({
    payload: codec.payload,
    codec: codec.name,
    rate: codec.clockRate,
    ...(codec.channels === undefined ? {} : { encoding: codec.channels }),
  }))
  line.fmtp = media.codecs.flatMap((codec) =>
    codec.fmtp === undefined ? [] : [{ payload: codec.payload, config: codec.fmtp }],
  )
  if (media.ptimeMs !== undefined) line.ptime = media.ptimeMs
  if (media.maxptimeMs !== undefined) line.maxptime = media.maxptimeMs
  if (media.rtcp) line.rtcp = { port: media.rtcp.port }
  if (media.rtcpMux) line.rtcpMux = 'rtcp-mux'
  line.direction = media.direction
  line.crypto = media.crypto.map(({ tag, key }) => {
    const [, suite = '', config = ''] = formatCryptoLine(tag, key).split(' ')
    return { id: tag, suite, config }
  })
  if (media.silenceSupp !== undefined) line.invalid = [{ value: media.silenceSupp }]
  return line
}
