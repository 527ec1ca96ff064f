import { createCipheriv, createHmac } from 'node:crypto'
import type { SrtpKey } from '#src/rtp/key-derivation.ts'

/** RFC 3711 written down once more, slowly and with node:crypto only, to hold the fast one against. */
export function referenceDerive(key: SrtpKey, label: number, length: number): Buffer {
  const counter = Buffer.alloc(16)
  Buffer.from(key.masterSalt).copy(counter)
  counter[7] = counter[7]! ^ label
  return createCipheriv('aes-128-ctr', key.masterKey, counter).update(Buffer.alloc(length))
}

function keyStreamIv(salt: Buffer, ssrc: number, index: bigint): Buffer {
  const iv = (BigInt('0x' + salt.toString('hex')) << 16n) ^ (BigInt(ssrc >>> 0) << 64n) ^ (index << 16n)
  return Buffer.from(iv.toString(16).padStart(32, '0'), 'hex')
}

/** Protects an RTP packet whose payload starts at `offset`, with the rollover counter told from outside. */
export function referenceProtectRtp(key: SrtpKey, packet: Buffer, offset: number, roc: number): Buffer {
  const index = (BigInt(roc) << 16n) | BigInt(packet.readUInt16BE(2))
  const cipher = createCipheriv(
    'aes-128-ctr',
    referenceDerive(key, 0, 16),
    keyStreamIv(referenceDerive(key, 2, 14), packet.readUInt32BE(8), index),
  )
  const body = Buffer.concat([packet.subarray(0, offset), cipher.update(packet.subarray(offset))])
  const rocBytes = Buffer.alloc(4)
  rocBytes.writeUInt32BE(roc)
  const tag = createHmac('sha1', referenceDerive(key, 1, 20))
    .update(body)
    .update(rocBytes)
    .digest()
  return Buffer.concat([body, tag.subarray(0, key.suite === 'AES_CM_128_HMAC_SHA1_32' ? 4 : 10)])
}

/** Protects an RTCP compound under the given SRTCP index. */
export function referenceProtectRtcp(key: SrtpKey, packet: Buffer, index: number): Buffer {
  const cipher = createCipheriv(
    'aes-128-ctr',
    referenceDerive(key, 3, 16),
    keyStreamIv(referenceDerive(key, 5, 14), packet.readUInt32BE(4), BigInt(index)),
  )
  const trailer = Buffer.alloc(4)
  trailer.writeUInt32BE((index | 0x80000000) >>> 0)
  const body = Buffer.concat([packet.subarray(0, 8), cipher.update(packet.subarray(8)), trailer])
  const tag = createHmac('sha1', referenceDerive(key, 4, 20))
    .update(body)
    .digest()
  return Buffer.concat([body, tag.subarray(0, 10)])
}

/** Repeatable pseudo-random numbers for fuzzing and random packets (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 0x100000000
  }
}

/** Random bytes from a seeded generator. */
export function seededBytes(random: () => number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let index = 0; index < length; index++) bytes[index] = random() * 256
  return bytes
}
