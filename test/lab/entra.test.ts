import { createPublicKey, verify, type JsonWebKey } from 'node:crypto'
import t from 'tap'
import { systemRandom } from '#src/base/random.ts'
import { createDeviceCodes } from '#src/lab/entra/device-codes.ts'
import { labClientId, labTenantId } from '#src/lab/identity.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { json, startTestLab, type TestLab } from './lab-fixture.ts'

const grant = 'urn:ietf:params:oauth:grant-type:device_code'
const path = `/${labTenantId}/oauth2/v2.0`
const scope = 'User.Read TeamsUserConfiguration.Read.All openid profile offline_access'

async function newCode(lab: TestLab): Promise<{ user: string; device: string }> {
  const answer = json(await lab.post(`${path}/devicecode`, { client_id: labClientId, scope }))
  return { user: String(answer.user_code), device: String(answer.device_code) }
}

function poll(lab: TestLab, device: string) {
  return lab.post(`${path}/token`, { client_id: labClientId, grant_type: grant, device_code: device })
}

function refresh(lab: TestLab, token: string) {
  return lab.post(`${path}/token`, {
    client_id: labClientId,
    grant_type: 'refresh_token',
    refresh_token: token,
    scope,
  })
}

function claims(token: unknown): Record<string, unknown> {
  const body = String(token).split('.')[1] ?? ''
  return JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>
}

void t.test('discovery leads to endpoints on the lab itself', async (t) => {
  const lab = await startTestLab(t)
  const { authorityHost } = lab.endpoints
  const document = json(await lab.get(`/${labTenantId}/v2.0/.well-known/openid-configuration`))
  t.equal(document.issuer, `${authorityHost}/${labTenantId}/v2.0`)
  for (const name of ['token_endpoint', 'jwks_uri', 'device_authorization_endpoint']) {
    t.ok(String(document[name]).startsWith(`${authorityHost}/${labTenantId}/`), name)
  }
  t.equal((await lab.get('/organizations/v2.0/.well-known/openid-configuration')).status, 200)
  const other = await lab.get('/contoso.example/v2.0/.well-known/openid-configuration')
  t.match(json(other), { error: 'invalid_request', error_codes: [90002] })
  const asked = encodeURIComponent(`${authorityHost}/${labTenantId}/oauth2/v2.0/authorize`)
  const instances = json(
    await lab.get(`/common/discovery/instance?api-version=1.1&authorization_endpoint=${asked}`),
  )
  t.match(instances, { metadata: [{ aliases: [new URL(authorityHost).host] }] })
})

void t.test('a code looks like Microsoft’s and buys tokens once', async (t) => {
  const lab = await startTestLab(t)
  const answer = json(await lab.post(`${path}/devicecode`, { client_id: labClientId, scope }))
  t.match(answer.user_code, /^[A-HJ-NP-Z2-9]{9}$/)
  t.match(answer, { expires_in: 900, interval: 5, verification_uri: `${lab.pageUrl}devicelogin` })
  const device = String(answer.device_code)
  t.match(json(await poll(lab, device)), { error: 'authorization_pending', error_codes: [70016] })
  t.equal((await lab.decide(String(answer.user_code).toLowerCase(), 'approve', 'anna')).status, 200)
  const tokens = json(await poll(lab, device))
  t.match(tokens, { token_type: 'Bearer', scope: 'User.Read TeamsUserConfiguration.Read.All' })
  t.match(claims(tokens.id_token), { aud: labClientId, name: 'Anna Albrecht', tid: labTenantId })
  t.match(json(await poll(lab, device)), { error: 'bad_verification_code' })

  const { keys } = json(await lab.get(`/${labTenantId}/discovery/v2.0/keys`)) as { keys: JsonWebKey[] }
  const [head, body, signature] = String(tokens.access_token).split('.')
  const key = createPublicKey({ key: keys[0] ?? {}, format: 'jwk' })
  const signed = Buffer.from(`${head}.${body}`)
  t.ok(verify('RSA-SHA256', signed, key, Buffer.from(signature ?? '', 'base64url')), 'signed by the JWKS key')
})

