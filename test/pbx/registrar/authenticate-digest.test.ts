import t from 'tap'
import { systemRandom } from '#src/base/random.ts'
import { Counters } from '#src/pbx/counters.ts'
import { DigestAuthenticator } from '#src/pbx/registrar/authenticate-digest.ts'
import { NonceBook } from '#src/pbx/registrar/nonce.ts'
import type { IncomingRequest } from '#src/pbx/sip-port.ts'
import type { RefusedReply } from '#src/pbx/step.ts'
import {
  answerChallenge,
  formatDigestCredentials,
  parseDigestChallenge,
  type DigestChallenge,
  type DigestHash,
} from '#src/sip/digest.ts'
import { computeLineSecrets } from '#src/store/line-secrets.ts'
import { someLine } from '#test/store/store-fixture.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'

const realm = 'branchline'
const line = someLine({ username: 'line1' })

function setUp(algorithms: readonly DigestHash[] = ['SHA-256', 'MD5']) {
  const clock = new FakeClock()
  const evidence: string[] = []
  const counters = new Counters()
  const authenticator = new DigestAuthenticator({
    lines: {
      secrets: (name) => (name === 'line1' ? computeLineSecrets('line1', realm, 'right') : undefined),
      findByUsername: (name) => (name === 'line1' ? line : undefined),
    },
    nonces: new NonceBook({ clock, random: systemRandom }),
    counters,
    realm: () => realm,
    algorithms: () => algorithms,
    logger: new MemoryLogger(),
    evidence: {
      wrongPassword: (host) => evidence.push(`wrongPassword ${host}`),
      unknownUser: (host) => evidence.push(`unknownUser ${host}`),
      staleNonce: (host) => evidence.push(`staleNonce ${host}`),
      registered: (host) => evidence.push(`registered ${host}`),
    },
  })
  return { clock, counters, authenticator, evidence }
}

function request(fields: Record<string, string> = {}, method = 'REGISTER'): IncomingRequest {
  return {
    method,
    uri: 'sip:box',
    body: '',
    protocol: 'udp',
    source_address: '192.0.2.7',
    source_port: 5060,
    get: (name) => fields[name],
    on: () => undefined,
  }
}

function challengesIn(result: object, field = 'WWW-Authenticate') {
  const text = (result as RefusedReply).headers?.[field] ?? ''
  return text.split(`\r\n${field}: `).map((value) => parseDigestChallenge(value))
}

function answer(
  result: object,
  change: { username?: string; password?: string; nc?: number; which?: number } = {},
) {
  const challenge = challengesIn(result)[change.which ?? 0]
  if (!challenge) throw new Error('no challenge')
  const credentials = answerChallenge({
    challenge,
    username: change.username ?? 'line1',
    password: change.password ?? 'right',
    method: 'REGISTER',
    uri: 'sip:box',
    cnonce: 'abc',
    nonceCount: change.nc ?? 1,
  })
  return { Authorization: formatDigestCredentials(credentials) }
}

t.test('challenges with SHA-256 and MD5 in fields of their own, and takes either', async (t) => {
  const { authenticator, counters } = setUp()
  const asked = authenticator.authenticate(request({ 'User-Agent': 'Phone' }), 'registrar')
  t.match(asked, { status: 401 })
  t.match(challengesIn(asked), [
    { algorithm: 'SHA-256', qopAuth: true, realm },
    { algorithm: 'MD5', qopAuth: true, realm },
  ])
  t.same(authenticator.authenticate(request(answer(asked, { which: 0, nc: 1 })), 'registrar'), { line })
  t.same(authenticator.authenticate(request(answer(asked, { which: 1, nc: 2 })), 'registrar'), { line })
  t.equal(counters.snapshot()['authChallenged'], 1)

  const proxy = authenticator.authenticate(request({}, 'INVITE'), 'proxy')
  t.match(proxy, { status: 407 })
  t.equal(challengesIn(proxy, 'Proxy-Authenticate').length, 2)
})

