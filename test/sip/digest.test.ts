import t from 'tap'
import {
  answerChallenge,
  digestEquals,
  digestResponse,
  formatDigestChallenge,
  formatDigestCredentials,
  ha1,
  nonceCountOf,
  parseDigestChallenge,
  parseDigestCredentials,
  verifyDigest,
  type DigestAlgorithm,
} from '#src/sip/digest.ts'

// RFC 7616 3.9.1: both algorithms over one request.
const identity = { username: 'Mufasa', realm: 'http-auth@example.org', password: 'Circle of Life' }
const proof = {
  nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
  method: 'GET',
  uri: '/dir/index.html',
  qop: { nc: '00000001', cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ' },
}

void t.test('the vectors of RFC 7616 3.9.1', (t) => {
  const vectors: [DigestAlgorithm, string][] = [
    ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
    ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
  ]
  for (const [algorithm, response] of vectors) {
    t.equal(digestResponse({ ...proof, algorithm, ha1: ha1({ ...identity, algorithm }) }), response)
  }
  t.end()
})

void t.test('the vector of RFC 2617 3.5 over a header as it is sent', (t) => {
  const credentials = parseDigestCredentials(
    'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", ' +
      'uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b", ' +
      'response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41"',
  )
  const stored = ha1({
    username: 'Mufasa',
    realm: 'testrealm@host.com',
    password: 'Circle Of Life',
    algorithm: 'MD5',
  })
  t.ok(credentials && verifyDigest(credentials, stored, 'GET'))
  t.notOk(credentials && verifyDigest(credentials, stored, 'POST'), 'the method counts')
  t.equal(credentials && nonceCountOf(credentials), 1)
  t.end()
})

void t.test('a challenge and its answer pass through text', (t) => {
  for (const algorithm of ['MD5', 'SHA-256'] as const) {
    for (const qopAuth of [true, false]) {
      const challenge = { realm: 'box "1"', nonce: 'n\\1', algorithm, qopAuth, opaque: 'o', stale: true }
      const read = parseDigestChallenge(formatDigestChallenge(challenge))
      t.same(read, challenge)
      if (!read) continue
      const answer = answerChallenge({
        challenge: read,
        username: '1001',
        password: 'pass',
        method: 'REGISTER',
        uri: 'sip:box',
        cnonce: 'c',
        nonceCount: 18,
      })
      const credentials = parseDigestCredentials(formatDigestCredentials(answer))
      t.same(credentials, answer)
      if (!credentials) continue
      const stored = ha1({ username: '1001', realm: 'box "1"', password: 'pass', algorithm })
      t.ok(verifyDigest(credentials, stored, 'REGISTER'))
      t.notOk(
        verifyDigest(
          credentials,
          ha1({ username: '1001', realm: 'x', password: 'pass', algorithm }),
          'REGISTER',
        ),
      )
      t.equal(nonceCountOf(credentials), qopAuth ? 18 : 0)
    }
  }
  t.end()
})

void t.test('credentials that are not whole are refused', (t) => {
  const response = 'a'.repeat(32)
  const whole = `Digest username="u", realm="r", nonce="n", uri="sip:x", response="${response}"`
  t.ok(parseDigestCredentials(whole))
  t.ok(parseDigestCredentials(whole.replace('Digest', 'dIGEST').replaceAll(', ', ',')))
  const broken = [
    '',
    'Basic dTpw',
    'Digest',
    'Digest username',
    whole.replace('username="u", ', ''),
    whole.replace('uri="sip:x", ', ''),
    whole.replace(response, 'a'.repeat(31)),
    whole.replace(response, 'g'.repeat(32)),
    whole + ', algorithm=SHA-512-256',
    whole + ', algorithm=SHA-256',
    whole + ', qop=auth',
    whole + ', qop=auth-int, nc=00000001, cnonce="c"',
    whole + ', qop=auth, nc=1, cnonce="c"',
    whole + ', qop=auth, nc=00000001, cnonce=""',
    whole + ', nonce="other"',
    whole.slice(0, -1),
    whole + `, x="${'y'.repeat(5000)}"`,
    whole + Array.from({ length: 40 }, (_, index) => `, p${index}=1`).join(''),
  ]
  for (const text of broken) t.equal(parseDigestCredentials(text), undefined, text.slice(0, 120))
  t.equal(parseDigestChallenge('Digest realm="r", nonce="n", qop="auth-int"'), undefined)
  t.match(parseDigestChallenge('Digest realm="r",nonce="n",qop="auth-int, auth"'), {
    qopAuth: true,
    algorithm: 'MD5',
  })
  t.end()
})

void t.test('digests of different length or content differ', (t) => {
  t.ok(digestEquals('abc', 'abc'))
  t.notOk(digestEquals('abc', 'abd'))
  t.notOk(digestEquals('abc', 'abcd'))
  t.end()
})
