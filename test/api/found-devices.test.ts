import t from 'tap'
import type { CredentialsView } from '#src/api/schema/devices.ts'
import type { FoundDevicesView } from '#src/api/schema/found-devices.ts'
import { createProvisioning } from '#src/provisioning/create-provisioning.ts'
import { systemRandom } from '#src/base/random.ts'
import { defaultSettings } from '#src/settings/load-configuration.ts'
import { boxAddress, ownFolder } from '#test/provisioning/provisioning-fixture.ts'
import { someBinding } from '#test/store/store-fixture.ts'
import { startTestApi, type TestApi } from './api-fixture.ts'

const mac = '805ec0a1b2c3'
const yealink = { 'user-agent': 'Yealink SIP-T46S 66.86.0.15', host: 'box.example:8443' }

async function start(t: Parameters<typeof startTestApi>[0]): Promise<TestApi> {
  const api = await startTestApi(t)
  const { store, clock, logger, signIn, pbx } = api
  const provisioning = createProvisioning({
    store,
    settings: defaultSettings,
    box: () => boxAddress,
    signIn,
    calls: pbx,
    clock,
    random: systemRandom,
    logger,
  })
  t.teardown(() => provisioning.stop())
  api.context.parts = { ...api.context.parts, provisioning }
  await api.claim()
  return api
}

const list = async (api: TestApi): Promise<FoundDevicesView> =>
  (await api.ask('GET', '/api/found-devices')).json<FoundDevicesView>()

t.test('found, adopted, and not a second time', async (t) => {
  const api = await start(t)
  t.equal((await api.app.inject({ url: `/x/${mac}.boot`, headers: yealink })).statusCode, 200)
  const { found } = await list(api)
  t.match(found, [
    {
      mac,
      vendor: 'Yealink',
      model: 'T46S',
      configured: false,
      registered: false,
      firmwareAdvice: { state: 'newer' },
    },
  ])
  const id = found[0]?.id ?? ''
  t.equal((await api.ask('POST', `/api/found-devices/${id}/adopt`)).statusCode, 204)
  t.strictSame((await list(api)).found, [])
  t.match((await api.ask('POST', `/api/found-devices/${id}/adopt`)).json(), { code: 'CONFLICT' })
  t.equal((await api.ask('POST', '/api/found-devices/nobody/adopt')).statusCode, 404)
  const { devices } = (await api.ask('GET', '/api/devices')).json<{ devices: object[] }>()
  t.match(devices, [
    { state: 'onboarded', firmware: '66.86.0.15', firmwareAdvice: { text: /newer than the approved/ } },
  ])
})

t.test('the window opens for 5 to 60 minutes, and closes', async (t) => {
  const api = await start(t)
  for (const minutes of [0, 4, 61, 5.5, '5'])
    t.equal((await api.ask('POST', '/api/adoption-window', { minutes })).statusCode, 400, `${minutes}`)
  const opened = (await api.ask('POST', '/api/adoption-window', { minutes: 5 })).json<{
    closesAtMs: number
  }>()
  t.equal(opened.closesAtMs, api.clock.nowMs() + 300_000)
  t.match((await list(api)).window, opened)
  await api.app.inject({ url: `/x/${mac}.boot`, headers: yealink })
  t.equal(api.store.devices.findByMac(mac)?.state, 'onboarded')
  t.equal((await api.ask('DELETE', '/api/adoption-window')).statusCode, 204)
  t.equal((await list(api)).window, null)
})

