import t from 'tap'
import type { CallPage, LiveCallsView } from '#src/api/schema/calls.ts'
import type { StatusView } from '#src/api/schema/health.ts'
import type { PeopleView } from '#src/api/schema/people.ts'
import type { SettingsView } from '#src/api/schema/settings.ts'
import { someCall, someUser } from '#test/store/store-fixture.ts'
import { startTestApi, testPassword } from './api-fixture.ts'

interface Refusal {
  code: string
  text: string
  details?: Record<string, unknown>
}

const policy = {
  allowSipDevicesCalling: true,
  allowCallRedirect: false,
  busyOnBusy: false,
  emergencyLocationRequired: false,
}

t.test('without any part the page still answers, and says which part is missing', async (t) => {
  const api = await startTestApi(t, { without: ['store', 'settings', 'pbx', 'signIn'] })
  t.match((await api.ask('GET', '/api/health')).json(), { state: 'ok', lab: true, version: '0.1.0' })
  t.match((await api.ask('GET', '/api/session')).json(), { claimed: null, loggedIn: false })
  for (const [url, body] of [
    ['/api/login', { password: testPassword }],
    ['/api/claim', { code: '1', password: testPassword }],
  ] as const) {
    const reply = await api.ask('POST', url, body)
    t.match(
      [reply.statusCode, reply.json<Refusal>()],
      [503, { code: 'PART_NOT_RUNNING', details: { part: 'store' } }],
    )
  }
})

t.test('parts that are not running are named, the rest goes on', async (t) => {
  const api = await startTestApi(t, { without: ['settings', 'pbx', 'signIn'] })
  await api.claim()
  const { lineId } = await api.addPhone()
  for (const [method, url, part] of [
    ['GET', '/api/calls/live', 'pbx'],
    ['DELETE', '/api/calls/live/x', 'pbx'],
    ['GET', '/api/trunks', 'pbx'],
    ['POST', `/api/lines/${lineId}/signin`, 'signIn'],
    ['GET', '/api/settings', 'settings'],
  ] as const) {
    const reply = await api.ask(method, url)
    t.match(
      [reply.statusCode, reply.json<Refusal>()],
      [503, { code: 'PART_NOT_RUNNING', details: { part }, advice: String }],
      url,
    )
  }
  t.match((await api.ask('GET', '/api/status')).json(), {
    callsRunning: false,
    signInRunning: false,
    trunks: [],
    counts: { devices: 1 },
  })
})

t.test('the status counts the phones of this box, and knows whether anybody can sign in', async (t) => {
  const api = await startTestApi(t)
  await api.claim()
  const { deviceId } = await api.addPhone()
  const device = api.store.devices.find(deviceId)
  if (!device) throw new Error('the phone is not there')
  for (const state of ['found', 'off-boarded'] as const) {
    api.store.devices.save({ ...device, id: state, state })
    const line = { id: `line-${state}`, deviceId: state, username: state, label: '', createdAtMs: 0 }
    api.store.lines.add(line, 'secret of a line')
  }
  const read = async (): Promise<StatusView> => (await api.ask('GET', '/api/status')).json<StatusView>()
  t.match(await read(), { counts: { devices: 1, lines: 1 }, signInRunning: true }, 'strangers are not missed')

  const tenant = async (lab: boolean, state: 'off' | 'failed' | 'ok'): Promise<unknown> => {
    const parts = [{ name: 'tenant', state, detail: '', advice: undefined }]
    Object.assign(api.context.options, { health: () => ({ state: 'ok', version: '0.1.0', lab, parts }) })
    const { running } = (await api.ask('GET', '/api/setup/tenant')).json<{ running: string }>()
    return [(await read()).signInRunning, running]
  }
  api.pbx.trunkList = [{ name: 'teams', state: 'off', hosts: [] }]
  t.strictSame(
    await tenant(false, 'off'),
    [false, 'none'],
    'no tenant, though the trunk has its line in the list',
  )
  t.strictSame(await tenant(false, 'failed'), [false, 'none'])
  t.strictSame(await tenant(true, 'failed'), [false, 'lab'])
  t.strictSame(await tenant(false, 'ok'), [true, 'microsoft'])
})

