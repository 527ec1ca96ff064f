import t, { type Test } from 'tap'
import type { DectServersView, DectServerView, HandsetsView, HandsetView } from '#src/api/schema/handsets.ts'
import { systemRandom } from '#src/base/random.ts'
import { createDect, type Dect } from '#src/dect/create-dect.ts'
import type { LiveCall } from '#src/model/call-record.ts'
import { startTestApi, type TestApi } from '#test/api/api-fixture.ts'
import { someUser } from '#test/store/store-fixture.ts'
import { someIpei } from './dect-fixture.ts'

interface Refusal {
  code: string
  text: string
  details: { field?: string; problems?: { row: number; field: string; text: string }[] }
}

interface DectApi extends TestApi {
  dect: Dect
  server: DectServerView
  add(...handsets: object[]): Promise<HandsetView[]>
}

async function startDectApi(t: Test): Promise<DectApi> {
  const api = await startTestApi(t)
  const { store, clock, logger } = api
  const dect = createDect({ store, emergencyNumbers: () => ['112'], clock, random: systemRandom, logger })
  t.teardown(() => dect.stop())
  api.context.parts = { ...api.context.parts, dect }
  await api.claim()
  const added = await api.ask('POST', '/api/dect/servers', {
    label: ' Clinic ',
    mac: '0090.330a.0b0c',
    model: 'Virtual IP-DECT Server One',
  })
  t.equal(added.statusCode, 201, added.body)
  const server = added.json<DectServerView>()
  const add = async (...handsets: object[]): Promise<HandsetView[]> => {
    const reply = await api.ask('POST', `/api/devices/${server.device.id}/handsets`, { handsets })
    if (reply.statusCode !== 201) throw new Error(reply.body)
    return reply.json<HandsetsView>().handsets
  }
  return Object.assign(api, { dect, server, add })
}

const usernameOf = (view: HandsetView | undefined): string => view?.device.lines[0]?.username ?? ''

t.test('servers and handsets are listed with what an admin wants to know, and no secret', async (t) => {
  const api = await startDectApi(t)
  t.match(api.server, {
    device: { label: 'Clinic', mac: '0090330a0b0c', kind: 'dect-server', vendor: 'Spectralink', lines: [] },
    handsets: 0,
    registered: 0,
    subscription: null,
  })
  const [handset] = await api.add(
    { ipei: '570050782068', label: 'Ward 3', extension: '203' },
    { ipei: someIpei(1), label: 'Ward 10' },
  )
  t.match(handset, {
    ipei: '57005 0782068 7',
    extension: '203',
    state: 'announced',
    device: { kind: 'dect-handset', parentId: api.server.device.id, ipei: '5700507820687' },
  })
  const list = await api.ask('GET', `/api/devices/${api.server.device.id}/handsets`)
  t.equal(list.json<HandsetsView>().handsets.length, 2)
  const servers = await api.ask('GET', '/api/dect/servers')
  t.match(servers.json<DectServersView>(), {
    servers: [{ handsets: 2 }],
    models: [{ vendor: 'Spectralink' }],
  })
  const code = api.dect.handsets.accessCode(handset?.device.id ?? '')
  const password = api.store.lines.password(handset?.device.lines[0]?.id ?? '') ?? ''
  for (const text of [
    list.body,
    servers.body,
    JSON.stringify(api.store.audit.list({ limit: 99 })),
    JSON.stringify(api.logger.lines),
  ]) {
    t.notOk(text.includes(code) || text.includes(password), 'no code and no password')
  }
  const shown = await api.ask('GET', `/api/handsets/${handset?.device.id}/access-code`)
  t.strictSame(shown.json(), { ipei: '57005 0782068 7', accessCode: code })
  t.match(api.store.audit.list({ limit: 1 }), [{ action: 'handset.accessCode', subject: handset?.device.id }])
})

t.test('a pasted list is all or nothing, and says which rows are wrong', async (t) => {
  const api = await startDectApi(t)
  const path = `/api/devices/${api.server.device.id}/handsets/csv`
  const refused = await api.ask('POST', path, {
    text: `IPEI;Name;Number\n${someIpei(1)};Good;201\n57005 0782068 1;Bad;201\n;;\n${someIpei(2)};;203`,
  })
  t.equal(refused.statusCode, 400)
  t.strictSame(
    refused.json<Refusal>().details.problems?.map(({ row, field }) => `${row} ${field}`),
    ['3 ipei', '3 extension', '5 label'],
  )
  const broken = await api.ask('POST', path, { text: '57005 0782068 7;"Ward\n' })
  t.match(broken.json<Refusal>(), {
    code: 'INVALID',
    text: /^Row 1: The quotes/,
    details: { problems: [{ row: 1 }] },
  })
  t.strictSame(api.store.lines.list(), [])
  const good = await api.ask('POST', path, { text: `${someIpei(1)},Ward 1,201\n${someIpei(2)},Ward 2` })
  t.equal(good.statusCode, 201, good.body)
  t.equal(good.json<HandsetsView>().handsets.length, 2)
})