t.test('wrong password and unknown line look the same and are counted apart', async (t) => {
  const { authenticator, counters } = setUp()
  const asked = authenticator.authenticate(request(), 'registrar')
  const wrong = authenticator.authenticate(request(answer(asked, { password: 'wrong' })), 'registrar')
  const unknown = authenticator.authenticate(request(answer(asked, { username: 'ghost' })), 'registrar')
  t.match(wrong, { status: 403 })
  t.same(wrong, unknown)
  t.match(counters.snapshot(), { authWrongPassword: 1, authUnknownLine: 1 })
  // Not even the secrets that stand in for nobody's open a door.
  const zero = answer(asked, { username: 'ghost', password: '' })
  t.match(authenticator.authenticate(request(zero), 'registrar'), { status: 403 })
})

t.test('an old nonce, a used count and a foreign nonce are told stale with a new challenge', async (t) => {
  const { authenticator, counters, clock } = setUp()
  const asked = authenticator.authenticate(request(), 'registrar')
  const good = request(answer(asked))
  t.same(authenticator.authenticate(good, 'registrar'), { line })
  const replay = authenticator.authenticate(good, 'registrar')
  t.match(challengesIn(replay)[0], { stale: true })
  clock.advance(300_001)
  const stale = authenticator.authenticate(request(answer(asked, { nc: 2 })), 'registrar')
  t.match(stale, { status: 401 })
  t.match(challengesIn(stale)[0], { stale: true })
  t.same(authenticator.authenticate(request(answer(stale)), 'registrar'), { line }, 'the new nonce works')

  const foreign = answer(setUp().authenticator.authenticate(request(), 'registrar'))
  t.match(authenticator.authenticate(request(foreign), 'registrar'), { status: 401 })
  t.match(counters.snapshot(), { authReplay: 1, authStaleNonce: 1, authForgedNonce: 1, authWrongPassword: 0 })
})

t.test('a wrong password with an old nonce does not learn that the nonce was old', async (t) => {
  const { authenticator, clock } = setUp()
  const asked = authenticator.authenticate(request(), 'registrar')
  clock.advance(300_001)
  const wrong = answer(asked, { password: 'wrong' })
  t.match(authenticator.authenticate(request(wrong), 'registrar'), { status: 403 })
})

t.test('credentials for another method, another realm or broken ones prove nothing', async (t) => {
  const { authenticator, counters } = setUp()
  const asked = authenticator.authenticate(request(), 'registrar')
  const forRegister = answer(asked)
  const asInvite = request({ 'Proxy-Authorization': forRegister.Authorization }, 'INVITE')
  t.match(authenticator.authenticate(asInvite, 'proxy'), { status: 403 })
  const elsewhere = forRegister.Authorization.replace(`realm="${realm}"`, 'realm="other"')
  t.match(authenticator.authenticate(request({ Authorization: elsewhere }), 'registrar'), { status: 401 })
  for (const broken of ['Digest', 'Digest username="line1"', 'Basic bGluZTE6cmlnaHQ=', 'Digest nonce="']) {
    t.match(
      authenticator.authenticate(request({ Authorization: broken }), 'registrar'),
      { status: 400 },
      broken,
    )
  }
  t.equal(counters.snapshot()['authMalformed'], 4)
  const both = request({ Authorization: `${elsewhere}, ${forRegister.Authorization}` })
  t.same(authenticator.authenticate(both, 'registrar'), { line }, 'ours is found beside a foreign one')
})

t.test('credentials for one number place no call to another (RFC 7616 3.4.6)', async (t) => {
  const { authenticator, counters } = setUp()
  const invite = (uri: string, fields: Record<string, string> = {}) => ({ ...request(fields, 'INVITE'), uri })
  const challenge = challengesIn(authenticator.authenticate(invite('sip:1@box'), 'registrar'))[0]
  if (!challenge) throw new Error('no challenge')
  const answerFor = (uri: string, nonceCount: number) => ({
    Authorization: formatDigestCredentials(
      answerChallenge({
        challenge,
        username: 'line1',
        password: 'right',
        method: 'INVITE',
        uri,
        cnonce: 'abc',
        nonceCount,
      }),
    ),
  })
  const judge = (requestUri: string, digestUri: string, count: number) =>
    authenticator.authenticate(invite(requestUri, answerFor(digestUri, count)), 'registrar')
  t.match(judge('sip:00900@box', 'sip:+493012@box', 1), { status: 400 })
  t.match(judge('sip:%30%30900@box', 'sip:00900@other:5060;transport=udp', 2), {
    line: { username: 'line1' },
  })
  t.match(judge('sip:+493012@box', 'sip:box', 3), { line: {} }, 'a phone that signs the host alone')
  t.match(counters.snapshot(), { authOtherUri: 1 })
})

