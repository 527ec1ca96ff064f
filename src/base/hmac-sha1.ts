import { createHash } from 'node:crypto'
import { compress } from './sha1-rounds.ts'

const blockBytes = 64

// Working memory, shared by all keys of a thread: with hundreds of keys in turn, memory of their own would have to be
// fetched anew for each packet, and that costs more than the hashing.
const state = new Int32Array(5)
const tail = Buffer.alloc(2 * blockBytes)
/** The one block that follows the outer pad: the inner hash, then padding that never changes (672 bits in all). */
const second = Buffer.alloc(blockBytes)
second[20] = 0x80
second.writeUInt16BE(672, 62)

/**
 * HMAC-SHA1 (RFC 2104) over a packet and four more bytes, for one key and any number of packets.
 * An HMAC object of node:crypto costs about 15 µs per packet; the two pad states, computed once, and the
 * rounds of SHA-1 in JavaScript cost about 0.5 µs.
 */
export class HmacSha1 {
  /** The states after the inner pad (words 0 to 4) and after the outer pad (5 to 9). Secret. */
  readonly #pads = new Int32Array(10)

  constructor(key: Uint8Array) {
    const short = key.length > blockBytes ? createHash('sha1').update(key).digest() : key
    const pad = Buffer.alloc(blockBytes)
    for (const [at, byte] of [
      [0, 0x36],
      [5, 0x5c],
    ] as const) {
      for (let index = 0; index < blockBytes; index++) pad[index] = (short[index] ?? 0) ^ byte
      reset()
      compress(state, pad, 0)
      this.#pads.set(state, at)
    }
  }

  /**
   * Computes the tag over the first `length` bytes of `data` followed by `trailer` as 32 bits big-endian
   * (the ROC of RFC 3711 4.2, or the last part of an SRTCP packet); read the tag before any other HMAC is computed.
   */
  compute(data: Uint8Array, length: number, trailer: number): void {
    restore(this.#pads, 0)
    const whole = length - (length % blockBytes)
    let at = 0
    for (let offset = whole; offset < length;) tail[at++] = data[offset++]!
    tail[at++] = trailer >>> 24
    tail[at++] = trailer >>> 16
    tail[at++] = trailer >>> 8
    tail[at++] = trailer
    tail[at++] = 0x80
    const tailBytes = at + 8 <= blockBytes ? blockBytes : 2 * blockBytes
    while (at < tailBytes - 4) tail[at++] = 0
    const bits = (blockBytes + length + 4) * 8
    tail[at++] = bits >>> 24
    tail[at++] = bits >>> 16
    tail[at++] = bits >>> 8
    tail[at] = bits
    // One call for all blocks: the rounds are long, and each further copy of them would crowd the caches.
    const end = whole + tailBytes
    for (let offset = 0; offset < end; offset += blockBytes) {
      const inData = offset < whole
      compress(state, inData ? data : tail, inData ? offset : offset - whole)
    }

    for (let word = 0; word < 5; word++) {
      const value = state[word]!
      second[word * 4] = value >>> 24
      second[word * 4 + 1] = value >>> 16
      second[word * 4 + 2] = value >>> 8
      second[word * 4 + 3] = value
    }
    restore(this.#pads, 5)
    compress(state, second, 0)
  }

  /** Writes the first `bytes` of the tag computed last. */
  writeTag(target: Uint8Array, offset: number, bytes: number): void {
    for (let index = 0; index < bytes; index++) target[offset + index] = tagByte(index)
  }

  /** Compares the first `bytes` of the tag computed last, in a time that does not depend on where they differ. */
  tagEquals(data: Uint8Array, offset: number, bytes: number): boolean {
    let difference = 0
    for (let index = 0; index < bytes; index++) difference |= data[offset + index]! ^ tagByte(index)
    return difference === 0
  }
}

function reset(): void {
  state[0] = 0x67452301
  state[1] = 0xefcdab89
  state[2] = 0x98badcfe
  state[3] = 0x10325476
  state[4] = 0xc3d2e1f0
}

function restore(saved: Int32Array, at: number): void {
  state[0] = saved[at]!
  state[1] = saved[at + 1]!
  state[2] = saved[at + 2]!
  state[3] = saved[at + 3]!
  state[4] = saved[at + 4]!
}

/** Byte `index` (0 to 19) of the tag computed last. */
function tagByte(index: number): number {
  return (state[index >> 2]! >>> (24 - (index & 3) * 8)) & 0xff
}