t.test('a handset is renamed, and removed with its person, its line and its call', async (t) => {
  const api = await startDectApi(t)
  const [gone, stays] = await api.add(
    { ipei: someIpei(1), label: 'A' },
    { ipei: someIpei(2), label: 'B', extension: '202' },
  )
  const line = gone?.device.lines[0]
  if (!gone || !stays || !line) throw new Error('two were added')
  const path = `/api/handsets/${gone.device.id}`
  const taken = await api.ask('PATCH', path, { label: 'A', extension: '202' })
  t.match(taken.json<Refusal>(), { code: 'INVALID', details: { field: 'extension' } })
  const renamed = await api.ask('PATCH', path, { label: ' Night ', extension: '201' })
  t.match(renamed.json<HandsetView>(), { extension: '201', device: { label: 'Night' } })

  api.store.signIns.save(
    { lineId: line.id, userId: 'u1', signedInAtMs: 1, verifiedAtMs: 1 },
    someUser({ id: 'u1' }),
    '{}',
  )
  const party = (id: string) => ({ kind: 'line' as const, id, number: '1', displayName: undefined })
  const other = stays.device.lines[0]?.id ?? ''
  const call = (id: string, change: Partial<LiveCall>): LiveCall => ({
    ...{ id, state: 'answered', startedAtMs: 1, answeredAtMs: 1, dialled: '1' },
    ...{ caller: party('somebody'), callees: [] },
    ...change,
  })
  api.pbx.start(call('its own', { caller: party(line.id) }))
  api.pbx.start(call('to it', { callees: [party(line.id)] }))
  api.pbx.start(call('rings on both', { state: 'ringing', callees: [party(line.id), party(other)] }))
  api.pbx.start(call('of another', { caller: party(other) }))

  t.equal((await api.ask('DELETE', path)).statusCode, 204)
  t.strictSame(api.pbx.hungUp, ['its own', 'to it'])
  t.strictSame(api.signIn.actions, [`cancel ${line.id}`, `signOut ${line.id} admin`])
  t.equal(api.store.lines.findByUsername(usernameOf(gone)), undefined)
  t.ok(api.store.lines.findByUsername(usernameOf(stays)), 'the other one stays')
  t.equal((await api.ask('DELETE', path)).statusCode, 404)
  t.equal((await api.ask('GET', `${path}/access-code`)).statusCode, 404)
})

t.test('a removed server takes its handsets, their people and their codes along', async (t) => {
  const api = await startDectApi(t)
  const [handset] = await api.add({ ipei: someIpei(1), label: 'A' })
  const lineId = handset?.device.lines[0]?.id ?? ''
  const signIn = { lineId, userId: 'u1', signedInAtMs: 1, verifiedAtMs: 1 }
  api.store.signIns.save(signIn, someUser({ id: 'u1' }), '{}')
  api.dect.subscription.open(api.server.device.id, 60_000)
  t.equal((await api.ask('DELETE', `/api/devices/${api.server.device.id}`)).statusCode, 204)
  t.match(api.signIn.actions, [`cancel ${lineId}`, `signOut ${lineId} admin`])
  t.strictSame(api.store.devices.list(), [])
  t.equal(api.store.secrets.get(`dect.accessCode.${handset?.device.id}`), undefined)
  t.equal(api.dect.subscription.find(api.server.device.id), undefined)
})

t.test('the time for subscribing is opened for minutes and closed', async (t) => {
  const api = await startDectApi(t)
  const path = `/api/devices/${api.server.device.id}/subscription`
  const nowMs = api.clock.nowMs()
  const opened = await api.ask('POST', path, { minutes: 10 })
  t.equal(opened.statusCode, 201)
  t.strictSame(opened.json(), { openedAtMs: nowMs, closesAtMs: nowMs + 600_000 })
  const servers = (await api.ask('GET', '/api/dect/servers')).json<DectServersView>().servers
  t.match(servers, [{ subscription: { closesAtMs: nowMs + 600_000 } }])
  t.equal((await api.ask('DELETE', path)).statusCode, 204)
  t.equal((await api.ask('DELETE', path)).statusCode, 204, 'closing twice is no fault')
  t.equal(api.dect.subscription.find(api.server.device.id), undefined)
  for (const minutes of [0, -1, 61, 1.5, '10', null]) {
    t.equal((await api.ask('POST', path, { minutes })).statusCode, 400, String(minutes))
  }
})

