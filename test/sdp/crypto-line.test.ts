import t from 'tap'
import { formatCryptoLine, parseCryptoLine } from '#src/sdp/crypto-line.ts'

const inline = 'inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj'
const suite = 'AES_CM_128_HMAC_SHA1_80'

t.test('a=crypto lines, good and bad (RFC 4568 9)', async (t) => {
  const cases: [name: string, value: string, expected: false | { lifetime?: number; mki?: number[] }][] = [
    ['plain', `1 ${suite} ${inline}`, {}],
    ['32-bit tag', `2 AES_CM_128_HMAC_SHA1_32 ${inline}`, {}],
    ['lower case suite', `1 ${suite.toLowerCase()} ${inline}`, {}],
    ['lifetime as a power', `1 ${suite} ${inline}|2^31`, { lifetime: 2 ** 31 }],
    ['lifetime as a number', `1 ${suite} ${inline}|1066`, { lifetime: 1066 }],
    ['lifetime and MKI', `1 ${suite} ${inline}|2^20|1:4`, { lifetime: 2 ** 20, mki: [0, 0, 0, 1] }],
    ['MKI alone', `1 ${suite} ${inline}|258:2`, { mki: [1, 2] }],
    ['window size hint', `1 ${suite} ${inline} WSH=128`, {}],
    ['rate zero', `1 ${suite} ${inline} KDR=0`, {}],
    ['optional unknown parameter', `1 ${suite} ${inline} -X=1`, {}],
    ['lifetime zero', `1 ${suite} ${inline}|0`, false],
    ['lifetime beyond SRTP', `1 ${suite} ${inline}|2^49`, false],
    ['two lifetimes', `1 ${suite} ${inline}|2^20|2^20`, false],
    ['lifetime after MKI', `1 ${suite} ${inline}|1:4|2^20`, false],
    ['MKI that does not fit', `1 ${suite} ${inline}|256:1`, false],
    ['MKI of no bytes', `1 ${suite} ${inline}|1:0`, false],
    ['MKI of 129 bytes', `1 ${suite} ${inline}|1:129`, false],
    ['two keys', `1 ${suite} ${inline}|1:1;${inline}|2:1`, false],
    ['no encryption', `1 ${suite} ${inline} UNENCRYPTED_SRTP`, false],
    ['no authentication, said second', `1 ${suite} ${inline} WSH=64 UNAUTHENTICATED_SRTP`, false],
    ['key derivation rate', `1 ${suite} ${inline} KDR=23`, false],
    ['unknown mandatory parameter', `1 ${suite} ${inline} X=1`, false],
    ['unknown suite', `1 AEAD_AES_256_GCM ${inline}`, false],
    ['short key', `1 ${suite} inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1c`, false],
    ['key that is not base64', `1 ${suite} inline:!!!!dmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj`, false],
    ['no key', `1 ${suite}`, false],
    ['no tag', `${suite} ${inline}`, false],
    ['a uri instead of a key', `1 ${suite} uri:https://example.org/key`, false],
    ['empty', '', false],
  ]
  t.equal(cases.length, 29)
  for (const [name, value, expected] of cases) {
    const line = parseCryptoLine(value)
    if (expected === false) {
      t.equal(line, undefined, name)
      continue
    }
    t.ok(line, name)
    t.equal(line?.lifetimePackets, expected.lifetime, `${name}: lifetime`)
    t.same(line?.key.mki && [...line.key.mki], expected.mki, `${name}: MKI`)
    t.equal(line?.key.masterKey.length, 16)
    t.equal(line?.key.masterSalt.length, 14)
  }
})

t.test('what we print is what we read', async (t) => {
  const line = parseCryptoLine(`7 ${suite} ${inline}|2^31|1:1`)
  t.ok(line)
  if (line) t.equal(formatCryptoLine(line.tag, line.key), `7 ${suite} ${inline}|1:1`, 'without lifetime')
})
