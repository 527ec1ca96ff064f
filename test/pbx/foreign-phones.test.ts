import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { heardTone } from '#test/peers/audio.ts'
import { Baresip, type BaresipOptions } from '#test/peers/baresip.ts'
import { freeMediaPort, freePort } from '#test/peers/free-port.ts'
import {
  answerScenario,
  authenticationField,
  callScenario,
  registerScenario,
} from '#test/peers/sipp-scenarios.ts'
import { startSipp } from '#test/peers/sipp.ts'
import { startOffice, type TestOffice } from '#test/pbx/support/test-office.ts'
import { temporaryDirectory } from '#test/store/store-fixture.ts'
import { makeCa } from '#test/support/certificates.ts'

const annaNumber = '+493055501001'
const benNumber = '+493055501002'

async function baresip(t: Test, options: BaresipOptions): Promise<Baresip> {
  const phone = new Baresip(options)
  t.teardown(() => phone.stop(true))
  await phone.start()
  return phone
}

async function registered({ store, pbx }: TestOffice, username: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`${username} did not register`)), 30_000)
    const look = (): void => {
      if (store.bindings.find(username, Date.now()).length === 0) return
      clearTimeout(limit)
      off()
      resolve()
    }
    const off = pbx.on('bindingChanged', look)
    look()
  })
}

t.test(
  'SIPp phones register with digest and place calls; nothing is repeated and nothing leaks',
  async (t) => {
    const office = await startOffice(t)
    await office.phone('anna', { name: 'Anna', number: annaNumber })
    await office.phone('ben', { name: 'Ben', number: benNumber })
    const target = `127.0.0.1:${office.engine.udpPort}`
    const callerPort = await freePort()
    const calleePort = await freePort()
    for (const [username, localPort] of [
      ['anna', callerPort],
      ['ben', calleePort],
    ] as const) {
      const fields = [[username, authenticationField(username, 'secret')]]
      const result = await startSipp({
        scenario: registerScenario(),
        fields,
        localPort,
        target,
        calls: 1,
      }).done
      t.match(result, { successful: 1, failed: 0 }, result.errors)
    }
    t.equal(office.pbx.counters()['registersAccepted'], 2)

    const answering = startSipp({
      scenario: answerScenario({ srtp: false }),
      localPort: calleePort,
      mediaPort: await freeMediaPort(),
    })
    const calls = 30
    const calling = await startSipp({
      scenario: callScenario({ talkMs: 300 }),
      fields: [['anna', authenticationField('anna', 'secret'), benNumber]],
      localPort: callerPort,
      mediaPort: await freeMediaPort(),
      target,
      rate: 20,
      calls,
    }).done
    t.match(calling, { successful: calls, failed: 0 }, calling.errors)
    await answering.stop()
    const logged = await office.logged(calls)
    t.equal(logged.filter((record) => record.cause === 'CALL_ENDED_BY_CALLER').length, calls)
    t.match(office.pbx.counters(), { callsAnswered: calls, callsFailed: 0, handlerFailed: 0 })
    await office.expectNoLeak(t)
  },
)

t.test('baresip calls baresip: plain RTP to SRTP over TLS, each hears the other', async (t) => {
  const ca = await makeCa('Office')
  const certificate = await ca.issue({ names: ['box.example'], ips: ['127.0.0.1'] })
  const caFile = join(temporaryDirectory(t), 'ca.pem')
  writeFileSync(caFile, ca.rootPem)
  const office = await startOffice(t, {
    engine: {
      listen: [
        { protocol: 'udp', host: '127.0.0.1', port: 0 },
        {
          protocol: 'tls',
          host: '127.0.0.1',
          port: 0,
          tls: { fallback: certificate, byName: [], trust: [] },
        },
      ],
    },
  })
  await office.phone('anna', { name: 'Anna', number: annaNumber })
  await office.phone('ben', { name: 'Ben', number: benNumber })
  const anna = await baresip(t, {
    username: 'anna',
    password: 'secret',
    server: `127.0.0.1:${office.engine.udpPort}`,
    toneHz: 440,
  })
  const ben = await baresip(t, {
    username: 'ben',
    password: 'secret',
    server: `127.0.0.1:${office.engine.tlsPort}`,
    transport: 'tls',
    mediaEncryption: 'srtp-mand',
    toneHz: 880,
    answer: 'auto',
    caFile,
  })
  // Not REGISTER_OK: a fast answer comes before anybody listens for baresip's events.
  await registered(office, 'anna')
  await registered(office, 'ben')
  t.match(office.store.bindings.find('ben', Date.now()), [{ flow: { protocol: 'tls' } }])

  const record = office.nextRecord()
  await anna.dial(benNumber)
  await anna.waitFor('CALL_ESTABLISHED')
  await ben.waitFor('CALL_ESTABLISHED')
  // Speech needs real time: this is what is measured, not a wait for something to happen.
  await new Promise((resolve) => setTimeout(resolve, 2500))
  await ben.command('hangup')
  await anna.waitFor('CALL_CLOSED')
  t.match(await record, { cause: 'CALL_ENDED_BY_CALLEE', callee: { id: 'l-ben' } })
  t.match(heardTone(anna.heard(), [440, 880]), { hz: 880 }, 'Anna hears Ben')
  t.match(heardTone(ben.heard(), [440, 880]), { hz: 440 }, 'Ben hears Anna')
  await office.expectNoLeak(t)

  // And back: the encrypted phone calls the plain one, which is busy at first.
  const busy = office.nextRecord()
  const mark = anna.events.length
  await ben.dial(annaNumber)
  await anna.waitFor('CALL_INCOMING', 30_000, mark)
  await anna.command('hangup')
  await ben.waitFor('CALL_CLOSED', 30_000, 3)
  t.match(await busy, { cause: /^CALL_(BUSY|DECLINED)$/ })
  await office.expectNoLeak(t)
})
