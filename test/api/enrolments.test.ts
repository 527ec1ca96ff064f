import t from 'tap'
import { systemRandom } from '#src/base/random.ts'
import type {
  EnrolmentsView,
  EnrolmentView,
  OffBoardedListView,
  PreviewView,
} from '#src/api/schema/enrolments.ts'
import { createOnboarding } from '#src/onboarding/onboarding.ts'
import type { Onboarding } from '#src/onboarding/ports.ts'
import { defaultSettings } from '#src/settings/load-configuration.ts'
import { someDevice } from '#test/store/store-fixture.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { startTestApi, type TestApi } from './api-fixture.ts'

interface Refusal {
  code: string
  text: string
  details?: Record<string, unknown>
}

async function startWithOnboarding(
  t: Parameters<typeof startTestApi>[0],
): Promise<{ api: TestApi; onboarding: Onboarding }> {
  const api = await startTestApi(t)
  const { store, clock, signIn, context } = api
  const settings = defaultSettings()
  const onboarding = createOnboarding({
    store,
    signIn,
    settings: () => settings,
    linesInCall: () => new Set(),
    clock,
    random: systemRandom,
    logger: new MemoryLogger(),
  })
  context.parts = { ...context.parts, onboarding }
  await api.claim()
  return { api, onboarding }
}

const upload = (api: TestApi, body: string | Buffer, type = 'text/csv'): ReturnType<TestApi['ask']> =>
  api.ask('POST', '/api/enrolments/preview', body, { 'content-type': type })

t.test('one phone: announced, listed with its code, given another, taken off the list', async (t) => {
  const { api, onboarding } = await startWithOnboarding(t)
  const device = { address: '00-15-65-AA-BB-CC', label: ' Lobby ', location: 'Ground floor' }
  const added = await api.ask('POST', '/api/enrolments', { devices: [device] })
  t.equal(added.statusCode, 201)
  const [first] = added.json<{ enrolments: EnrolmentView[] }>().enrolments
  t.match(first, { mac: '001565aabbcc', label: 'Lobby', state: 'waiting', code: /^\d{8}$/, device: null })
  api.store.devices.save(someDevice({ id: 'd', mac: '001565aabbcc', state: 'found', model: 'T46S' }))

  const list = (await api.ask('GET', '/api/enrolments')).json<EnrolmentsView>()
  t.match(list, {
    codeLifeMs: 7 * 24 * 3600_000,
    enrolments: [{ id: first?.id, code: first?.code, device: { id: 'd', state: 'found', model: 'T46S' } }],
  })
  const renewed = await api.ask('POST', `/api/enrolments/${first?.id}/code`)
  t.match(renewed.json<EnrolmentView>(), { id: first?.id, state: 'waiting' })
  t.not(renewed.json<EnrolmentView>().code, first?.code)
  api.store.lines.add({ id: 'l', deviceId: 'd', username: 'bl1', label: 'x', createdAtMs: 1 }, 'secret')
  t.equal(onboarding.enrol('l', renewed.json<EnrolmentView>().code ?? '').kind, 'enrolled')
  const enrolled = (await api.ask('GET', '/api/enrolments')).json<EnrolmentsView>().enrolments[0]
  t.match(enrolled, { state: 'enrolled', code: null, device: { label: 'Lobby', state: 'onboarded' } })
  t.equal((await api.ask('DELETE', `/api/enrolments/${first?.id}`)).statusCode, 204)
  t.equal((await api.ask('DELETE', `/api/enrolments/${first?.id}`)).statusCode, 404)
  t.equal((await api.ask('POST', `/api/enrolments/${first?.id}/code`)).statusCode, 404)
})