t.test('tells who gave wrong credentials, never who was challenged or answered well', async (t) => {
  const { authenticator, evidence, clock } = setUp()
  const asked = authenticator.authenticate(request(), 'registrar')
  authenticator.authenticate(request(), 'registrar')
  authenticator.authenticate(request(answer(asked)), 'registrar')
  clock.advance(300_001)
  t.match(
    authenticator.authenticate(request(answer(asked, { nc: 2 })), 'registrar'),
    { status: 401 },
    'stale',
  )
  t.same(evidence, [])

  const again = authenticator.authenticate(request(), 'registrar')
  const wrong = request(answer(again, { password: 'wrong' }))
  authenticator.authenticate(wrong, 'registrar')
  authenticator.authenticate(request(answer(again, { username: 'ghost' })), 'registrar')
  t.same(evidence, ['wrongPassword 192.0.2.7', 'unknownUser 192.0.2.7'])

  const spoofed = { ...wrong, source_address: '192.0.2.99' }
  t.match(authenticator.authenticate(spoofed, 'registrar'), { status: 403 })
  t.equal(evidence.length, 2, 'an address that never got the nonce is not blamed')

  const good = request(answer(again))
  authenticator.authenticate(good, 'registrar')
  authenticator.authenticate(good, 'registrar')
  authenticator.authenticate(
    request(answer(setUp().authenticator.authenticate(request(), 'registrar'))),
    'registrar',
  )
  t.same(evidence.slice(2), ['staleNonce 192.0.2.7', 'staleNonce 192.0.2.7'], 'a replay and a foreign nonce')
})

t.test('offers and takes what is allowed, and nothing else (RFC 8760)', async (t) => {
  const strong = setUp(['SHA-512-256', 'SHA-256'])
  const asked = strong.authenticator.authenticate(request({ 'User-Agent': 'Phone' }), 'registrar')
  t.match(challengesIn(asked), [{ algorithm: 'SHA-512-256' }, { algorithm: 'SHA-256' }])
  t.same(strong.authenticator.authenticate(request(answer(asked)), 'registrar'), { line })

  const md5 = { ...(challengesIn(asked)[0] as DigestChallenge), algorithm: 'MD5' } as const
  const made = answerChallenge({
    challenge: md5,
    username: 'line1',
    password: 'right',
    method: 'REGISTER',
    uri: 'sip:box',
    cnonce: 'abc',
    nonceCount: 2,
  })
  const weak = request({ Authorization: formatDigestCredentials(made) })
  const refused = strong.authenticator.authenticate(weak, 'registrar')
  t.match(refused, { status: 401 }, 'the right password over MD5 proves nothing')
  t.notOk(challengesIn(refused)[0]?.stale)
  t.match(strong.counters.snapshot(), { authAlgorithmOff: 1, authWrongPassword: 0 })
  t.same(strong.evidence, [])
})

t.test('session keys and protected bodies are taken where a client uses them', async (t) => {
  const { authenticator } = setUp()
  const asked = authenticator.authenticate(request({ 'User-Agent': 'Phone' }), 'registrar')
  const given = challengesIn(asked)[0] as DigestChallenge
  const credentials = answerChallenge({
    challenge: { ...given, algorithm: 'SHA-256-sess', qopAuth: false, qopAuthInt: true },
    username: 'line1',
    password: 'right',
    method: 'REGISTER',
    uri: 'sip:box',
    cnonce: 'abc',
    nonceCount: 1,
    body: 'hello',
  })
  const fields = { Authorization: formatDigestCredentials(credentials) }
  const changed = { ...request(fields), body: 'hullo' }
  t.match(authenticator.authenticate(changed, 'registrar'), { status: 403 })
  t.same(authenticator.authenticate({ ...request(fields), body: 'hello' }, 'registrar'), { line })
})
