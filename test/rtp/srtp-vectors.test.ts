import { createHmac } from 'node:crypto'
import t from 'tap'
import { HmacSha1 } from '#src/base/hmac-sha1.ts'
import { deriveSessionKeys } from '#src/rtp/key-derivation.ts'
import { SrtpCipher } from '#src/rtp/srtp-cipher.ts'
import { seeded, seededBytes } from './reference-srtp.ts'

t.test('RFC 3711 B.2: AES counter mode key stream', async (t) => {
  const cipher = new SrtpCipher(
    Buffer.from('2B7E151628AED2A6ABF7158809CF4F3C', 'hex'),
    Buffer.from('F0F1F2F3F4F5F6F7F8F9FAFBFCFD', 'hex'),
  )
  const stream = cipher.makeKeyStream(0, 0, 1, 4096)
  const block = (number: number): string =>
    stream.toString('hex', number * 16, number * 16 + 16).toUpperCase()
  t.equal(block(0), 'E03EAD0935C95E80E166B16DD92B4EB4')
  t.equal(block(1), 'D23513162B02D0F72A43A2FE4A5F97AB')
  t.equal(block(2), '41E95B3BB0A2E8DD477901E4FCA894C0')
})

t.test('RFC 3711 B.3: key derivation', async (t) => {
  const keys = deriveSessionKeys(
    {
      suite: 'AES_CM_128_HMAC_SHA1_80',
      masterKey: Buffer.from('E1F97A0D3E018BE0D64FA32C06DE4139', 'hex'),
      masterSalt: Buffer.from('0EC675AD498AFEEBB6960B3AABE6', 'hex'),
    },
    'rtp',
  )
  t.equal(keys.cipherKey.toString('hex').toUpperCase(), 'C61E7A93744F39EE10734AFE3FF7A087')
  t.equal(keys.salt.toString('hex').toUpperCase(), '30CBBC08863D8C85D49DB34A9AE1')
  t.equal(keys.authKey.toString('hex').toUpperCase(), 'CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4')
})

t.test('HMAC-SHA1 equals node:crypto for every length across three blocks and long keys', async (t) => {
  const random = seeded(7)
  let wrong = 0
  for (let length = 0; length < 260; length++) {
    const key = seededBytes(random, length % 90)
    const data = seededBytes(random, length)
    const trailer = Math.floor(random() * 0x100000000)
    const hmac = new HmacSha1(key)
    const trailerBytes = Buffer.alloc(4)
    trailerBytes.writeUInt32BE(trailer)
    const expected = createHmac('sha1', key).update(data).update(trailerBytes).digest()
    for (let twice = 0; twice < 2; twice++) {
      hmac.compute(data, length, trailer)
      const tag = Buffer.alloc(20)
      hmac.writeTag(tag, 0, 20)
      if (!tag.equals(expected) || !hmac.tagEquals(expected, 0, 20)) wrong++
      expected[19]! ^= 1
      if (hmac.tagEquals(expected, 0, 20)) wrong++
      expected[19]! ^= 1
    }
  }
  t.equal(wrong, 0)
})