t.test('what cannot be announced is refused by field, and nothing is saved', async (t) => {
  const { api } = await startWithOnboarding(t)
  const good = { address: '001565000001', label: 'Lobby', location: 'Ground floor' }
  const cases: [unknown, number, string | undefined][] = [
    [{}, 400, 'devices'],
    [{ devices: [] }, 400, 'devices'],
    [{ devices: [{ ...good, address: '00156500' }] }, 400, 'devices.0.address'],
    [{ devices: [good, { ...good, address: '0358601234560' }] }, 400, 'devices.1.address'],
    [{ devices: [good, good] }, 409, 'devices.1.address'],
    [{ devices: [{ ...good, label: 'a\nb' }] }, 400, 'devices.0.label'],
    [{ devices: [{ ...good, location: ' ' }] }, 400, 'devices.0.location'],
    [{ devices: [{ ...good, code: '1' }] }, 400, 'devices.0.code'],
    [{ devices: Array.from({ length: 1001 }, () => good) }, 400, 'devices'],
  ]
  for (const [body, status, field] of cases) {
    const reply = await api.ask('POST', '/api/enrolments', body)
    t.equal(reply.statusCode, status, JSON.stringify(body).slice(0, 80))
    t.equal(reply.json<Refusal>().details?.field, field)
  }
  t.same(api.store.enrolments.list(), [])
})

t.test(
  'a file is explained line by line and saves nothing; its good lines are announced as one',
  async (t) => {
    const { api } = await startWithOnboarding(t)
    const file =
      '\uFEFFMAC id;Location\r\n00:15:65:00:00:01;"Lobby; left"\r\nnonsense;Lobby\r\n001565000002;Canteen\r\n'
    const reply = await upload(api, file)
    t.equal(reply.statusCode, 200)
    const preview = reply.json<PreviewView>()
    t.match(preview, {
      good: [
        { line: 2, address: '00:15:65:00:00:01', label: 'Lobby; left', location: 'Lobby; left', note: null },
        { line: 4, address: '00:15:65:00:00:02' },
      ],
      broken: [{ line: 3, address: 'nonsense', text: /is neither a MAC address/ }],
    })
    t.same(api.store.enrolments.list(), [], 'a preview saves nothing')
    const devices = preview.good.map(({ address, label, location }) => ({ address, label, location }))
    t.equal((await api.ask('POST', '/api/enrolments', { devices })).statusCode, 201)
    t.equal(api.store.enrolments.list().length, 2)
    const again = (await upload(api, file)).json<PreviewView>()
    t.same(again.good, [])
    t.match(again.broken[0], { line: 2, text: /announced already, as “Lobby; left” \(waiting\)/ })
  },
)

t.test('what is no CSV file is refused in a sentence', async (t) => {
  const { api } = await startWithOnboarding(t)
  const cases: [string | Buffer, string, number, RegExp][] = [
    ['', 'text/csv', 400, /./],
    ['\r\n\r\n', 'text/csv', 400, /has no rows/],
    ['MAC,Location\r\n', 'text/csv', 400, /no rows below/],
    ['Colour,Taste\r\nred,sweet\r\n', 'text/csv', 400, /no column for the MAC/],
    [Buffer.from('PK\u0003\u0004 workbook', 'latin1'), 'application/vnd.ms-excel', 400, /workbook/],
    [Buffer.from([0x4d, 0, 0, 0]), 'text/csv', 400, /not a text file/],
    [`MAC,Location\n${'001565000001,x\n'.repeat(1001)}`, 'text/csv', 413, /1001 rows; at most 1000/],
    ['x'.repeat(256 * 1024 + 1), 'text/csv', 413, /too large/],
    ['{"a":1}', 'application/json', 400, /the file itself/],
    ['<a/>', 'application/xml', 415, /./],
  ]
  for (const [body, type, status, text] of cases) {
    const reply = await upload(api, body, type)
    t.equal(reply.statusCode, status, `${type} ${String(body).slice(0, 30)}`)
    t.match(reply.json<Refusal>().text, text)
  }
  const elsewhere = await api.ask('POST', '/api/devices', 'MAC\n', { 'content-type': 'text/csv' })
  t.equal(elsewhere.statusCode, 415, 'no other route reads files')
  api.cookie = undefined
  t.equal((await upload(api, 'MAC,Location\n')).statusCode, 401, 'nor does a stranger get to the parser')
})

