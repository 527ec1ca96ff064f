import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { ApplianceError } from '#src/base/errors.ts'

/*
 * A sealed value:
 *   0        1          5            17          33
 *   | version | key id   | nonce      | tag       | ciphertext …
 *   | 1 byte  | 4 bytes  | 12 bytes   | 16 bytes  |
 * The header and the place (table and row) are authenticated: a value moved to another row does not open.
 */
const version = 1
const keyIdBytes = 4
const nonceAt = 1 + keyIdBytes
const tagAt = nonceAt + 12
const textAt = tagAt + 16

/** Bytes of the sealing key (AES-256). */
export const sealKeyBytes = 32

/** Seals texts for one place in the database and opens them again. */
export interface Sealer {
  /** `place` names the row, for example `lines/4711`. */
  seal(text: string, place: string): Buffer
  /** Throws SEAL_KEY_MISSING when another key sealed it, STORE_CORRUPT when it was changed or moved. */
  open(sealed: Buffer, place: string): string
}

function keyIdOf(key: Buffer): Buffer {
  return createHash('sha256').update('branchline seal key').update(key).digest().subarray(0, keyIdBytes)
}

/** Makes a sealer for a 32-byte key (AES-256-GCM, a fresh nonce per value). */
export function createSealer(key: Buffer): Sealer {
  if (key.length !== sealKeyBytes) {
    throw new ApplianceError(
      'SEAL_KEY_MISSING',
      { bytes: key.length },
      { advice: 'The key must have 32 bytes.' },
    )
  }
  const keyId = keyIdOf(key)
  const header = Buffer.concat([Buffer.of(version), keyId])
  const additional = (place: string): Buffer => Buffer.concat([header, Buffer.from(place, 'utf8')])

  return {
    seal(text, place) {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 })
      cipher.setAAD(additional(place))
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([header, nonce, cipher.getAuthTag(), body])
    },

    open(sealed, place) {
      if (sealed.length < textAt || sealed[0] !== version) throw changed(place)
      if (!sealed.subarray(1, nonceAt).equals(keyId)) {
        throw new ApplianceError(
          'SEAL_KEY_MISSING',
          { place },
          { advice: 'Bring back the key file (or credential) that this database was made with.' },
        )
      }
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(nonceAt, tagAt), {
        authTagLength: 16,
      })
      decipher.setAAD(additional(place))
      decipher.setAuthTag(sealed.subarray(tagAt, textAt))
      try {
        return Buffer.concat([decipher.update(sealed.subarray(textAt)), decipher.final()]).toString('utf8')
      } catch (error) {
        throw changed(place, error)
      }
    },
  }
}

function changed(place: string, cause?: unknown): ApplianceError {
  return new ApplianceError(
    'STORE_CORRUPT',
    { place },
    {
      cause,
      text: 'A sealed value was changed outside the box.',
      advice: `Set the secret of ${place} again.`,
    },
  )
}
