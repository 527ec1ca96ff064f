import t from 'tap'
import { systemClock } from '#src/base/clock.ts'
import type { TenantEndpoints } from '#src/model/tenant.ts'
import { createIdentityClient, type DeviceCode } from '#src/microsoft/device-code.ts'
import { createHttpClient, type HttpClient } from '#src/microsoft/network-client.ts'
import { startTestLab } from '#test/lab/lab-fixture.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { until } from '#test/support/until.ts'
import { startHttpsPeer } from './https-peer.ts'

const never = new AbortController().signal

/** The box's side on a clock of its own; `polls` counts what reached the token endpoint. */
function openBox(endpoints: TenantEndpoints, clock: FakeClock) {
  const https = createHttpClient({ caPem: endpoints.caPem, clock: systemClock })
  const box = { polls: 0, broken: false }
  const http: HttpClient = (request, signal) => {
    if (request.body?.includes('device_code=')) {
      box.polls++
      // A port that nobody listens on: the connection is refused for real.
      if (box.broken) return https({ ...request, url: 'https://127.0.0.1:1/' }, signal)
    }
    return https(request, signal)
  }
  return { identity: createIdentityClient({ endpoints, http, clock }), box }
}

/** Starts a flow and resolves with its code and its outcome. */
async function startFlow(identity: ReturnType<typeof openBox>['identity'], signal = never) {
  const { promise, resolve, reject } = Promise.withResolvers<DeviceCode>()
  const outcome = identity.deviceCode(resolve, signal)
  outcome.catch(reject)
  return { code: await promise, outcome }
}

void t.test('msal-node gets tokens after the person approved, at the pace the tenant names', async (t) => {
  const clock = new FakeClock()
  const lab = await startTestLab(t, { clock })
  const { identity, box } = openBox(lab.endpoints, clock)
  const { code, outcome } = await startFlow(identity)
  t.equal(code.expiresAtMs, clock.nowMs() + 900_000)
  t.equal(code.verificationUri, `${lab.pageUrl}devicelogin`)
  await until(() => clock.pending === 2)
  t.equal(box.polls, 0, 'nobody asks before the interval is over')
  clock.advance(5000)
  await until(() => box.polls === 1 && clock.pending === 2)
  await lab.decide(code.userCode, 'approve', 'anna')
  clock.advance(5000)
  const tokens = await outcome
  t.equal(box.polls, 2)
  t.match(tokens.tokenCache, /anna@lab\.branchline\.example/)
  const me = await lab.get('/v1.0/me', { authorization: `Bearer ${tokens.accessToken}` })
  t.match(me.text, /Anna Albrecht/)
  t.equal(clock.pending, 0, 'no timer is left')
})

void t.test('slow_down and a broken connection lengthen the interval and do not end the flow', async (t) => {
  const clock = new FakeClock()
  const labClock = new FakeClock()
  const lab = await startTestLab(t, { clock: labClock })
  const { identity, box } = openBox(lab.endpoints, clock)
  const { code, outcome } = await startFlow(identity)
  const round = async (byMs: number, expected: number): Promise<void> => {
    await until(() => clock.pending === 2)
    clock.advance(byMs)
    await until(() => box.polls === expected)
  }
  await round(5000, 1)
  await round(5000, 2) // the lab's clock stands still, so this one is too soon
  await until(() => clock.pending === 2)
  clock.advance(9999)
  t.equal(box.polls, 2, 'ten seconds now')
  labClock.advance(60_000)
  box.broken = true
  await round(1, 3)
  box.broken = false
  await until(() => clock.pending === 2)
  clock.advance(19_999)
  t.equal(box.polls, 3, 'after a refused connection it waits twice as long')
  await lab.decide(code.userCode, 'approve', 'ben')
  clock.advance(1)
  await t.resolves(outcome)
})

void t.test('declined, expired, cancelled', async (t) => {
  const clock = new FakeClock()
  const lab = await startTestLab(t, { clock: new FakeClock() })
  const { identity } = openBox(lab.endpoints, clock)
  const declined = await startFlow(identity)
  await lab.decide(declined.code.userCode, 'decline')
  await until(() => clock.pending === 2)
  clock.advance(5000)
  await t.rejects(declined.outcome, { code: 'SIGN_IN_FAILED', message: /declined in the browser/ })

  const expired = await startFlow(identity)
  await until(() => clock.pending === 2)
  clock.advance(900_000)
  await t.rejects(expired.outcome, { code: 'SIGN_IN_FAILED', message: /not entered in time/ })

  const abort = new AbortController()
  const cancelled = await startFlow(identity, abort.signal)
  abort.abort(new Error('enough'))
  await t.rejects(cancelled.outcome, { message: 'enough' })
  t.equal(clock.pending, 0, 'no timer is left')
})

