import t from 'tap'
import { startOffice } from '#test/pbx/support/test-office.ts'
import type { WirePhone } from '#test/pbx/support/wire-phone.ts'

const instance = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"'

/** A contact of its own, with these parameters. */
const contact = (phone: WirePhone, params: string): string => `Contact: <${phone.contact}>;${params}`

for (const library of [false, true]) {
  t.test(`Path is kept, given back and followed (${library ? 'by the library' : 'direct'})`, async (t) => {
    const office = await startOffice(t, { library })
    const anna = await office.phone('anna')
    const edge = await office.phone('edge')
    const path = `<sip:127.0.0.1:${edge.port};lr>`
    const inner = '<sip:10.0.0.1;lr;x="a,b">'
    const ok = await anna.register({
      contact: 'Contact: <sip:anna@192.0.2.1>',
      fields: [`Path: ${path}`, `Path: ${inner}`, 'Supported: gruu, path'],
    })
    t.equal(ok.status, 200)
    t.same(ok.headers('Path').join(', '), `${path}, ${inner}`, 'RFC 3327 5.3')
    t.match(office.store.bindings.find('anna', Date.now()), [{ path: [path, inner] }])
    const told = office.pbx.notify('anna', { event: 'check-sync' })
    const notify = await edge.request('NOTIFY')
    t.match(notify.startLine, /^NOTIFY sip:anna@192\.0\.2\.1 /)
    t.equal(notify.headers('Route').join(', '), `${path}, ${inner}`)
    edge.respond(notify, 200)
    t.same(await told, { contacts: 1, answered: 1 })

    await anna.register({ contact: 'Contact: <sip:anna@192.0.2.1>' })
    t.equal(
      office.store.bindings.find('anna', Date.now())[0]?.path,
      undefined,
      'the next REGISTER decides anew',
    )
  })
}

t.test('a Path that the phone does not know of is taken or refused as set (RFC 3327 5.3)', async (t) => {
  const office = await startOffice(t)
  const anna = await office.phone('anna')
  const fields = ['Path: <sip:edge.example;lr>']
  t.equal((await anna.register({ fields })).status, 200)
  office.settings.sip.pathWithoutSupport = 'refuse'
  const refused = await anna.register({ fields })
  t.equal(refused.status, 421)
  t.equal(refused.header('Require'), 'path')
  t.equal((await anna.register({ fields: [...fields, 'Supported: path'] })).status, 200)
  const bad = ['Path: edge', 'Path: <tel:+49>', 'Path: <sip:a;lr', `Path: <sip:${'a'.repeat(3000)};lr>`]
  for (const field of [...bad, `Path: ${'<sip:a;lr>,'.repeat(9)}`]) {
    t.equal((await anna.register({ fields: [field] })).status, 400, field.slice(0, 40))
  }
})

t.test('what is required and not known is refused before anybody is asked who he is', async (t) => {
  const office = await startOffice(t)
  const anna = await office.phone('anna')
  const refused = await anna.register({ fields: ['Require: path, gruu, "<script>", outbound'] })
  t.equal(refused.status, 420)
  t.equal(refused.header('Unsupported'), 'gruu, script')
  t.equal(anna.heard.filter(({ status }) => status === 401).length, 0)
  t.equal((await anna.register({ fields: ['Require: Path', 'Supported: path'] })).status, 200)
})

