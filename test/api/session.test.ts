import t from 'tap'
import { ApplianceError } from '#src/base/errors.ts'
import { someDevice } from '#test/store/store-fixture.ts'
import { startTestApi, testPassword } from './api-fixture.ts'

interface Refusal {
  code: string
  text: string
  details?: Record<string, unknown>
  advice?: string
}

t.test('a new box is claimed with the code from its console, once', async (t) => {
  const api = await startTestApi(t)
  const before = (await api.ask('GET', '/api/session')).json<{ claimed: boolean; loggedIn: boolean }>()
  t.match(before, { claimed: false, loggedIn: false })
  const code = api.context.owner.code
  t.match(code, /^\d{4}-\d{4}$/)

  const claimed = await api.ask('POST', '/api/claim', { code, password: testPassword })
  t.equal(claimed.statusCode, 200)
  t.match(claimed.json(), { claimed: true, loggedIn: true })
  const cookie = claimed.cookies[0]
  t.match(cookie, { name: '__Host-branchline', httpOnly: true, secure: true, sameSite: 'Strict', path: '/' })
  t.match(api.store.secrets.get('page.adminPasswordHash'), /^\$argon2id\$/)
  t.equal(api.context.owner.code, undefined, 'the code is gone')

  const again = await api.ask('POST', '/api/claim', { code, password: testPassword })
  t.equal(again.statusCode, 409)
  t.equal(again.json<Refusal>().code, 'ALREADY_CLAIMED')
  t.match(api.store.audit.list({ limit: 1 })[0], { action: 'box.claim', actor: 'admin' })
})

t.test('the code may be typed with spaces, dashes or neither', async (t) => {
  const api = await startTestApi(t)
  const code = (api.context.owner.code ?? '').replace('-', '  ')
  t.equal((await api.ask('POST', '/api/claim', { code, password: testPassword })).statusCode, 200)
})

t.test('a wrong code is refused, a hundred make a new one, and the address has to wait', async (t) => {
  const api = await startTestApi(t)
  const codes: (string | undefined)[] = []
  api.context.owner.setListener((code) => codes.push(code))
  const wrong = codes[0] === '0000-0000' ? '1111-1111' : '0000-0000'
  for (let round = 0; round < 5; round++) {
    const reply = await api.ask('POST', '/api/claim', { code: wrong, password: testPassword })
    t.equal(reply.statusCode, 403)
    t.equal(reply.json<Refusal>().code, 'CLAIM_CODE_WRONG')
  }
  const tooSoon = await api.ask('POST', '/api/claim', { code: codes[0], password: testPassword })
  t.equal(tooSoon.statusCode, 429)
  t.equal(tooSoon.headers['retry-after'], '2')
  t.equal(codes.length, 1, 'a few wrong tries from elsewhere do not change the code while somebody types it')
  for (let round = 5; round < 100; round++) {
    t.equal(codes.length, 1)
    await t.rejects(api.context.owner.claim(wrong, testPassword), { code: 'CLAIM_CODE_WRONG' })
  }
  t.equal(codes.length, 2, 'the console was told the new code')
  t.not(codes[1], codes[0])
  api.clock.advance(2_000)
  t.equal((await api.ask('POST', '/api/claim', { code: codes[1], password: testPassword })).statusCode, 200)
  t.equal(codes.at(-1), undefined, 'the console is told that the code is over')
})

t.test('a short password is refused by name and the code stays', async (t) => {
  const api = await startTestApi(t)
  const code = api.context.owner.code
  const reply = await api.ask('POST', '/api/claim', { code, password: 'short' })
  t.equal(reply.statusCode, 400)
  t.match(reply.json<Refusal>(), {
    code: 'INVALID',
    text: '“password” must have at least 10 characters.',
    details: { field: 'password', in: 'body' },
  })
  t.equal(api.context.owner.code, code)
})