t.test('what is no server or no handset is not found, and bodies are bounded', async (t) => {
  const api = await startDectApi(t)
  const { deviceId } = await api.addPhone()
  for (const id of [deviceId, 'nobody', '../settings', 'x'.repeat(101)]) {
    const path = encodeURIComponent(id)
    const expected = id.length > 100 ? 400 : 404
    const handsets = { handsets: [{ ipei: someIpei(1), label: 'A' }] }
    t.equal((await api.ask('GET', `/api/devices/${path}/handsets`)).statusCode, expected, id.slice(0, 20))
    t.equal((await api.ask('POST', `/api/devices/${path}/handsets`, handsets)).statusCode, expected)
    t.equal((await api.ask('POST', `/api/devices/${path}/subscription`, { minutes: 5 })).statusCode, expected)
    t.equal((await api.ask('DELETE', `/api/devices/${path}/subscription`)).statusCode, expected)
    t.equal((await api.ask('DELETE', `/api/handsets/${path}`)).statusCode, expected)
  }
  t.ok(api.store.devices.find(deviceId), 'a phone is not removed as a handset')
  const path = `/api/devices/${api.server.device.id}/handsets`
  const wrong: unknown[] = [
    {},
    { handsets: [] },
    { handsets: 'x' },
    { handsets: [{ ipei: 5, label: 'A' }] },
    { handsets: [{ ipei: someIpei(1) }] },
    { handsets: [{ ipei: someIpei(1), label: 'A', password: 'mine' }] },
    { handsets: [{ ipei: '1'.repeat(101), label: 'A' }] },
    { handsets: Array.from({ length: 1001 }, () => ({ ipei: '1', label: 'A' })) },
  ]
  for (const body of wrong) t.equal((await api.ask('POST', path, body)).statusCode, 400)
  const long = await api.ask('POST', `${path}/csv`, { text: 'x'.repeat(60_001) })
  t.equal(long.statusCode, 400)
  t.equal((await api.ask('POST', `${path}/csv`, { text: 'x'.repeat(70_000) })).statusCode, 413)
  const server = { label: 'X', mac: '009033', model: 'IP-DECT Server 400' }
  t.equal((await api.ask('POST', '/api/dect/servers', server)).statusCode, 400)
  const twin = await api.ask('POST', '/api/dect/servers', { ...server, mac: '00:90:33:0a:0b:0c' })
  t.match(twin.json<Refusal>(), { code: 'CONFLICT', details: { field: 'mac' } })
  t.strictSame(api.dect.handsets.list(api.server.device.id), [])
})

t.test('strangers get nothing, and a box without DECT says so', async (t) => {
  const api = await startDectApi(t)
  const [handset] = await api.add({ ipei: someIpei(1), label: 'A' })
  const { cookie } = api
  api.cookie = undefined
  for (const [method, path] of [
    ['GET', '/api/dect/servers'],
    ['POST', '/api/dect/servers'],
    ['GET', `/api/devices/${api.server.device.id}/handsets`],
    ['POST', `/api/devices/${api.server.device.id}/handsets`],
    ['POST', `/api/devices/${api.server.device.id}/handsets/csv`],
    ['POST', `/api/devices/${api.server.device.id}/subscription`],
    ['DELETE', `/api/devices/${api.server.device.id}/subscription`],
    ['PATCH', `/api/handsets/${handset?.device.id}`],
    ['DELETE', `/api/handsets/${handset?.device.id}`],
    ['GET', `/api/handsets/${handset?.device.id}/access-code`],
  ] as const) {
    t.equal(
      (await api.ask(method, path, method === 'GET' ? undefined : {})).statusCode,
      401,
      `${method} ${path}`,
    )
  }
  api.cookie = cookie
  const foreign = { origin: 'https://evil.example' }
  t.equal(
    (await api.ask('DELETE', `/api/handsets/${handset?.device.id}`, undefined, foreign)).statusCode,
    403,
  )
  api.context.parts = { ...api.context.parts, dect: undefined }
  const off = await api.ask('GET', '/api/dect/servers')
  t.match(off.json<Refusal>(), { code: 'PART_NOT_RUNNING', text: 'DECT is not running.' })
})
