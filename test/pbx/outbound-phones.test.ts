import t, { type Test } from 'tap'
import { Baresip, type BaresipOptions } from '#test/peers/baresip.ts'
import { freePort } from '#test/peers/free-port.ts'
import { answerScenario, authenticationField, registerFlowScenario } from '#test/peers/sipp-scenarios.ts'
import { startSipp } from '#test/peers/sipp.ts'
import { plainSdp } from '#test/pbx/support/wire-phone.ts'
import { startOffice } from '#test/pbx/support/test-office.ts'
import { until } from '#test/support/until.ts'

const annaNumber = '+493055501001'
const benNumber = '+493055501002'
const instance = 'urn:uuid:00000000-0000-1000-8000-000a95a0e128'

async function baresip(t: Test, options: BaresipOptions): Promise<Baresip> {
  const phone = new Baresip(options)
  t.teardown(() => phone.stop(true))
  return phone.start()
}

t.test('SIPp registers two flows of one phone; one dies, and the call comes over the other', async (t) => {
  const office = await startOffice(t)
  const anna = await office.phone('anna', { name: 'Anna', number: annaNumber })
  await office.phone('ben', { name: 'Ben', number: benNumber })
  await anna.register()
  const target = `127.0.0.1:${office.engine.udpPort}`
  const ports = [await freePort(), await freePort()]
  for (const [index, localPort] of ports.entries()) {
    const fields = [['ben', authenticationField('ben', 'secret'), String(index + 1)]]
    const run = { scenario: registerFlowScenario(instance), fields, localPort, target, calls: 1 }
    const result = await startSipp(run).done
    t.match(result, { successful: 1, failed: 0, logs: ['agreed outbound'] }, result.errors)
  }
  const bindings = office.store.bindings.find('ben', Date.now())
  t.same(bindings.map(({ regId }) => regId).sort(), [1, 2], 'two flows, one phone')

  // The older flow lives on; the newer one, which is tried first, is gone: nobody listens on its port.
  const answering = startSipp({ scenario: answerScenario({ srtp: false }), localPort: ports[0] as number })
  t.teardown(() => answering.stop())
  const call = await anna.call(benNumber, { sdp: plainSdp(32_100) })
  await call.answered()
  t.equal((await call.inDialog('BYE')).status, 200)
  t.match(await answering.stop(), { successful: 1, failed: 0 })
  t.match(await office.logged(1), [{ cause: 'CALL_ENDED_BY_CALLER', callee: { id: 'l-ben' } }])
  await office.expectNoLeak(t)
})

t.test('baresip keeps a UDP and a TCP flow; it rings once, whichever is left', async (t) => {
  const office = await startOffice(t)
  const anna = await office.phone('anna', { name: 'Anna', number: annaNumber })
  await office.phone('ben', { name: 'Ben', number: benNumber })
  await anna.register()
  const { udpPort, tcpPort } = office.engine
  const ben = await baresip(t, {
    username: 'ben',
    password: 'secret',
    server: `127.0.0.1:${udpPort}`,
    outbound: [`sip:127.0.0.1:${udpPort};transport=udp`, `sip:127.0.0.1:${tcpPort};transport=tcp`],
    toneHz: 880,
    answer: 'auto',
    sipTrace: true,
  })
  const flows = () => office.store.bindings.find('ben', Date.now())
  await until(() => flows().length === 2)
  t.same(
    flows()
      .map(({ regId, flow }) => `${regId ?? ''} ${flow.protocol}`)
      .sort(),
    ['1 udp', '2 tcp'],
    ben.log,
  )
  // The bindings stand before the answer has gone out, and baresip writes it down later still.
  await until(() => ben.log.includes('Require: outbound'))

  const call = await anna.call(benNumber, { sdp: plainSdp(32_100) })
  await call.answered()
  t.equal((await call.inDialog('BYE')).status, 200)
  t.equal(ben.log.match(/INVITE sip:ben/g)?.length, 1, 'never two at a time (RFC 5626 7)')
  await ben.stop(true)
  await until(() => flows().length === 1)
  t.match(flows(), [{ regId: 1 }], 'the closed connection took its flow with it')
  t.match(office.pbx.counters(), { flowsLost: 1 })
})

t.test('a phone over TCP is called at its Contact when its connection is gone, at once', async (t) => {
  const office = await startOffice(t)
  const anna = await office.phone('anna', { name: 'Anna', number: annaNumber })
  await office.phone('ben', { name: 'Ben', number: benNumber })
  await anna.register()
  const ben = await baresip(t, {
    username: 'ben',
    password: 'secret',
    server: `127.0.0.1:${office.engine.tcpPort}`,
    transport: 'tcp',
    toneHz: 880,
    answer: 'auto',
  })
  await ben.waitForRegistration()
  const binding = () => office.store.bindings.find('ben', Date.now())[0]
  t.match(binding(), { flow: { protocol: 'tcp' }, contactUri: new RegExp(`:${ben.sipPort};transport=tcp$`) })
  const open = binding()?.flow
  if (!open) throw new Error('ben is not registered')
  const moveTo = (port: number) =>
    office.store.bindings.change('ben', Date.now(), (bindings) =>
      bindings.map((one) => ({ ...one, flow: { ...one.flow, port } })),
    )
  // As after a restart of the box: what is on disk names a connection that is no more.
  await moveTo(await freePort())
  const call = await anna.call(benNumber, { sdp: plainSdp(32_100) })
  t.equal((await call.answered()).status, 200)
  t.equal((await call.inDialog('BYE')).status, 200)

  const noticed = new Promise<{ aor: string }>((resolve) => {
    const off = office.pbx.on('flowClosed', (fact) => {
      off()
      resolve(fact)
    })
  })
  await moveTo(open.port)
  t.equal(office.pbx.flowOpen(open), true)
  await ben.stop(true)
  t.match(await noticed, { aor: 'ben' }, 'the page is told')
  t.equal(office.pbx.flowOpen(open), false)
  const startedAtMs = performance.now()
  const vain = await anna.call(benNumber, { sdp: plainSdp(32_100) })
  t.equal((await vain.answered()).status, 480)
  t.ok(performance.now() - startedAtMs < 2_000, 'nobody waits for 32 seconds')
  t.match(await office.logged(2), [{ cause: 'CALL_DEVICE_SILENT' }, { cause: 'CALL_ENDED_BY_CALLER' }])
  t.ok(binding(), 'the binding stays: the phone may come back to its address')
  await office.expectNoLeak(t)
})