t.test('people: Global policy, own policy, lab people before their first sign-in', async (t) => {
  const otto = {
    id: 'otto',
    upn: 'otto@lab.example',
    displayName: 'Otto',
    number: undefined,
    licensed: true,
    canSignIn: true,
    purpose: 'No number.',
  }
  const echo = { ...otto, id: 'echo', canSignIn: false }
  const lab = { pageUrl: 'https://lab/device', people: () => Promise.resolve([otto, echo]) }
  const api = await startTestApi(t, { parts: { lab } })
  await api.claim()
  api.store.users.save(someUser())
  const read = async (): Promise<PeopleView> => (await api.ask('GET', '/api/people')).json<PeopleView>()
  const before = await read()
  t.strictSame(
    before.people.map(({ id }) => id),
    ['u1', 'otto'],
    'numbers that only answer calls are no people',
  )
  t.equal(before.global.allowSipDevicesCalling, false, 'default off')

  t.strictSame((await api.ask('PUT', '/api/policy', policy)).json(), policy)
  t.match((await read()).people, [
    { policy: { allowSipDevicesCalling: true }, ownPolicy: false },
    { policy: { allowSipDevicesCalling: true }, ownPolicy: false },
  ])
  const off = { ...policy, allowSipDevicesCalling: false }
  t.equal((await api.ask('PUT', '/api/people/otto/policy', off)).statusCode, 200)
  t.match((await read()).people[1], { policy: { allowSipDevicesCalling: false }, ownPolicy: true })
  t.equal(api.store.callingPolicies.forUser('otto').allowSipDevicesCalling, false)
  t.match(api.store.audit.list({ limit: 1 })[0], { action: 'policy.change', subject: 'otto', details: off })

  const back = await api.ask('DELETE', '/api/people/otto/policy')
  t.match([back.statusCode, back.json()], [200, policy], 'what everybody has holds again')
  t.match((await read()).people[1], { policy: { allowSipDevicesCalling: true }, ownPolicy: false })
  t.match(api.store.audit.list({ limit: 1 })[0], { action: 'policy.remove', subject: 'otto' })
  t.equal((await api.ask('DELETE', '/api/people/Global/policy')).statusCode, 404, 'Global stays')

  t.equal((await api.ask('PUT', '/api/people/nobody/policy', policy)).statusCode, 404)
  const text = await api.ask('PUT', '/api/policy', { ...policy, busyOnBusy: 'false' })
  t.match(text.json<Refusal>(), { code: 'INVALID', details: { field: 'busyOnBusy' } }, 'nothing is coerced')
  const partial = await api.ask('PUT', '/api/policy', { allowSipDevicesCalling: false })
  t.equal(partial.statusCode, 400, 'a policy is replaced whole')
  t.match((await api.ask('GET', '/api/lab')).json(), { on: true, pageUrl: lab.pageUrl, people: [{}, {}] })
})

t.test('live calls are listed with their devices and can be hung up', async (t) => {
  const api = await startTestApi(t)
  await api.claim()
  const { lineId } = await api.addPhone('Reception')
  api.pbx.start({
    id: 'c1',
    state: 'ringing',
    startedAtMs: 5,
    answeredAtMs: undefined,
    caller: { kind: 'line', id: lineId, number: '+491', displayName: undefined },
    dialled: '+492',
    callees: [{ kind: 'trunk', id: 'teams', number: '+492', displayName: 'Echo' }],
  })
  const live = (await api.ask('GET', '/api/calls/live')).json<LiveCallsView>()
  t.equal(live.nowMs, api.clock.nowMs())
  t.match(live.calls, [{ id: 'c1', answeredAtMs: null, caller: { deviceLabel: 'Reception' } }])
  t.equal((await api.ask('DELETE', '/api/calls/live/c1')).statusCode, 204)
  t.strictSame(api.pbx.hungUp, ['c1'])
  t.equal((await api.ask('DELETE', '/api/calls/live/gone')).json<Refusal>().code, 'NOT_FOUND')
})

t.test('the call log is paged, latest first, and limits are kept', async (t) => {
  const api = await startTestApi(t)
  await api.claim()
  for (let index = 1; index <= 5; index++) {
    await api.store.callLog.add(someCall({ id: `c${index}`, startedAtMs: index * 1000 }))
  }
  const first = (await api.ask('GET', '/api/calls?limit=2')).json<CallPage>()
  t.strictSame([first.calls.map(({ id }) => id), first.next, first.total], [['c5', 'c4'], 4000, 5])
  const last = (await api.ask('GET', `/api/calls?limit=3&before=${first.next}`)).json<CallPage>()
  t.strictSame(
    last.calls.map(({ id }) => id),
    ['c3', 'c2', 'c1'],
  )
  const end = (await api.ask('GET', '/api/calls?limit=3&before=1000')).json<CallPage>()
  t.strictSame([end.calls, end.next], [[], null])
  t.equal((await api.ask('GET', '/api/calls')).json<CallPage>().calls.length, 5)
  for (const query of ['limit=0', 'limit=201', 'limit=many', 'before=-1']) {
    t.equal((await api.ask('GET', `/api/calls?${query}`)).statusCode, 400, query)
  }
})

