import { createCipheriv } from 'node:crypto'

/** The suites of SDES that we speak (RFC 4568 6.2); they differ only in the length of the RTP tag. */
export type SrtpSuite = 'AES_CM_128_HMAC_SHA1_80' | 'AES_CM_128_HMAC_SHA1_32'

/** Every suite in the order in which we prefer it. */
export const srtpSuites: readonly SrtpSuite[] = ['AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32']

/** Bytes of a master key of these suites. */
export const masterKeyBytes = 16

/** Bytes of a master salt of these suites. */
export const masterSaltBytes = 14

/** A master key with its salt, for one direction. Secret. */
export interface SrtpKey {
  suite: SrtpSuite
  /** 16 bytes. */
  masterKey: Uint8Array
  /** 14 bytes. */
  masterSalt: Uint8Array
  /** Key identifier that the sender may put before each tag (RFC 3711 3.1); we never send one ourselves. */
  mki?: Uint8Array
}

/** The keys that packets are made with (RFC 3711 4.3.1). Secret. */
export interface SessionKeys {
  cipherKey: Buffer
  authKey: Buffer
  salt: Buffer
}

// RFC 3711 4.3.1, 4.3.2: the label chooses what is derived.
const labels = {
  rtp: { cipherKey: 0, authKey: 1, salt: 2 },
  rtcp: { cipherKey: 3, authKey: 4, salt: 5 },
} as const

/** Derives the session keys of RTP or RTCP with a key derivation rate of zero, so once per master key. */
export function deriveSessionKeys(key: SrtpKey, kind: 'rtp' | 'rtcp'): SessionKeys {
  if (key.masterKey.length !== masterKeyBytes || key.masterSalt.length !== masterSaltBytes) {
    throw new RangeError('an SRTP master key has 16 bytes and its salt 14')
  }
  const label = labels[kind]
  return {
    cipherKey: derive(key, label.cipherKey, 16),
    authKey: derive(key, label.authKey, 20),
    salt: derive(key, label.salt, 14),
  }
}

function derive(key: SrtpKey, label: number, length: number): Buffer {
  // RFC 3711 4.3.3: the PRF is AES-CM with the salted label, moved left by 16 bits, as its counter.
  const counter = Buffer.alloc(16)
  counter.set(key.masterSalt, 0)
  counter[7]! ^= label
  return createCipheriv('aes-128-ctr', key.masterKey, counter).update(Buffer.alloc(length))
}

/** Bytes of the tag on an RTP packet; SRTCP tags have 10 bytes in both suites (RFC 4568 6.2.2). */
export function rtpTagBytes(suite: SrtpSuite): number {
  return suite === 'AES_CM_128_HMAC_SHA1_32' ? 4 : 10
}

/** True when the bytes before `end` are the key identifier. */
export function endsWith(packet: Buffer, end: number, mki: Uint8Array): boolean {
  const start = end - mki.length
  if (start < 0) return false
  for (let index = 0; index < mki.length; index++) if (packet[start + index] !== mki[index]) return false
  return true
}
