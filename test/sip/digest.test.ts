import { createHash } from 'node:crypto'
import t from 'tap'
import {
  answerChallenge,
  chooseChallenge,
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

// The RFC prints what an early draft of SHA-512/256 gave; erratum 4897 has the right value.
void t.test('the vector of RFC 7616 3.9.2 (erratum 4897)', (t) => {
  const algorithm = 'SHA-512-256'
  const secret = ha1({
    username: 'Jäsøn Doe',
    realm: 'api@example.org',
    password: 'Secret, or not?',
    algorithm,
  })
  const response = digestResponse({
    ha1: secret,
    nonce: '5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK',
    method: 'GET',
    uri: '/doe.json',
    algorithm,
    qop: { nc: '00000001', cnonce: 'NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v' },
  })
  t.equal(response, '3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5')
  t.end()
})

// As the RFC defines them (3.4.2, 3.4.3), spelled out with nothing but the hash.
void t.test('session keys and auth-int are what RFC 7616 3.4 says', (t) => {
  for (const [algorithm, name] of [
    ['MD5-sess', 'md5'],
    ['SHA-256-sess', 'sha256'],
    ['SHA-512-256-sess', 'sha512-256'],
  ] as const) {
    const h = (text: string): string => createHash(name).update(text).digest('hex')
    const stored = ha1({ username: 'u', realm: 'r', password: 'p', algorithm })
    t.equal(stored, h('u:r:p'), 'what is stored knows no session')
    const key = h(`${stored}:n:c`)
    const body = 'v=0\r\n'
    const expected = h(`${key}:n:00000002:c:auth-int:${h(`INVITE:sip:x:${h(body)}`)}`)
    const qop = { nc: '00000002', cnonce: 'c', integrity: true }
    const request = { ha1: stored, nonce: 'n', method: 'INVITE', uri: 'sip:x', algorithm, qop }
    t.equal(digestResponse({ ...request, body }), expected, algorithm)

    const credentials = parseDigestCredentials(
      `Digest username="u", realm="r", nonce="n", uri="sip:x", algorithm=${algorithm}, response="${expected}", ` +
        'qop=auth-int, nc=00000002, cnonce="c"',
    )
    t.ok(credentials && verifyDigest(credentials, stored, 'INVITE', body))
    t.notOk(credentials && verifyDigest(credentials, stored, 'INVITE', 'v=1'), 'another body')
    t.same(credentials && parseDigestCredentials(formatDigestCredentials(credentials)), credentials)
  }
  t.end()
})

// The fields of RFC 8760 2.4, shortened: SHA-512-256, SHA-256, MD5 in the order of the server's liking.
void t.test('the first challenge that can be answered is answered (RFC 8760 2.4)', (t) => {
  const field = (algorithm: string, qop = 'auth'): string =>
    `Digest realm="biloxi.example.com", qop="${qop}", algorithm=${algorithm}, nonce="Qk", opaque="1"`
  const chosen = (...values: string[]): string | undefined => chooseChallenge(values)?.algorithm
  t.equal(chosen(field('SHA-512-256'), field('SHA-256'), field('MD5')), 'SHA-512-256')
  t.equal(
    chosen(field('SHA3-256'), field('SHA-256'), field('MD5')),
    'SHA-256',
    'an unknown one is passed over',
  )
  t.equal(chosen(field('SHA-256', 'auth-conf'), field('MD5')), 'MD5', 'and one with an unknown qop')
  t.equal(chosen('Basic realm="x"', field('MD5-sess')), 'MD5-sess')
  t.equal(chosen(), undefined)

  const challenge = chooseChallenge([field('SHA-256', 'auth-int')])
  if (!challenge) throw new Error('no challenge')
  const answer = {
    challenge,
    username: 'u',
    password: 'p',
    method: 'INVITE',
    uri: 'sip:x',
    cnonce: 'c',
    nonceCount: 1,
  }
  const credentials = answerChallenge({ ...answer, body: 'v=0' })
  const stored = ha1({ username: 'u', realm: 'biloxi.example.com', password: 'p', algorithm: 'SHA-256' })
  t.match(formatDigestCredentials(credentials), /qop=auth-int/)
  t.ok(verifyDigest(credentials, stored, 'INVITE', 'v=0'))
  t.notOk(verifyDigest(credentials, stored, 'INVITE', ''))
  const both = answerChallenge({ ...answer, challenge: { ...challenge, qopAuth: true } })
  t.notOk(both.qop?.integrity, 'the body stays out of it where it may')
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
  for (const algorithm of ['MD5', 'SHA-256', 'SHA-512-256'] as const) {
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
    whole + ', algorithm=SHA-1',
    whole + ', algorithm=MD5-sess',
    whole + ', qop=auth-conf, nc=00000001, cnonce="c"',
    whole + ', algorithm=SHA-256',
    whole + ', qop=auth',
    whole + ', qop=auth, nc=1, cnonce="c"',
    whole + ', qop=auth, nc=00000001, cnonce=""',
    whole + ', nonce="other"',
    whole.slice(0, -1),
    whole + `, x="${'y'.repeat(5000)}"`,
    whole + Array.from({ length: 40 }, (_, index) => `, p${index}=1`).join(''),
  ]
  for (const text of broken) t.equal(parseDigestCredentials(text), undefined, text.slice(0, 120))
  t.match(parseDigestChallenge('Digest realm="r", nonce="n", qop="auth-int"'), {
    qopAuth: false,
    qopAuthInt: true,
  })
  t.equal(parseDigestChallenge('Digest realm="r", nonce="n", qop="auth-conf"'), undefined)
  t.equal(
    parseDigestChallenge('Digest realm="r", nonce="n", algorithm=MD5-sess'),
    undefined,
    'no cnonce, no session',
  )
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
