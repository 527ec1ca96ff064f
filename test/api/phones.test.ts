import t from 'tap'
import type { CredentialsView, DeviceView } from '#src/api/schema/devices.ts'
import { someBinding, someUser } from '#test/store/store-fixture.ts'
import { startTestApi } from './api-fixture.ts'
import { FakePbx } from './fakes.ts'

interface Refusal {
  code: string
  text: string
  details?: Record<string, unknown>
}

t.test('a phone is added with credentials that are shown once and on request, audited', async (t) => {
  const api = await startTestApi(t)
  await api.claim()
  const added = await api.ask('POST', '/api/devices', { label: '  Reception ', mac: '00-15-65-AA-bb-cc' })
  t.equal(added.statusCode, 201)
  const { device, credentials } = added.json<{ device: DeviceView; credentials: CredentialsView }>()
  t.match(device, { label: 'Reception', mac: '001565aabbcc', kind: 'phone', state: 'onboarded' })
  t.match(credentials, {
    server: 'box.example',
    realm: 'branchline',
    username: /^bl\d{6}$/,
    password: /^[A-Za-z2-9]{16}$/,
    transports: [
      { protocol: 'tcp', port: 5060 },
      { protocol: 'udp', port: 5060 },
      { protocol: 'tls', port: 5061 },
    ],
  })
  t.match(credentials.provisioning.qrSvg, /^<svg/)
  t.equal(api.store.lines.password(credentials.lineId), credentials.password, 'the store holds the same one')

  const list = await api.ask('GET', '/api/devices')
  t.notMatch(list.body, credentials.password, 'no password in a list')
  t.match(list.json<{ devices: DeviceView[] }>().devices[0]?.lines[0], {
    username: credentials.username,
    registered: false,
    user: null,
  })

  const again = await api.ask('GET', `/api/lines/${credentials.lineId}/credentials`)
  t.equal(again.json<CredentialsView>().password, credentials.password)
  t.match(
    api.store.audit.list({ limit: 2 }).map(({ action }) => action),
    ['line.credentials', 'device.add'],
  )
  t.notMatch(JSON.stringify([api.logger.lines, api.store.audit.list({ limit: 99 })]), credentials.password)
})

t.test('a phone that cannot be added is refused by field', async (t) => {
  const api = await startTestApi(t)
  await api.claim()
  await api.ask('POST', '/api/devices', { label: 'Reception', mac: '001565aabbcc' })
  const cases: [unknown, number, string][] = [
    [{}, 400, 'label'],
    [{ label: '' }, 400, 'label'],
    [{ label: '   ' }, 400, 'label'],
    [{ label: 'a\nb' }, 400, 'label'],
    [{ label: 'x'.repeat(61) }, 400, 'label'],
    [{ label: 'Desk', mac: '00156' }, 400, 'mac'],
    [{ label: 'Desk', mac: '00:15:65:AA:BB:CC' }, 409, 'mac'],
    [{ label: 'Desk', color: 'red' }, 400, 'color'],
  ]
  for (const [body, status, field] of cases) {
    const reply = await api.ask('POST', '/api/devices', body)
    t.equal(reply.statusCode, status, JSON.stringify(body))
    t.equal(reply.json<Refusal>().details?.field, field)
  }
  t.equal(api.store.devices.list().length, 1)
  t.equal(api.store.lines.list().length, 1)
})

t.test('the one-time link sets up one softphone, once', async (t) => {
  const api = await startTestApi(t)
  await api.claim()
  const { lineId } = await api.addPhone('Café “Süd” & <Bar>')
  const read = async (): Promise<CredentialsView> =>
    (await api.ask('GET', `/api/lines/${lineId}/credentials`)).json<CredentialsView>()
  const first = await read()
  const second = await read()
  const path = (credentials: CredentialsView): string => new URL(credentials.provisioning.url).pathname
  t.match(path(second), /^\/p\/[\w-]{22}$/, '128 random bits')
  t.equal((await api.ask('GET', path(first))).statusCode, 404, 'a newer link replaces the older')

  const xml = await api.ask('GET', path(second), undefined, { cookie: '' })
  t.equal(xml.statusCode, 200)
  t.match(xml.headers, { 'content-type': 'application/xml; charset=utf-8', 'cache-control': 'no-store' })
  t.match(xml.body, `<entry name="passwd" overwrite="true">${second.password}</entry>`)
  t.match(xml.body, '&#60;sip:box.example:5060;transport=tcp&#62;')
  t.match(xml.body, 'Café “Süd” &#38; &#60;Bar&#62;')
  t.match(xml.body, '<entry name="config-uri" overwrite="true"></entry>')
  const used = await api.ask('GET', path(second))
  t.equal(used.statusCode, 404)
  t.match(used.body, 'works once')
  t.match(api.store.audit.list({ limit: 1 })[0], { action: 'line.provisioned', actor: 'system' })

  const late = await read()
  api.clock.advance(10 * 60_000)
  t.equal((await api.ask('GET', path(late))).statusCode, 404, 'ten minutes')
  t.notMatch(JSON.stringify(api.logger.lines), path(second), 'no link in the log')
})

t.test('a new password ends the registrations that used the old one', async (t) => {
  const api = await startTestApi(t)
  await api.claim()
  const { lineId, username } = await api.addPhone()
  const old = api.store.lines.password(lineId)
  const nowMs = api.clock.nowMs()
  await api.store.bindings.change(username, nowMs, () => [
    someBinding({ aor: username, expiresAtMs: nowMs + 60_000 }),
  ])
  const reply = await api.ask('POST', `/api/lines/${lineId}/password`)
  t.equal(reply.statusCode, 200)
  t.not(reply.json<CredentialsView>().password, old)
  t.equal(api.store.lines.password(lineId), reply.json<CredentialsView>().password)
  t.strictSame(api.store.bindings.find(username, nowMs), [])
})

