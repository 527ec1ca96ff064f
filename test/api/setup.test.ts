import t from 'tap'
import { ApplianceError } from '#src/base/errors.ts'
import type { HostControl } from '#src/host/requests/ports.ts'
import type { SetupView, SiteView } from '#src/api/schema/setup.ts'
import { createSettingsService } from '#src/settings/settings-service.ts'
import { someBinding, someCall, someUser } from '#test/store/store-fixture.ts'
import { startTestApi, type TestApi } from './api-fixture.ts'
import { fakeNetwork } from './fakes.ts'

interface Refusal {
  code: string
  text: string
  details?: Record<string, unknown>
}

/** A claimed box with real settings, no tenant, and checks that ask nobody outside. */
async function startBox(t: { teardown(work: () => Promise<void> | void): void }): Promise<TestApi> {
  const api = await startTestApi(t, {
    change: {
      health: () => ({ state: 'ok', version: '0.1.0', lab: false, parts: [] }),
      setup: { probes: { dnsServers: ['127.0.0.1:1'], ntpPort: 1, dateUrl: 'https://127.0.0.1:1/' } },
    },
  })
  const settings = createSettingsService({ store: api.store.settings })
  api.context.parts = { ...api.context.parts, settings, network: fakeNetwork() }
  api.pbx.trunkList = []
  await api.claim()
  return api
}

const read = async (api: TestApi): Promise<SetupView> =>
  (await api.ask('GET', '/api/setup')).json<SetupView>()

/** `network: open` and so on. */
const states = ({ steps }: SetupView): string[] => steps.map(({ id, state }) => `${id}: ${state}`)

const site = {
  country: 'AT',
  timeZone: 'Europe/Vienna',
  language: 'de',
  ntpServers: ['127.0.0.1'],
  emergencyNumbers: ['112', '133'],
}

t.test('a new box: everything is open but the claim, and each step says what was seen', async (t) => {
  const api = await startBox(t)
  const setup = await read(api)
  t.strictSame(states(setup), [
    'claim: done',
    'network: open',
    'time: open',
    'certificate: open',
    'teams: open',
    'phones: open',
    'done: open',
  ])
  t.equal(setup.resume, 'network')
  for (const { id, evidence, checkedAtMs } of setup.steps) {
    t.match(evidence, /^[A-Z0-9].*\.$/, `${id} says a sentence`)
    t.equal(checkedAtMs, api.clock.nowMs())
  }
  t.equal(setup.phonesUrl, 'http://box.example:0/')
})

t.test('a step is left for later, stays so after a restart, and doing it takes that back', async (t) => {
  const api = await startBox(t)
  const skipped = (await api.ask('POST', '/api/setup/time/skip')).json<SetupView>()
  t.ok(states(skipped).includes('time: skipped'))
  t.match(api.store.audit.list({ limit: 1 })[0], { action: 'setup.skip', subject: 'time' })
  t.equal((await api.ask('PUT', '/api/setup/site', site)).statusCode, 200)
  t.ok(states(await read(api)).includes('time: done'), 'done wins over skipped')
  await api.ask('PUT', '/api/setup/site', { ...site, emergencyNumbers: [], withoutEmergencyNumbers: true })
  t.ok(states(await read(api)).includes('time: attention'), 'and what breaks later does not look skipped')

  for (const step of ['claim', 'done']) {
    t.equal((await api.ask('POST', `/api/setup/${step}/skip`)).statusCode, 404, `${step} cannot be left`)
  }
  t.equal((await api.ask('POST', '/api/setup/nonsense/skip')).statusCode, 400)
  for (const step of ['network', 'time', 'certificate', 'teams', 'phones']) {
    await api.ask('POST', `/api/setup/${step}/skip`)
  }
  const all = await read(api)
  t.equal(all.resume, null, 'nobody is led anywhere any more')
  t.match(all.steps.at(-1), { state: 'done', evidence: '5 steps are left for later.' })
})

t.test('what the store kept of the wizard is damaged: it begins anew', async (t) => {
  const api = await startBox(t)
  for (const damaged of ['{"skipped": 5}', 'no json']) {
    api.store.secrets.set('setup.progress', damaged)
    t.equal((await read(api)).resume, 'network')
  }
})

t.test('the place: refused values name their field, and nothing is saved', async (t) => {
  const api = await startBox(t)
  for (const [change, field] of [
    [{ timeZone: 'Mars/Olympus' }, 'timeZone'],
    [{ emergencyNumbers: [] }, 'emergencyNumbers'],
    [{ emergencyNumbers: ['11 2'] }, 'emergencyNumbers.0'],
    [{ country: 'Austria' }, 'country'],
    [{ ntpServers: ['a', 'b', 'c', 'd', 'e'] }, 'ntpServers'],
    [{ color: 'red' }, 'color'],
  ] as const) {
    const reply = await api.ask('PUT', '/api/setup/site', { ...site, ...change })
    t.match([reply.statusCode, reply.json<Refusal>()], [400, { code: 'INVALID', details: { field } }], field)
  }
  const view = (await api.ask('GET', '/api/setup/site')).json<SiteView>()
  t.match(view, { saved: false, country: 'DE', setsTimeZone: false })
  t.ok(view.timeZones.includes('Europe/Vienna'))
  for (const { code, emergencyNumbers, timeZone } of view.countries) {
    t.ok(emergencyNumbers.length > 0, `${code} has an emergency number`)
    t.ok(view.timeZones.includes(timeZone), `${code}: ${timeZone} is a time zone`)
    for (const number of emergencyNumbers) t.match(number, /^\d{2,6}$/, code)
  }
  t.ok(view.countries.length >= 60, `${view.countries.length} countries`)
})