t.test('calls of one millisecond on the cut between two pages are all listed', async (t) => {
  const api = await startTestApi(t)
  await api.claim()
  for (const [id, startedAtMs] of [
    ['a', 1000],
    ['b', 2000],
    ['c', 2000],
    ['d', 2000],
    ['e', 3000],
  ] as const) {
    await api.store.callLog.add(someCall({ id, startedAtMs }))
  }
  const seen: string[] = []
  let before = ''
  for (;;) {
    const page = (await api.ask('GET', `/api/calls?limit=2${before}`)).json<CallPage>()
    seen.push(...page.calls.map(({ id }) => id))
    if (page.next === null) break
    before = `&before=${page.next}`
  }
  t.strictSame(seen, ['e', 'b', 'c', 'd', 'a'])
})

t.test('the box is restarted from the page, after the answer and with a note', async (t) => {
  let restarts = 0
  const api = await startTestApi(t, { change: { restart: () => restarts++ } })
  t.equal((await api.ask('POST', '/api/restart')).statusCode, 401, 'only by the admin')
  await api.claim()
  const reply = await api.ask('POST', '/api/restart')
  t.match([reply.statusCode, reply.json()], [202, { liveCalls: 0 }])
  t.equal(restarts, 1)
  t.match(api.store.audit.list({ limit: 1 })[0], { action: 'box.restart' })
})

t.test('settings: etag, change, conflict, refusal by field; secrets are not shown', async (t) => {
  const api = await startTestApi(t)
  await api.claim()
  api.settings.document = { sip: { udpPort: 5070, drachtio: { host: 'd', secret: 'cymru' } } }
  const read = await api.ask('GET', '/api/settings')
  t.equal(read.headers.etag, '"v1"')
  t.notMatch(read.body, 'cymru')
  const { fields } = read.json<SettingsView>()
  const byPath = new Map(fields.map((field) => [field.path, field]))
  t.match(byPath.get('sip.udpPort'), {
    title: 'SIP over UDP port',
    kind: 'integer',
    value: 5070,
    default: 5060,
    saved: true,
    applies: 'sip',
    minimum: 0,
    maximum: 65535,
  })
  t.match(byPath.get('sip.drachtio.secret'), { secret: true, saved: true, value: null })
  t.match(byPath.get('tenant.kind'), { kind: 'choice', choices: ['none', 'lab', 'microsoft'] })
  t.match(byPath.get('site.emergencyNumbers'), { kind: 'list' })
  t.ok(fields.length > 25, `${fields.length} fields`)

  const patch = { stopGraceS: 5, sip: { udpPort: 5080 } }
  const missing = await api.ask('PATCH', '/api/settings', patch)
  t.match([missing.statusCode, missing.json<Refusal>().code], [428, 'PRECONDITION_MISSING'])
  const stale = await api.ask('PATCH', '/api/settings', patch, { 'if-match': '"v0"' })
  t.match([stale.statusCode, stale.json<Refusal>().code], [409, 'CONFLICT'])
  const bad = await api.ask('PATCH', '/api/settings', { sip: { udpPort: 70_000 } }, { 'if-match': '"v1"' })
  t.match(bad.json<Refusal>(), { code: 'CONFIG_INVALID', details: { field: 'sip.udpPort' } })
  t.equal(api.settings.version, 1, 'nothing was changed')
  const good = await api.ask('PATCH', '/api/settings', patch, { 'if-match': '"v1"' })
  t.match([good.headers.etag, good.json()], ['"v2"', { etag: 'v2', pendingRestart: ['sip.udpPort'] }])
  t.match(api.store.audit.list({ limit: 1 })[0], {
    action: 'settings.change',
    details: { fields: ['stopGraceS', 'sip.udpPort'] },
  })
})

t.test('the audit log is paged', async (t) => {
  const api = await startTestApi(t)
  await api.claim()
  await api.addPhone('One')
  await api.addPhone('Two')
  const first = (await api.ask('GET', '/api/audit?limit=2')).json<{
    entries: { action: string; details: Record<string, unknown> }[]
    next: number
  }>()
  t.match(first.entries, [
    { action: 'device.add', details: { label: 'Two' } },
    { action: 'device.add', details: { label: 'One' } },
  ])
  const rest = (await api.ask('GET', `/api/audit?limit=2&before=${first.next}`)).json<{
    entries: unknown[]
  }>()
  t.match(rest, { entries: [{ action: 'box.claim', details: { from: '127.0.0.1' } }], next: null })
})

t.test('a fault nobody expected is told without its text, and logged', async (t) => {
  const api = await startTestApi(t)
  await api.claim()
  api.pbx.liveCalls = () => {
    throw new Error('secret detail')
  }
  const reply = await api.ask('GET', '/api/calls/live')
  t.equal(reply.statusCode, 500)
  t.equal(reply.json<Refusal>().code, 'INTERNAL')
  t.notMatch(reply.body, 'secret detail')
  t.ok(api.logger.lines.some((line) => line.level === 'error' && line.fields.route === '/api/calls/live'))
})