t.test('a registered line shows where the phone is', async (t) => {
  const api = await startTestApi(t)
  await api.claim()
  const { username } = await api.addPhone()
  const nowMs = api.clock.nowMs()
  await api.store.bindings.change(username, nowMs, () => [
    someBinding({ aor: username, expiresAtMs: nowMs + 60_000, userAgent: 'Yealink SIP-T54W' }),
  ])
  const { devices } = (await api.ask('GET', '/api/devices')).json<{ devices: DeviceView[] }>()
  t.match(devices[0]?.lines[0], {
    registered: true,
    contacts: [
      {
        address: '192.0.2.1:5060',
        protocol: 'udp',
        userAgent: 'Yealink SIP-T54W',
        connected: null,
        through: [],
      },
    ],
  })
  t.match((await api.ask('GET', '/api/status')).json<{ counts: unknown }>().counts, {
    devices: 1,
    lines: 1,
    registeredLines: 1,
  })
})

t.test('flows show whether they are open and which way they lead', async (t) => {
  const pbx = new FakePbx()
  const api = await startTestApi(t, { parts: { pbx } })
  await api.claim()
  const { username } = await api.addPhone()
  const nowMs = api.clock.nowMs()
  const flow = (port: number) => ({ protocol: 'tls', host: '192.0.2.1', port }) as const
  const common = { aor: username, expiresAtMs: nowMs + 60_000, instanceId: 'urn:uuid:1' }
  await api.store.bindings.change(username, nowMs, () => [
    someBinding({ ...common, flow: flow(1), regId: 1, registeredAtMs: 2_000 }),
    someBinding({
      ...common,
      flow: flow(2),
      regId: 2,
      path: ['<sip:edge.example;lr>', '<sip:t@[2001:db8::1]:5070;lr;ob>'],
    }),
  ])
  pbx.openPorts.add(2)
  const { devices } = (await api.ask('GET', '/api/devices')).json<{ devices: DeviceView[] }>()
  t.match(devices[0]?.lines[0]?.contacts, [
    { regId: 1, connected: false, through: [] },
    { regId: 2, connected: true, through: ['edge.example', '[2001:db8::1]:5070'] },
  ])
})

t.test('a phone is renamed and removed, and who is on it is signed out', async (t) => {
  const api = await startTestApi(t)
  await api.claim()
  const { deviceId, lineId, username } = await api.addPhone()
  const renamed = await api.ask('PATCH', `/api/devices/${deviceId}`, { label: 'Front desk' })
  t.equal(renamed.json<DeviceView>().label, 'Front desk')
  api.store.signIns.save({ lineId, userId: 'u1', signedInAtMs: 1, verifiedAtMs: 1 }, someUser(), 'tokens')
  t.equal((await api.ask('DELETE', `/api/devices/${deviceId}`)).statusCode, 204)
  t.strictSame(api.signIn.actions, [`cancel ${lineId}`, `signOut ${lineId} admin`])
  t.equal(api.store.lines.findByUsername(username), undefined)
  for (const [method, url] of [
    ['PATCH', `/api/devices/${deviceId}`],
    ['DELETE', `/api/devices/${deviceId}`],
    ['GET', `/api/lines/${lineId}/credentials`],
    ['POST', `/api/lines/${lineId}/password`],
    ['POST', `/api/lines/${lineId}/signin`],
    ['GET', `/api/lines/${lineId}/signin`],
    ['POST', `/api/lines/${lineId}/signout`],
  ] as const) {
    const body = method === 'PATCH' ? { label: 'x' } : undefined
    t.equal((await api.ask(method, url, body)).json<Refusal>().code, 'NOT_FOUND', `${method} ${url}`)
  }
})

t.test('sign-in: code, state, failure, cancel, sign-out', async (t) => {
  const api = await startTestApi(t)
  await api.claim()
  const { lineId } = await api.addPhone()
  const url = `/api/lines/${lineId}/signin`
  t.strictSame((await api.ask('GET', url)).json(), { state: 'none' })
  const begun = await api.ask('POST', url)
  t.equal(begun.statusCode, 202)
  t.match(begun.json(), { state: 'awaitingUser', userCode: 'ABCD-EFGH', verificationUri: /^https:/ })
  t.match((await api.ask('GET', url)).json(), { state: 'awaitingUser', expiresAtMs: 1_700_000_900_000 })
  api.signIn.statuses.set(lineId, { state: 'failed', code: 'SIGN_IN_NO_NUMBER', text: 'No number.' })
  t.strictSame((await api.ask('GET', url)).json(), {
    state: 'failed',
    code: 'SIGN_IN_NO_NUMBER',
    text: 'No number.',
  })
  t.equal((await api.ask('DELETE', url)).statusCode, 204)
  t.strictSame((await api.ask('GET', url)).json(), { state: 'none' })
  api.store.signIns.save({ lineId, userId: 'u1', signedInAtMs: 1, verifiedAtMs: 1 }, someUser(), 'tokens')
  t.strictSame(
    (await api.ask('GET', url)).json(),
    { state: 'signedIn', userId: 'u1' },
    'known from the store',
  )
  api.signIn.statuses.set(lineId, { state: 'signedIn', userId: 'u1' })
  t.strictSame((await api.ask('POST', `/api/lines/${lineId}/signout`)).json(), { signedOut: true })
  t.strictSame((await api.ask('POST', `/api/lines/${lineId}/signout`)).json(), { signedOut: false })

  api.signIn.unreachable = true
  const failed = await api.ask('POST', url)
  t.equal(failed.statusCode, 502)
  t.match(failed.json(), { code: 'TENANT_UNREACHABLE', advice: 'Check the internet connection.' })
})
