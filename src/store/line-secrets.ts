import { createHash } from 'node:crypto'
import type { LineSecrets } from '#src/model/line.ts'

/** Computes the digest secrets of a line (RFC 7616 3.4.2, RFC 8760): what a REGISTER is checked against. */
export function computeLineSecrets(username: string, realm: string, password: string): LineSecrets {
  const text = `${username}:${realm}:${password}`
  return {
    ha1Md5: createHash('md5').update(text).digest('hex'),
    ha1Sha256: createHash('sha256').update(text).digest('hex'),
    ha1Sha512: createHash('sha512-256').update(text).digest('hex'),
  }
}