void t.test('a declined, an expired and an unknown code each say so', async (t) => {
  const clock = new FakeClock()
  const lab = await startTestLab(t, { clock })
  const declined = await newCode(lab)
  await lab.decide(declined.user, 'decline')
  t.match(json(await poll(lab, declined.device)), { error: 'authorization_declined' })
  const late = await newCode(lab)
  clock.advance(900_000)
  t.match(json(await poll(lab, late.device)), { error: 'expired_token', error_codes: [70020] })
  t.equal((await lab.decide(late.user, 'approve', 'anna')).status, 400)
  t.match(json(await poll(lab, 'nonsense')), { error: 'bad_verification_code' })
})

void t.test('who polls too often is told to slow down, and has to from then on', async (t) => {
  const clock = new FakeClock()
  const lab = await startTestLab(t, { clock })
  const { device } = await newCode(lab)
  const error = async (): Promise<unknown> => json(await poll(lab, device)).error
  t.equal(await error(), 'authorization_pending')
  clock.advance(1000)
  t.equal(await error(), 'slow_down')
  clock.advance(5000)
  t.equal(await error(), 'slow_down', 'the interval is ten seconds now')
  clock.advance(15_000)
  t.equal(await error(), 'authorization_pending')
})

void t.test('wrong client, wrong grant, missing fields', async (t) => {
  const lab = await startTestLab(t)
  const wrongClient = await lab.post(`${path}/devicecode`, { client_id: 'somebody', scope })
  t.match(json(wrongClient), { error: 'unauthorized_client', error_codes: [700016] })
  t.equal(wrongClient.status, 400)
  t.match(json(await lab.post(`${path}/devicecode`, { scope })), { error: 'invalid_request' })
  const password = { client_id: labClientId, grant_type: 'password', username: 'anna', password: 'x' }
  t.match(json(await lab.post(`${path}/token`, password)), { error: 'unsupported_grant_type' })
  const noCode = { client_id: labClientId, grant_type: grant }
  t.match(json(await lab.post(`${path}/token`, noCode)), { error: 'invalid_request' })
})

void t.test('a refresh token rotates, survives a restart of the lab, and dies of age', async (t) => {
  const clock = new FakeClock()
  const dataDir = t.testdir()
  const lab = await startTestLab(t, { clock, dataDir })
  const code = await newCode(lab)
  await lab.decide(code.user, 'approve', 'ben')
  const first = json(await poll(lab, code.device))
  const second = json(await refresh(lab, String(first.refresh_token)))
  t.not(second.refresh_token, first.refresh_token)
  t.equal(claims(second.access_token).name, 'Ben Bauer')
  await lab.stop()
  const again = await startTestLab(t, { clock, dataDir })
  const third = await refresh(again, String(second.refresh_token))
  t.equal(third.status, 200)
  t.match(json(await refresh(again, `${String(second.refresh_token)}x`)), { error: 'invalid_grant' })
  t.equal((await again.send('PUT', '/lab/accounts/ben', { enabled: false })).status, 200)
  t.match(json(await refresh(again, String(second.refresh_token))), { error_codes: [50057] })
  await again.send('PUT', '/lab/accounts/ben', { enabled: true })
  clock.advance(91 * 86_400_000)
  t.match(json(await refresh(again, String(second.refresh_token))), { error_codes: [700082] })
})

void t.test('the table of codes is bounded, and expired flows make room', async (t) => {
  const clock = new FakeClock()
  const codes = createDeviceCodes({ clock, random: systemRandom, lifetimeMs: 900_000, intervalMs: 5000 })
  for (let index = 0; index < 1000; index++) codes.issue('client', 'scope')
  t.equal(codes.issue('client', 'scope'), undefined)
  clock.advance(900_000)
  t.ok(codes.issue('client', 'scope'))
})