void t.test('the tenant’s refusals become sentences', async (t) => {
  const lab = await startTestLab(t)
  const open = (change: Partial<TenantEndpoints>) =>
    startFlow(openBox({ ...lab.endpoints, ...change }, new FakeClock()).identity)
  await t.rejects(open({ clientId: '1ab7e4a4-0000-4000-8000-00000000ffff' }), {
    code: 'SIGN_IN_FAILED',
    message: 'The tenant does not know the application of this box.',
    details: { entraCodes: [700016] },
    advice: /client/,
  })
  await t.rejects(open({ tenantId: '1ab7e4a4-0000-4000-8000-00000000ffff' }), {
    code: 'SIGN_IN_FAILED',
    message: 'There is no such tenant.',
  })
  await t.rejects(open({ authorityHost: 'https://127.0.0.1:1' }), { code: 'TENANT_UNREACHABLE' })
  await t.rejects(open({ caPem: [] }), { code: 'TENANT_UNREACHABLE' })
})

void t.test('Conditional Access, a captive portal and a 500 while polling', async (t) => {
  let tokenAnswer: { status: number; body: unknown } = { status: 500, body: { error: 'server_error' } }
  const { origin, caPem } = await startHttpsPeer(t, (app) => {
    app.get('/t/v2.0/.well-known/openid-configuration', (request) => {
      const base = `https://${request.headers.host}/t`
      return {
        issuer: `${base}/v2.0`,
        authorization_endpoint: `${base}/authorize`,
        token_endpoint: `${base}/oauth2/v2.0/token`,
        jwks_uri: `${base}/keys`,
      }
    })
    app.post('/t/oauth2/v2.0/devicecode', () => ({
      user_code: 'ABC',
      device_code: 'abc',
      verification_uri: 'https://example.org',
      expires_in: 900,
    }))
    app.post('/t/oauth2/v2.0/token', (_request, reply) =>
      reply.code(tokenAnswer.status).send(tokenAnswer.body),
    )
    app.get('/portal/v2.0/.well-known/openid-configuration', (_request, reply) =>
      reply.type('text/html').send('<p>Please log in to the hotel</p>'),
    )
  })
  const lab = await startTestLab(t)
  const endpoints = { ...lab.endpoints, authorityHost: origin, caPem }
  const clock = new FakeClock()
  const { identity, box } = openBox({ ...endpoints, tenantId: 't' }, clock)
  const { outcome } = await startFlow(identity)
  await until(() => clock.pending === 2)
  clock.advance(5000) // RFC 8628 3.2: five seconds when the server names no interval
  await until(() => box.polls === 1 && clock.pending === 2)
  tokenAnswer = { status: 400, body: { error: 'access_denied', error_codes: [53003] } }
  clock.advance(10_000)
  await t.rejects(outcome, { code: 'SIGN_IN_FAILED', message: /Conditional Access/, advice: /Exclude/ })
  const portal = openBox({ ...endpoints, tenantId: 'portal' }, clock)
  await t.rejects(startFlow(portal.identity), { code: 'TENANT_UNREACHABLE' })
})

void t.test(
  'a refresh asks Entra, rotates, and tells an ended account from an unreachable tenant',
  async (t) => {
    const clock = new FakeClock()
    const lab = await startTestLab(t, { clock: new FakeClock() })
    const { identity } = openBox(lab.endpoints, clock)
    const { code, outcome } = await startFlow(identity)
    await lab.decide(code.userCode, 'approve', 'carla')
    await until(() => clock.pending === 2)
    clock.advance(5000)
    const { tokenCache } = await outcome
    const fresh = await identity.refresh(tokenCache, never)
    if (fresh.kind !== 'fresh') throw new Error('not refreshed')
    t.not(fresh.tokens.tokenCache, tokenCache, 'the refresh token was rotated')
    await lab.send('PUT', '/lab/accounts/carla', { enabled: false })
    t.same(await identity.refresh(fresh.tokens.tokenCache, never), {
      kind: 'accountEnded',
      text: 'This account is disabled.',
    })
    t.match(await identity.refresh('{}', never), { kind: 'unknown' })
    t.match(await identity.refresh('not json', never), { kind: 'unknown' })
    await lab.stop()
    t.match(await identity.refresh(fresh.tokens.tokenCache, never), {
      kind: 'unknown',
      error: { code: 'TENANT_UNREACHABLE' },
    })
  },
)