t.test('the codes as a file: safe in a spreadsheet, read back by the import, audited', async (t) => {
  const { api } = await startWithOnboarding(t)
  const devices = [
    { address: '001565000001', label: '=HYPERLINK("http://evil")', location: '+49 "Süd", left' },
    { address: '03586 0123456 3', label: 'Ward', location: '@SUM(A1)' },
  ]
  await api.ask('POST', '/api/enrolments', { devices })
  const reply = await api.ask('GET', '/api/enrolments/codes.csv')
  t.equal(reply.statusCode, 200)
  t.match(reply.headers, { 'content-type': /^text\/csv/, 'content-disposition': /attachment; filename=/ })
  t.match(reply.headers['cache-control'], /no-store/)
  const lines = reply.body.split('\r\n')
  t.equal(lines[0], '\uFEFFMAC or IPEI,Location,Label,Code,To dial,State,Valid until')
  t.match(
    lines[1],
    /^00:15:65:00:00:01,"'\+49 ""Süd"", left","'=HYPERLINK\(""http:\/\/evil""\)",(\d{8}),\*55\*\1,waiting,20/,
  )
  t.match(lines[2], /^03586 0123456 3,"'@SUM\(A1\)",Ward,/)
  t.match(api.store.audit.list({ limit: 1 }), [{ action: 'enrolment.export', subject: '2 devices' }])

  for (const { id } of api.store.enrolments.list()) api.store.enrolments.remove(id)
  const { good, broken } = (await upload(api, reply.body)).json<PreviewView>()
  t.same(broken, [])
  t.match(good, [
    { address: '00:15:65:00:00:01', location: '+49 "Süd", left', label: '=HYPERLINK("http://evil")' },
    { address: '03586 0123456 3', location: '@SUM(A1)' },
  ])
})

t.test('a device is off-boarded now and brought back', async (t) => {
  const { api } = await startWithOnboarding(t)
  const { deviceId, lineId } = await api.addPhone('Reception')
  const before = api.store.lines.password(lineId)
  t.equal((await api.ask('POST', `/api/devices/${deviceId}/off-board`)).statusCode, 204)
  t.match((await api.ask('GET', '/api/off-boarded')).json<OffBoardedListView>(), {
    devices: [
      { deviceId, label: 'Reception', address: null, reason: 'admin', text: 'Off-boarded by the admin.' },
    ],
    signedInStaleDays: 30,
    signedOutStaleDays: 14,
  })
  t.equal(api.store.devices.find(deviceId)?.state, 'off-boarded')
  t.not(api.store.lines.password(lineId), before)
  t.equal((await api.ask('POST', `/api/devices/${deviceId}/off-board`)).statusCode, 409)
  const signIn = await api.ask('POST', `/api/lines/${lineId}/signin`)
  t.match([signIn.statusCode, signIn.json<Refusal>().text], [409, /bring it back first/])
  t.equal((await api.ask('POST', `/api/devices/${deviceId}/bring-back`)).statusCode, 204)
  t.equal((await api.ask('POST', `/api/devices/${deviceId}/bring-back`)).statusCode, 409)
  t.equal((await api.ask('POST', '/api/devices/none/off-board')).statusCode, 404)
  t.equal(api.store.devices.find(deviceId)?.state, 'onboarded')
  t.same((await api.ask('GET', '/api/off-boarded')).json<OffBoardedListView>().devices, [])
})

t.test('without onboarding the routes say so', async (t) => {
  const api = await startTestApi(t)
  await api.claim()
  for (const path of ['/api/enrolments', '/api/off-boarded', '/api/enrolments/codes.csv']) {
    const reply = await api.ask('GET', path)
    t.equal(reply.statusCode, 503)
    t.match(reply.json<Refusal>(), { code: 'PART_NOT_RUNNING', text: /neither announced nor off-boarded/ })
  }
})