t.test('on the image the machine gets the time zone first; when it refuses, nothing is saved', async (t) => {
  const api = await startBox(t)
  const zones: string[] = []
  let refuses = false
  const host: Pick<HostControl, 'ownsMachine' | 'setTimeZone'> = {
    ownsMachine: true,
    async setTimeZone(timeZone) {
      if (refuses) throw new ApplianceError('HOST_FAILED')
      zones.push(timeZone)
    },
  }
  api.context.parts = { ...api.context.parts, host: host as HostControl }
  t.equal((await api.ask('PUT', '/api/setup/site', site)).statusCode, 200)
  t.strictSame(zones, ['Europe/Vienna'])
  refuses = true
  const reply = await api.ask('PUT', '/api/setup/site', { ...site, timeZone: 'Asia/Tokyo' })
  t.match(reply.json<Refusal>(), { code: 'HOST_FAILED' })
  t.match((await api.ask('GET', '/api/setup/site')).json(), { timeZone: 'Europe/Vienna', setsTimeZone: true })
})

t.test('phones: added, registered, signed in, and a call answered', async (t) => {
  const api = await startBox(t)
  const phones = async (): Promise<unknown> => (await read(api)).steps.find(({ id }) => id === 'phones')
  const { lineId, username } = await api.addPhone()
  t.match(await phones(), { state: 'open', evidence: /0 of 1 phone registered.*must register next/ })
  const nowMs = api.clock.nowMs()
  const expiresAtMs = nowMs + 600_000
  await api.store.bindings.change(username, nowMs, () => [someBinding({ aor: username, expiresAtMs })])
  t.match(await phones(), { state: 'open', evidence: /1 of 1 phone registered.*Somebody must sign in/ })
  const signedIn = { lineId, userId: 'u1', signedInAtMs: nowMs, verifiedAtMs: nowMs }
  api.store.signIns.save(signedIn, someUser(), 'cache')
  t.match(await phones(), { state: 'open', evidence: /1 signed in\. No call was answered so far/ })
  const service = { kind: 'service' as const, id: '*50*', number: '*50*', displayName: undefined }
  await api.store.callLog.add(someCall({ id: 'c0', callee: service }))
  t.match(await phones(), { state: 'open' }, 'a code that the box itself answers is no call')
  await api.store.callLog.add(someCall({ id: 'c1' }))
  t.match(await phones(), { state: 'done', evidence: /Anna called \+4930999, answered at \d\d:\d\d/ })
  t.equal((await read(api)).resume, null, 'whoever makes calls is not led to the setup')
  api.clock.advance(700_000)
  t.match(await phones(), { state: 'attention', evidence: /No phone is registered now/ })
})

t.test('Teams: chosen, restarted, asked, answering, silent', async (t) => {
  const api = await startBox(t)
  const teams = async (): Promise<unknown> => (await read(api)).steps.find(({ id }) => id === 'teams')
  const host = { name: 'sip.lab', up: false, lastOkAtMs: undefined, lastError: undefined }
  const chosen = await api.ask('POST', '/api/setup/tenant/choice', { kind: 'lab' })
  t.strictSame(chosen.json(), { restartNeeded: true })
  t.match(await teams(), { state: 'attention', evidence: /must be restarted/ })
  t.match((await api.ask('GET', '/api/setup/tenant')).json(), { kind: 'lab', running: 'none' })

  const health = { state: 'ok' as const, version: '0.1.0', lab: true, parts: [] }
  Object.assign(api.context.options, { health: () => health })
  t.match(await teams(), { state: 'attention', evidence: /call side/ })
  api.pbx.trunkList = [{ name: 'teams', state: 'down', hosts: [host] }]
  t.match(await teams(), { state: 'open', evidence: /asked for the first time/ })
  api.pbx.trunkList = [{ name: 'teams', state: 'down', hosts: [{ ...host, lastError: 'refused' }] }]
  t.match(await teams(), { state: 'attention', evidence: 'The lab tenant does not answer: refused.' })
  api.pbx.trunkList = [{ name: 'teams', state: 'up', hosts: [{ ...host, up: true }] }]
  t.match(await teams(), { state: 'done', evidence: 'The lab tenant answers on 1 of 1 host.' })
  const certificate = (await read(api)).steps.find(({ id }) => id === 'certificate')
  t.match(certificate, { state: 'done', evidence: /lab brings its own/ })
})

t.test('in rescue nobody is led to the setup, and it says that the settings cannot be read', async (t) => {
  const api = await startBox(t)
  api.context.parts = { ...api.context.parts, settings: undefined }
  const setup = await read(api)
  t.equal(setup.resume, null)
  t.match(setup.steps[1], { state: 'attention', evidence: 'The settings cannot be read now.' })
  t.equal(setup.phonesUrl, null)
})

t.test('strangers learn nothing of the setup and change nothing', async (t) => {
  const api = await startBox(t)
  api.cookie = undefined
  for (const [method, url] of [
    ['GET', '/api/setup'],
    ['POST', '/api/setup/time/skip'],
    ['POST', '/api/setup/checks/dns'],
    ['GET', '/api/setup/site'],
    ['PUT', '/api/setup/site'],
    ['GET', '/api/setup/tenant/script'],
    ['POST', '/api/setup/consent'],
    ['GET', '/api/certificates'],
    ['PUT', '/api/certificates/trunk'],
    ['POST', '/api/certificates/request'],
  ] as const) {
    t.equal(
      (await api.ask(method, url, method === 'GET' ? undefined : {})).statusCode,
      401,
      `${method} ${url}`,
    )
  }
})