t.test('who asked again is shown, and may be allowed', async (t) => {
  const api = await start(t)
  await api.app.inject({ url: `/${mac}.cfg`, headers: yealink })
  await api.app.inject({ url: `/${mac}.cfg`, headers: yealink, remoteAddress: '192.0.2.66' })
  const [note] = (await list(api)).refused
  t.match(note, { mac, from: '192.0.2.66', count: 1, why: 'handed-over' })
  // Somebody else asks while the admin reads: it is the address on the page that is let in.
  await api.app.inject({ url: `/${mac}.cfg`, headers: yealink, remoteAddress: '192.0.2.99' })
  const [line] = api.store.lines.list()
  const credentials = await api.ask('GET', `/api/lines/${line?.id}/credentials`)
  const link = new URL(credentials.json<CredentialsView>().provisioning.url).pathname
  const allow = (id: string | undefined, body: object) =>
    api.ask('POST', `/api/devices/${id}/allow-again`, body)
  t.equal((await allow(note?.deviceId, { from: 'somewhere' })).statusCode, 400)
  t.equal((await allow(note?.deviceId, { from: note?.from })).statusCode, 204)
  t.equal(
    (await api.ask('GET', link)).statusCode,
    404,
    'a link from before does not lead to the new password',
  )
  t.strictSame((await list(api)).refused, [])
  const other = await api.app.inject({ url: `/${mac}.cfg`, headers: yealink, remoteAddress: '192.0.2.99' })
  t.equal(other.statusCode, 404)
  const again = await api.app.inject({ url: `/${mac}.cfg`, headers: yealink, remoteAddress: '192.0.2.66' })
  t.match(again.body, /server\.url = https:\/\/box\.example:8443\/device\//)
  t.equal((await allow('nobody', {})).statusCode, 404)
  const softphone = await api.addPhone('Softphone')
  t.match((await allow(softphone.deviceId, {})).json(), {
    code: 'CONFLICT',
  })
})

t.test('none of it without a login, and without the part it says so', async (t) => {
  const api = await start(t)
  const routes = [
    ['GET', '/api/found-devices'],
    ['POST', '/api/found-devices/x/adopt'],
    ['POST', '/api/adoption-window'],
    ['DELETE', '/api/adoption-window'],
    ['POST', '/api/devices/x/allow-again'],
  ] as const
  const { cookie } = api
  api.cookie = undefined
  for (const [method, url] of routes)
    t.equal((await api.ask(method, url)).statusCode, 401, `${method} ${url}`)
  api.cookie = cookie
  api.context.parts = { ...api.context.parts, provisioning: undefined }
  t.match((await api.ask('GET', '/api/found-devices')).json(), { code: 'PART_NOT_RUNNING' })
  const unknown = await api.app.inject({ url: `/${mac}.cfg`, headers: yealink })
  t.equal(unknown.statusCode, 404)
  t.match(unknown.json(), { code: 'NOT_FOUND' })
})

t.test('a phone that fetches its password hears of a new one while it can be reached', async (t) => {
  const api = await start(t)
  const { store, pbx } = api
  const get = async (url: string) => {
    const { statusCode, headers, body } = await api.app.inject({ url, headers: yealink })
    return { status: statusCode, headers: headers as Record<string, string>, body }
  }
  const first = ownFolder(await get(`/${mac}.cfg`))
  const own = ownFolder(await get(`${first}${mac}.cfg`))
  await get(`${own}${mac}.cfg`)
  const [line] = store.lines.list()
  const { id = '', username = '' } = line ?? {}
  const nowMs = api.clock.nowMs()
  const binding = someBinding({ aor: username, expiresAtMs: nowMs + 60_000 })
  await store.bindings.change(username, nowMs, () => [binding])
  pbx.notified.length = 0
  const notify = pbx.notify.bind(pbx)
  let contacts = 0
  pbx.notify = (aor, notification) => {
    contacts = store.bindings.find(aor, nowMs).length
    return notify(aor, notification)
  }
  t.equal((await api.ask('POST', `/api/lines/${id}/password`)).statusCode, 200)
  t.strictSame(pbx.notified, [`${username} check-sync;reboot=false`])
  t.equal(contacts, 1, 'before its registration was ended')
  t.strictSame(store.bindings.find(username, nowMs), [])
  t.match((await get(`${own}${mac}.cfg`)).body, `password = ${store.lines.password(id)}`)
})

t.test('a phone that was sent to /p/ for its files gets them; a link stays a link', async (t) => {
  const api = await start(t)
  t.match((await api.app.inject({ url: `/p/${mac}.boot`, headers: yealink })).body, /include:config/)
  t.match(
    (await api.app.inject({ url: '/p/AAAAAAAAAAAAAAAAAAAAAA', headers: yealink })).body,
    /This link does not work/,
  )
})
