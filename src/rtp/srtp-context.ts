import { HmacSha1 } from '#src/base/hmac-sha1.ts'
import { deriveSessionKeys, endsWith, rtpTagBytes, type SrtpKey } from './key-derivation.ts'
import { rtpPayloadOffset, rtpSequence, rtpSsrc } from './packet.ts'
import { SrtcpContext } from './srtcp-context.ts'
import { SrtpCipher } from './srtp-cipher.ts'
import { StreamTable, type StreamState } from './srtp-stream.ts'
import { srtpFailure } from './srtp-failure.ts'

export { srtpFailure, srtpFailureText, type SrtpFailure } from './srtp-failure.ts'

/** Bytes that `protectRtp` may add to a packet. */
export const srtpOverheadBytes = 10

/** Bytes that `protectRtcp` adds: E flag with index, and the tag. */
export const srtcpOverheadBytes = 14

/** Streams (SSRCs) that one context keeps; further ones are refused, since forgetting one would reuse its key stream. */
export const maxStreams = 256

/** One direction of SRTP that we send (RFC 3711). Both calls work in place and return the new length, or a `srtpFailure`. */
export interface SrtpSender {
  /** The first `length` bytes are an RTP packet; the buffer has `srtpOverheadBytes` of room behind it. */
  protectRtp(packet: Buffer, length: number): number
  /** The first `length` bytes are an RTCP compound; the buffer has `srtcpOverheadBytes` of room behind it. */
  protectRtcp(packet: Buffer, length: number): number
}

/** One direction of SRTP that we receive. A packet that is refused leaves no trace in the state. */
export interface SrtpReceiver {
  unprotectRtp(packet: Buffer, length: number): number
  unprotectRtcp(packet: Buffer, length: number): number
}

/** Makes the context for what we send under `key`. Never make two for one key: their key streams would be the same. */
export function createSrtpSender(key: SrtpKey, options: { maxStreams?: number } = {}): SrtpSender {
  return new Direction(key, options.maxStreams ?? maxStreams)
}

/** Makes the context for what the peer sends under `key`. */
export function createSrtpReceiver(key: SrtpKey, options: { maxStreams?: number } = {}): SrtpReceiver {
  return new Direction(key, options.maxStreams ?? maxStreams)
}

/** RTP and RTCP under one master key, in one direction. */
class Direction implements SrtpSender, SrtpReceiver {
  readonly #rtp: RtpContext
  readonly #rtcp: SrtcpContext

  constructor(key: SrtpKey, limit: number) {
    this.#rtp = new RtpContext(key, limit)
    this.#rtcp = new SrtcpContext(key, limit)
  }

  protectRtp(packet: Buffer, length: number): number {
    return this.#rtp.protect(packet, length)
  }

  protectRtcp(packet: Buffer, length: number): number {
    return this.#rtcp.protect(packet, length)
  }

  unprotectRtp(packet: Buffer, length: number): number {
    return this.#rtp.unprotect(packet, length)
  }

  unprotectRtcp(packet: Buffer, length: number): number {
    return this.#rtcp.unprotect(packet, length)
  }
}

/**
 * RTP header | payload (encrypted) | tag; the tag also covers the rollover counter, which is not sent.
 * An instance is used in one direction only.
 */
class RtpContext {
  readonly #streams: StreamTable
  readonly #hmac: HmacSha1
  readonly #tagBytes: number
  readonly #mki: Uint8Array | undefined

  constructor(key: SrtpKey, limit: number) {
    const keys = deriveSessionKeys(key, 'rtp')
    this.#streams = new StreamTable(new SrtpCipher(keys.cipherKey, keys.salt), limit)
    this.#hmac = new HmacSha1(keys.authKey)
    this.#tagBytes = rtpTagBytes(key.suite)
    this.#mki = key.mki
  }

  protect(packet: Buffer, length: number): number {
    const payload = rtpPayloadOffset(packet, length)
    if (payload < 0) return srtpFailure.malformed
    if (length + this.#tagBytes > packet.length) return srtpFailure.noRoom
    const ssrc = rtpSsrc(packet)
    const known = this.#streams.find(ssrc)
    if (known === undefined && this.#streams.full) return srtpFailure.tooManyStreams
    const index = guessIndex(known, rtpSequence(packet))
    if (index < 0) return index
    // The same index twice would encrypt two payloads with one key stream (RFC 3711 9.1).
    if (known !== undefined && !known.window.check(index)) return srtpFailure.replayed
    const stream = known ?? this.#streams.add(ssrc)
    this.#streams.use(stream)
    stream.keys.apply(packet, payload, length, index)
    this.#hmac.compute(packet, length, rollover(index))
    this.#hmac.writeTag(packet, length, this.#tagBytes)
    stream.window.add(index)
    return length + this.#tagBytes
  }

  unprotect(packet: Buffer, length: number): number {
    const tagAt = length - this.#tagBytes
    const payload = rtpPayloadOffset(packet, length)
    if (payload < 0 || payload > tagAt) return srtpFailure.malformed
    const ssrc = rtpSsrc(packet)
    const known = this.#streams.find(ssrc)
    const index = guessIndex(known, rtpSequence(packet))
    if (index < 0) return index
    // RFC 3711 3.3: replay first, because it is cheap; the window moves only after the tag has verified.
    if (known !== undefined && !known.window.check(index)) return srtpFailure.replayed
    const clearLength = this.#verify(packet, payload, tagAt, rollover(index))
    if (clearLength < 0) return srtpFailure.badTag
    if (known === undefined && this.#streams.full) return srtpFailure.tooManyStreams
    const stream = known ?? this.#streams.add(ssrc)
    this.#streams.use(stream)
    stream.keys.apply(packet, payload, clearLength, index)
    stream.window.add(index)
    return clearLength
  }

  /** Returns where the encrypted payload ends, or a negative number when the tag does not verify. */
  #verify(packet: Buffer, payload: number, tagAt: number, roc: number): number {
    const mki = this.#mki
    // A peer that announces an MKI may leave it out all the same: what stands there decides.
    if (mki !== undefined && tagAt - mki.length >= payload && endsWith(packet, tagAt, mki)) {
      this.#hmac.compute(packet, tagAt - mki.length, roc)
      if (this.#hmac.tagEquals(packet, tagAt, this.#tagBytes)) return tagAt - mki.length
    }
    this.#hmac.compute(packet, tagAt, roc)
    return this.#hmac.tagEquals(packet, tagAt, this.#tagBytes) ? tagAt : srtpFailure.badTag
  }
}

function rollover(index: number): number {
  return Math.floor(index / 0x10000)
}

/**
 * Estimates the 48-bit index of a packet (RFC 3711 3.3.1): the rollover counter that puts its sequence number
 * nearest to the highest index of the stream. Negative when the key has served its 2^48 packets.
 */
function guessIndex(stream: StreamState | undefined, sequence: number): number {
  if (stream === undefined) return sequence
  const highest = stream.window.highest
  let index = highest - (highest % 0x10000) + sequence
  if (index - highest > 0x8000) {
    if (index >= 0x10000) index -= 0x10000
  } else if (highest - index > 0x8000) {
    index += 0x10000
  }
  return index >= 2 ** 48 ? srtpFailure.keyExhausted : index
}
