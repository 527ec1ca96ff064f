import { HmacSha1 } from '#src/base/hmac-sha1.ts'
import { deriveSessionKeys, endsWith, type SrtpKey } from './key-derivation.ts'
import { looksLikeRtcp, rtcpMinBytes, rtcpSsrc } from './rtcp.ts'
import { ReplayWindow } from './replay-window.ts'
import { SrtpCipher } from './srtp-cipher.ts'
import { srtpFailure } from './srtp-failure.ts'

const indexBytes = 4
/** SRTCP tags have 80 bits in both suites (RFC 4568 6.2.2). */
const tagBytes = 10
const maxIndex = 0x7fffffff

/**
 * RTCP header and SSRC | rest (encrypted) | E and index | tag (RFC 3711 3.4). The index travels in the packet,
 * so nothing has to be guessed. An instance is used in one direction only.
 */
export class SrtcpContext {
  readonly #cipher: SrtpCipher
  readonly #hmac: HmacSha1
  readonly #limit: number
  readonly #mki: Uint8Array | undefined
  readonly #windows = new Map<number, ReplayWindow>()
  #nextIndex = 0

  constructor(key: SrtpKey, limit: number) {
    const keys = deriveSessionKeys(key, 'rtcp')
    this.#cipher = new SrtpCipher(keys.cipherKey, keys.salt)
    this.#hmac = new HmacSha1(keys.authKey)
    this.#limit = limit
    this.#mki = key.mki
  }

  protect(packet: Buffer, length: number): number {
    if (!looksLikeRtcp(packet, length)) return srtpFailure.malformed
    if (length + indexBytes + tagBytes > packet.length) return srtpFailure.noRoom
    if (this.#nextIndex > maxIndex) return srtpFailure.keyExhausted
    // One counter for all SSRCs: indices need only be unique and rising per SSRC, and there is no state to bound.
    const index = this.#nextIndex++
    this.#cipher.applyOnce(packet, rtcpMinBytes, length, rtcpSsrc(packet), index)
    const trailer = index | 0x80000000
    packet.writeInt32BE(trailer, length)
    this.#hmac.compute(packet, length, trailer)
    this.#hmac.writeTag(packet, length + indexBytes, tagBytes)
    return length + indexBytes + tagBytes
  }

  unprotect(packet: Buffer, length: number): number {
    const mki = this.#mki
    // As in SRTP: the MKI stands before the tag, if the peer really sends it.
    if (mki !== undefined && length <= packet.length && endsWith(packet, length - tagBytes, mki)) {
      const result = this.#open(packet, length - mki.length, length - tagBytes)
      if (result !== srtpFailure.badTag) return result
    }
    return this.#open(packet, length, length - tagBytes)
  }

  /** `length` is that of the packet without MKI. */
  #open(packet: Buffer, length: number, tagAt: number): number {
    const clearLength = length - indexBytes - tagBytes
    if (tagAt + tagBytes > packet.length || !looksLikeRtcp(packet, clearLength)) return srtpFailure.malformed
    const ssrc = rtcpSsrc(packet)
    const trailer = packet.readInt32BE(clearLength)
    const index = trailer & maxIndex
    const known = this.#windows.get(ssrc)
    if (known !== undefined && !known.check(index)) return srtpFailure.replayed
    this.#hmac.compute(packet, clearLength, trailer)
    if (!this.#hmac.tagEquals(packet, tagAt, tagBytes)) return srtpFailure.badTag
    if (known === undefined && this.#windows.size >= this.#limit) return srtpFailure.tooManyStreams
    const window = known ?? new ReplayWindow()
    if (known === undefined) this.#windows.set(ssrc, window)
    // E flag: a sender may authenticate without encrypting (RFC 3711 3.4).
    if (trailer < 0) this.#cipher.applyOnce(packet, rtcpMinBytes, clearLength, ssrc, index)
    window.add(index)
    return clearLength
  }
}
