import t from 'tap'
import type { Binding } from '#src/model/binding.ts'
import { startOffice } from '#test/pbx/support/test-office.ts'
import { FakeClock } from '#test/support/fake-clock.ts'

t.test('a phone registers, is known to the rest of the box, and unregisters', async (t) => {
  const office = await startOffice(t)
  const anna = await office.phone('anna')
  const changes: { aor: string; bindings: Binding[] }[] = []
  office.pbx.on('bindingChanged', (fact) => void changes.push(fact))

  const ok = await anna.register()
  t.equal(ok.status, 200)
  t.match(ok.header('Contact'), new RegExp(`^<${anna.contact}>;expires=3600$`))
  t.match(ok.header('Date'), /GMT$/)
  t.match(office.store.bindings.find('anna', Date.now()), [
    { contactUri: anna.contact, flow: { protocol: 'udp', host: '127.0.0.1', port: anna.port } },
  ])
  t.match(changes, [{ aor: 'anna', bindings: [{ contactUri: anna.contact }] }])
  t.type(office.store.devices.find('d-anna')?.lastSeenAtMs, 'number')

  const query = await anna.register({ contact: '' })
  t.equal(query.headers('Contact').length, 1, 'a REGISTER without Contact asks')
  const gone = await anna.register({ contact: 'Contact: *', fields: ['Expires: 0'] })
  t.equal(gone.status, 200)
  t.equal(gone.header('Contact'), undefined)
  t.same(changes.at(-1), { aor: 'anna', bindings: [] })
})

t.test('both challenges arrive as fields of their own', async (t) => {
  const office = await startOffice(t)
  const anna = await office.phone('anna')
  await anna.register()
  const challenge = anna.heard.find((message) => message.status === 401)
  t.match(challenge?.headers('WWW-Authenticate'), [/algorithm=SHA-256/, /algorithm=MD5/])
})

t.test('several lines register from one address, several phones on one line', async (t) => {
  const office = await startOffice(t)
  const anna = await office.phone('anna')
  await office.phone('fax')
  await anna.register()
  t.equal(
    (await anna.register({ contact: `Contact: <${anna.contact}>, <sip:anna@127.0.0.1:9>` })).status,
    200,
  )
  t.equal(office.store.bindings.find('anna', Date.now()).length, 2)
  const fax = { username: 'fax', contact: `Contact: <sip:fax@127.0.0.1:${anna.port}>` }
  t.equal((await anna.register(fax)).status, 200)
  t.match(office.store.bindings.find('fax', Date.now()), [{ flow: { port: anna.port } }])
})

t.test('what is wrong gets its own status and count, and changes nothing', async (t) => {
  const office = await startOffice(t, { settings: { maxContactsPerLine: 2 } })
  const anna = await office.phone('anna')
  const ghost = await office.phone('ghost')
  office.store.lines.remove('l-ghost')

  t.equal((await anna.register({ password: 'wrong' })).status, 403)
  t.equal((await ghost.register()).status, 403)
  const brief = await anna.register({ fields: ['Expires: 5'] })
  t.equal(brief.status, 423)
  t.equal(brief.header('Min-Expires'), '60')
  t.equal((await anna.register({ contact: 'Contact: <sip:anna@127.0.0.1' })).status, 400)
  t.equal((await anna.register({ contact: 'Contact: *', fields: ['Expires: 60'] })).status, 400)
  const many = [1, 2, 3].map((port) => `<sip:anna@127.0.0.1:${port}>`).join(', ')
  t.equal((await anna.register({ contact: `Contact: ${many}` })).status, 403)
  t.same(office.store.bindings.all(Date.now()), [])
  t.match(office.pbx.counters(), { authWrongPassword: 1, authUnknownLine: 1, registersAccepted: 0 })
})