t.test('login: right and wrong password, logout', async (t) => {
  const api = await startTestApi(t)
  const early = await api.ask('POST', '/api/login', { password: testPassword })
  t.equal(early.json<Refusal>().code, 'NOT_CLAIMED')
  await api.claim()
  const session = api.cookie
  t.equal((await api.ask('POST', '/api/logout')).statusCode, 204)
  t.equal(api.cookie, undefined, 'the cookie is taken back')
  t.equal((await api.ask('GET', '/api/devices', undefined, { cookie: session ?? '' })).statusCode, 401)

  const wrong = await api.ask('POST', '/api/login', { password: 'something else' })
  t.equal(wrong.statusCode, 401)
  t.equal(wrong.json<Refusal>().code, 'PASSWORD_WRONG')
  t.equal((await api.ask('POST', '/api/login', { password: testPassword })).statusCode, 200)
  t.equal((await api.ask('GET', '/api/devices')).statusCode, 200)
  const log = JSON.stringify(api.logger.lines)
  t.notMatch(log, testPassword)
  t.notMatch(log, 'something else')
})

t.test('guessing gets slow, and never longer than a minute', async (t) => {
  const api = await startTestApi(t)
  await api.claim()
  let longestS = 0
  for (let round = 0; round < 20; round++) {
    const reply = await api.ask('POST', '/api/login', { password: 'guess number one' })
    if (reply.statusCode === 429) {
      const waitS = Number(reply.headers['retry-after'])
      longestS = Math.max(longestS, waitS)
      api.clock.advance(waitS * 1000)
    }
  }
  t.equal(longestS, 60)
  api.clock.advance(60_000)
  t.equal((await api.ask('POST', '/api/login', { password: testPassword })).statusCode, 200, 'not locked out')
})

t.test('a session ends after four idle hours, after seven days, and survives a restart', async (t) => {
  const api = await startTestApi(t)
  await api.claim()
  api.clock.advance(3.9 * 3_600_000)
  t.equal((await api.ask('GET', '/api/devices')).statusCode, 200)
  const restarted = await startTestApi(t, { parts: { store: api.store }, change: { clock: api.clock } })
  restarted.cookie = api.cookie
  t.equal((await restarted.ask('GET', '/api/devices')).statusCode, 200, 'known after a restart')
  t.notMatch(api.store.secrets.get('page.sessions'), api.cookie?.split('=')[1] ?? 'none', 'only as a hash')
  api.clock.advance(4.1 * 3_600_000)
  t.equal((await restarted.ask('GET', '/api/devices')).json<Refusal>().code, 'UNAUTHENTICATED')

  await api.ask('POST', '/api/login', { password: testPassword })
  for (let hour = 0; hour < 7 * 24; hour += 3) {
    t.equal((await api.ask('GET', '/api/session')).json<{ loggedIn: boolean }>().loggedIn, true)
    api.clock.advance(3 * 3_600_000)
  }
  api.clock.advance(1)
  t.equal((await api.ask('GET', '/api/session')).json<{ loggedIn: boolean }>().loggedIn, false)
})

t.test('a new password ends every other login', async (t) => {
  const api = await startTestApi(t)
  await api.claim()
  const other = api.cookie
  api.cookie = undefined
  await api.ask('POST', '/api/login', { password: testPassword })
  const body = { currentPassword: 'not the password', newPassword: 'a new one, long enough' }
  t.equal((await api.ask('POST', '/api/password', body)).json<Refusal>().code, 'PASSWORD_WRONG')
  body.currentPassword = testPassword
  t.equal((await api.ask('POST', '/api/password', body)).statusCode, 204)
  t.equal((await api.ask('GET', '/api/devices')).statusCode, 200, 'this login goes on')
  t.equal((await api.ask('GET', '/api/devices', undefined, { cookie: other ?? '' })).statusCode, 401)
  t.equal((await api.ask('POST', '/api/login', { password: testPassword })).statusCode, 401)
  t.equal((await api.ask('POST', '/api/login', { password: body.newPassword })).statusCode, 200)
})

