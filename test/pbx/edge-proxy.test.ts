import t, { type Test } from 'tap'
import { heardTone } from '#test/peers/audio.ts'
import { Baresip, type BaresipOptions } from '#test/peers/baresip.ts'
import { startKamailioEdge } from '#test/peers/kamailio.ts'
import { startOffice } from '#test/pbx/support/test-office.ts'

const annaNumber = '+493055501001'
const benNumber = '+493055501002'

async function baresip(t: Test, options: BaresipOptions): Promise<Baresip> {
  const phone = new Baresip(options)
  t.teardown(() => phone.stop(true))
  return phone.start()
}

t.test(
  'a phone behind Kamailio, which puts itself into Path, registers, is notified and called',
  async (t) => {
    const office = await startOffice(t)
    const edge = await startKamailioEdge({ boxPort: office.engine.udpPort })
    t.teardown(() => edge.stop())
    await office.phone('anna', { name: 'Anna', number: annaNumber })
    await office.phone('ben', { name: 'Ben', number: benNumber })
    const account = { password: 'secret', sipTrace: true }
    const server = `127.0.0.1:${office.engine.udpPort}`
    const anna = await baresip(t, { ...account, username: 'anna', server, toneHz: 440 })
    const behind = { server: `127.0.0.1:${edge.port}`, toneHz: 880, answer: 'auto' } as const
    const ben = await baresip(t, { ...account, ...behind, username: 'ben' })
    await anna.waitForRegistration()
    await ben.waitForRegistration()
    const path = `<sip:127.0.0.1:${edge.port};lr;received=sip:127.0.0.1:${ben.sipPort}>`
    t.match(office.store.bindings.find('ben', Date.now()), [{ path: [path], flow: { port: edge.port } }])
    t.ok(ben.log.includes(`Path: ${path}`), 'and is told so (RFC 3327 5.3)')

    const told = await office.pbx.notify('ben', { event: 'check-sync' })
    t.equal(told.contacts, 1)
    t.match(ben.log, /NOTIFY sip:ben-[^]*Event: check-sync/, 'a NOTIFY takes the same way')
    const record = office.nextRecord()
    await anna.dial(benNumber)
    await ben.waitFor('CALL_ESTABLISHED')
    await anna.waitFor('CALL_ESTABLISHED')
    // Speech needs real time: this is what is measured.
    await new Promise((resolve) => setTimeout(resolve, 1500))
    await anna.command('hangup')
    await ben.waitFor('CALL_CLOSED')
    t.match(await record, { cause: 'CALL_ENDED_BY_CALLER', callee: { id: 'l-ben' } })
    t.match(heardTone(ben.heard(), [440, 880]), { hz: 440 })
    t.match(ben.log, /INVITE[^]*Record-Route: <sip:127/, 'by way of the proxy')
    await office.expectNoLeak(t)
  },
)
