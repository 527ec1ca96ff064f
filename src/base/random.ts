import { randomBytes, randomInt } from 'node:crypto'

/** Where unguessable things come from; injected so that tests can repeat themselves. */
export interface Random {
  bytes(length: number): Buffer
  /** Lower-case hexadecimal token of `length` characters (SIP tags, branches, Call-IDs). */
  token(length: number): string
  /** Password of `length` characters that a person can type on a phone: no 0 O 1 l I. */
  password(length: number): string
  /** Decimal code of `length` digits. */
  digits(length: number): string
}

const passwordAlphabet = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789'

// Tokens are cut from a pool: one call into the kernel's generator per 4 KiB, not one per SIP branch.
let pool = ''
let poolAt = 0

function token(length: number): string {
  if (length > 4096)
    return randomBytes(Math.ceil(length / 2))
      .toString('hex')
      .slice(0, length)
  if (poolAt + length > pool.length) {
    pool = randomBytes(4096).toString('hex')
    poolAt = 0
  }
  const text = pool.slice(poolAt, poolAt + length)
  poolAt += length
  return text
}

const bytePoolSize = 4096
let bytePool = Buffer.alloc(0)
let bytePoolAt = 0

// The same for the few bytes of a salt; what was handed out is wiped from the pool.
function bytes(length: number): Buffer {
  if (length > 64) return randomBytes(length)
  if (bytePoolAt + length > bytePool.length) {
    bytePool = randomBytes(bytePoolSize)
    bytePoolAt = 0
  }
  const end = bytePoolAt + length
  const taken = Buffer.from(bytePool.subarray(bytePoolAt, end))
  bytePool.fill(0, bytePoolAt, end)
  bytePoolAt = end
  return taken
}

function pick(length: number, alphabet: string): string {
  let text = ''
  for (let index = 0; index < length; index++) text += alphabet[randomInt(alphabet.length)]
  return text
}

/** Randomness from the operating system. */
export const systemRandom: Random = {
  bytes,
  token,
  password: (length) => pick(length, passwordAlphabet),
  digits: (length) => pick(length, '0123456789'),
}