t.test('flows of one phone stand side by side, each replaced by its own (RFC 5626 6)', async (t) => {
  const office = await startOffice(t)
  const anna = await office.phone('anna')
  const fields = ['Supported: path, outbound']
  const first = await anna.register({ contact: contact(anna, `${instance};reg-id=1`), fields })
  t.equal(first.header('Require'), 'outbound')
  t.equal(first.header('Flow-Timer'), '25', 'over UDP no longer than a NAT remembers')
  t.match(first.header('Contact'), /;\+sip\.instance="<urn:uuid:[^"]+>";reg-id=1$/)
  await anna.register({ contact: contact(anna, `${instance};reg-id=2`), fields })
  await anna.register({ contact: `Contact: <sip:anna@127.0.0.1:9>;${instance};reg-id=2`, fields })
  const bindings = () => office.store.bindings.find('anna', Date.now())
  t.same(
    bindings()
      .map((one) => `${one.regId} ${one.contactUri}`)
      .sort(),
    [`1 ${anna.contact}`, '2 sip:anna@127.0.0.1:9'],
  )
  await anna.register({ contact: contact(anna, `${instance};reg-id=2;expires=0`), fields })
  t.same(
    bindings().map(({ regId }) => regId),
    [1],
    'an unregistration as well',
  )

  const off = await anna.register({ contact: contact(anna, `${instance};reg-id=1`) })
  t.equal(off.header('Require'), undefined, 'without Supported: outbound a reg-id means nothing')
  t.match(bindings(), [{ regId: undefined }], 'and the same contact takes the place of the flow')
  const two = `Contact: <sip:a@1.2.3.4>;${instance};reg-id=1, <sip:b@1.2.3.4>`
  t.equal((await anna.register({ contact: two, fields })).status, 400)
})

t.test('439 when the first proxy keeps no flows (RFC 5626 6)', async (t) => {
  const office = await startOffice(t)
  const anna = await office.phone('anna')
  const through = (path: string[]): Promise<{ status: number }> =>
    anna.register({
      contact: contact(anna, `${instance};reg-id=1`),
      fields: ['Supported: path, outbound', 'Via: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKphone', ...path],
    })
  t.equal((await through([])).status, 439)
  t.equal((await through(['Path: <sip:core.example;lr;ob>, <sip:edge.example;lr>'])).status, 439)
  t.same(office.store.bindings.all(Date.now()), [])
  t.equal((await through(['Path: <sip:core.example;lr>, <sip:token@edge.example;lr;ob>'])).status, 200)
})

t.test('Service-Route and Flow-Timer are what the admin has set', async (t) => {
  const office = await startOffice(t, {
    settings: { serviceRoute: ['sip:p1.example;lr', 'sip:p2.example;lr'], flowTimerS: 0 },
  })
  const anna = await office.phone('anna')
  const fields = ['Supported: outbound']
  const ok = await anna.register({ contact: contact(anna, `${instance};reg-id=1`), fields })
  t.equal(ok.headers('Service-Route').join(', '), '<sip:p1.example;lr>, <sip:p2.example;lr>')
  t.equal(ok.header('Flow-Timer'), undefined)
  t.equal(ok.header('Require'), 'outbound')
})

t.test('times are spread below what is asked, never below the shortest', async (t) => {
  const office = await startOffice(t, { settings: { registrationSpread: 50 } })
  const anna = await office.phone('anna')
  const granted = new Set<number>()
  for (let count = 0; count < 12; count++) {
    const ok = await anna.register({ fields: ['Expires: 1000'] })
    granted.add(Number(/expires=(\d+)/.exec(ok.header('Contact') ?? '')?.[1]))
  }
  t.ok(
    [...granted].every((seconds) => seconds > 500 && seconds <= 1000),
    [...granted].join(' '),
  )
  t.ok(granted.size > 6, 'each draws anew')
  const brief = await anna.register({ fields: ['Expires: 60'] })
  t.match(brief.header('Contact'), /expires=60$/)
})

t.test('a contact comes back with what it said of itself', async (t) => {
  const office = await startOffice(t)
  const anna = await office.phone('anna')
  const said = `audio;methods="INVITE,ACK";+sip.x="<a>";q=0.5;bad name=1;ctl="\u0001"`
  const ok = await anna.register({ contact: contact(anna, said) })
  t.equal(
    ok.header('Contact'),
    `<${anna.contact}>;q=0.5;expires=3600;audio;methods="INVITE,ACK";+sip.x="<a>"`,
  )
})