t.test('one line cannot register the address of another', async (t) => {
  const office = await startOffice(t)
  const anna = await office.phone('anna')
  await office.phone('ben')
  const uri = 'sip:127.0.0.1'
  const lines = (cseq: number): string[] => [
    `REGISTER ${uri} SIP/2.0`,
    anna.via(),
    'From: <sip:anna@127.0.0.1>;tag=1',
    'To: <sip:ben@127.0.0.1>',
    'Call-ID: steal',
    `CSeq: ${cseq} REGISTER`,
    'Max-Forwards: 70',
    `Contact: <${anna.contact}>`,
  ]
  anna.send(lines(1))
  const challenge = await anna.final({ callId: 'steal' }, 1, 'REGISTER')
  anna.send([...lines(2), `Authorization: ${anna.answer(challenge, 'REGISTER', uri)}`])
  t.equal((await anna.final({ callId: 'steal' }, 2, 'REGISTER')).status, 403)
  t.same(office.store.bindings.all(Date.now()), [])
  t.equal(office.pbx.counters()['authOtherLine'], 1)
})

t.test('an off-boarded device is refused', async (t) => {
  const office = await startOffice(t)
  const anna = await office.phone('anna')
  const device = office.store.devices.find('d-anna')
  if (device) office.store.devices.save({ ...device, state: 'off-boarded' })
  t.equal((await anna.register()).status, 403)
  t.equal(office.pbx.counters()['deviceOffBoarded'], 1)
})

t.test('a store that does not take the binding makes a 500 and no binding', async (t) => {
  const office = await startOffice(t, {})
  const anna = await office.phone('anna')
  const change = office.store.bindings.change.bind(office.store.bindings)
  office.store.bindings.change = () => Promise.reject(new Error('disk full'))
  t.equal((await anna.register()).status, 500)
  t.same(office.store.bindings.all(Date.now()), [])
  t.equal(office.pbx.counters()['storeFailed'], 1)
  office.store.bindings.change = change
  t.equal((await anna.register()).status, 200)
})

t.test('bindings expire, and the box says so', async (t) => {
  const clock = new FakeClock()
  const office = await startOffice(t, { clock })
  const anna = await office.phone('anna')
  await anna.register({ fields: ['Expires: 60'] })
  t.equal(office.store.bindings.find('anna', clock.nowMs()).length, 1)
  const changed = new Promise<{ aor: string; bindings: Binding[] }>((resolve) => {
    office.pbx.on('bindingChanged', resolve)
  })
  await clock.run(65_000, 5_000)
  t.same(await changed, { aor: 'anna', bindings: [] })
  t.equal(office.pbx.counters()['bindingsExpired'], 1)
})

t.test('other methods get the answer that the RFCs want', async (t) => {
  const office = await startOffice(t)
  const anna = await office.phone('anna')
  const table: [string, number, string[]][] = [
    ['OPTIONS', 200, []],
    ['SUBSCRIBE', 489, ['Event: message-summary']],
    ['PUBLISH', 489, ['Event: presence']],
    ['MESSAGE', 405, []],
    ['NOTIFY', 481, ['Event: keep-alive', 'Subscription-State: active']],
  ]
  for (const [method, status, fields] of table) {
    const callId = `m-${method}`
    anna.send([
      `${method} sip:box@127.0.0.1 SIP/2.0`,
      anna.via(),
      'From: <sip:anna@127.0.0.1>;tag=1',
      'To: <sip:box@127.0.0.1>',
      `Call-ID: ${callId}`,
      `CSeq: 1 ${method}`,
      'Max-Forwards: 70',
      `Contact: <${anna.contact}>`,
      ...fields,
    ])
    const final = await anna.final({ callId }, 1, method)
    t.equal(final.status, status, method)
    if (status === 200 || status === 405) t.match(final.header('Allow'), /INVITE, ACK/, method)
  }
})

t.test('guessing passwords is counted each time and logged sparingly', async (t) => {
  const office = await startOffice(t)
  const anna = await office.phone('anna')
  for (let count = 0; count < 30; count++) {
    t.equal((await anna.register({ password: `guess ${count}` })).status, 403)
  }
  t.equal(office.pbx.counters()['authWrongPassword'], 30)
  t.equal(office.logger.lines.filter(({ text }) => text === 'credentials refused').length, 20)
})