t.test(
  'everything but health, session and documentation needs a login, however the address is written',
  async (t) => {
    const api = await startTestApi(t)
    await api.claim()
    api.cookie = undefined
    for (const url of ['/api/devices', '/%61pi/devices', '/api/%64evices', '/api/settings', '/api/events']) {
      const reply = await api.ask('GET', url)
      t.equal(reply.statusCode, 401, url)
      t.equal(reply.json<Refusal>().code, 'UNAUTHENTICATED')
    }
    for (const url of ['/api/health', '/api/session', '/api/openapi.json']) {
      t.equal((await api.ask('GET', url)).statusCode, 200, url)
    }
    t.equal((await api.ask('GET', '/api/nothing-here')).json<Refusal>().code, 'NOT_FOUND')
  },
)

t.test('changes are taken from the page itself only', async (t) => {
  const api = await startTestApi(t)
  await api.claim()
  api.store.devices.save(someDevice())
  for (const headers of [
    { origin: 'https://evil.example' },
    { origin: 'http://box.example:8443' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ]) {
    const reply = await api.ask('DELETE', '/api/devices/d1', undefined, headers)
    t.equal(reply.statusCode, 403, JSON.stringify(headers))
    t.equal(reply.json<Refusal>().code, 'ORIGIN_REFUSED')
  }
  t.ok(api.store.devices.find('d1'), 'nothing was removed')
  t.equal((await api.ask('DELETE', '/api/devices/d1')).statusCode, 204)
})

t.test('answers carry the headers that keep a browser safe', async (t) => {
  const api = await startTestApi(t)
  for (const url of ['/api/health', '/api/devices', '/nothing']) {
    const { headers } = await api.ask('GET', url)
    t.match(headers['content-security-policy'], /default-src 'none'.*script-src 'self'/, url)
    t.notMatch(headers['content-security-policy'], 'unsafe')
    t.match(headers, { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
  }
  t.equal((await api.ask('GET', '/api/health')).headers['cache-control'], 'no-store')
})

t.test('too large, not JSON, unknown field: each refused in the one shape', async (t) => {
  const api = await startTestApi(t)
  const large = await api.ask('POST', '/api/login', { password: 'x'.repeat(70_000) })
  t.equal(large.statusCode, 413)
  t.equal(large.json<Refusal>().code, 'TOO_LARGE')
  const json = { 'content-type': 'application/json' }
  const broken = await api.ask('POST', '/api/login', '{"password":', json)
  t.match(
    [broken.statusCode, broken.json<Refusal>()],
    [400, { code: 'INVALID', text: 'The body is not valid JSON.' }],
  )
  const form = await api.ask('POST', '/api/login', 'password=x', {
    'content-type': 'application/x-www-form-urlencoded',
  })
  t.match([form.statusCode, form.json<Refusal>()], [415, { code: 'INVALID', text: 'The body must be JSON.' }])
  const unknown = await api.ask('POST', '/api/login', { password: 'x', remember: true })
  t.match(unknown.json<Refusal>(), { text: '“remember” is not known here.', details: { field: 'remember' } })
  const wrongType = await api.ask('POST', '/api/login', { password: 12345 })
  t.equal(wrongType.json<Refusal>().text, '“password” must be of type string.')
  const missing = await api.ask('POST', '/api/login', {})
  t.equal(missing.json<Refusal>().text, '“password” is missing.')
})

t.test('a store that takes no note does not keep the admin out', async (t) => {
  const api = await startTestApi(t)
  await api.claim()
  api.cookie = undefined
  // As a full disk does: the password can still be read, the note cannot be written.
  const full = {
    ...api.store,
    audit: {
      ...api.store.audit,
      add: () => {
        throw new ApplianceError('STORE_FAILED')
      },
    },
  }
  api.context.parts = { ...api.context.parts, store: full }
  t.equal((await api.ask('POST', '/api/login', { password: testPassword })).statusCode, 200)
  t.ok(
    api.logger.lines.some(({ text }) => text === 'an audit entry was lost'),
    'the log has it instead',
  )
})
