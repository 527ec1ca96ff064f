import { ipFamily } from '#src/base/net.ts'
import { formatCryptoLine } from './crypto-line.ts'
import type { MediaDescription, SessionDescription } from './session-description.ts'

/**
 * Prints a description with CRLF line ends. Each m-line that is in use carries its own c-line. Written out line by
 * line: a call prints four, and a printer that follows a grammar takes ten times as long.
 */
export function formatSdp({ origin, name, media }: SessionDescription): string {
  const family = familyOf(origin.address)
  let text =
    `v=0\r\no=${origin.username} ${origin.sessionId} ${origin.version} IN ${family} ${origin.address}\r\n` +
    // Phones of the older kind look for the session's c-line only.
    `s=${name}\r\nc=IN ${family} ${origin.address}\r\nt=0 0\r\n`
  for (const line of media) text += formatMedia(line)
  return text
}

function familyOf(address: string): 'IP4' | 'IP6' {
  return ipFamily(address) === 6 ? 'IP6' : 'IP4'
}

function formatMedia(media: MediaDescription): string {
  let text = `m=${media.kind} ${media.port} ${media.protocol} ${media.formats}\r\n`
  // RFC 3264 6: a refused stream keeps its place; what else stands there means nothing.
  if (media.port === 0) return text
  if (media.address !== undefined) text += `c=IN ${familyOf(media.address)} ${media.address}\r\n`
  for (const { payload, name, clockRate, channels } of media.codecs) {
    text += `a=rtpmap:${payload} ${name}/${clockRate}${channels === undefined ? '' : `/${channels}`}\r\n`
  }
  for (const { payload, fmtp } of media.codecs) {
    if (fmtp !== undefined) text += `a=fmtp:${payload} ${fmtp}\r\n`
  }
  if (media.rtcp) text += `a=rtcp:${media.rtcp.port}\r\n`
  for (const { tag, key } of media.crypto) text += `a=crypto:${formatCryptoLine(tag, key)}\r\n`
  if (media.ptimeMs !== undefined) text += `a=ptime:${media.ptimeMs}\r\n`
  if (media.maxptimeMs !== undefined) text += `a=maxptime:${media.maxptimeMs}\r\n`
  text += `a=${media.direction}\r\n`
  if (media.rtcpMux) text += 'a=rtcp-mux\r\n'
  if (media.silenceSupp !== undefined) text += `a=${media.silenceSupp}\r\n`
  return text
}
