import type Srf from 'drachtio-srf'
import t, { type Test } from 'tap'
import type { EngineOptions } from '#src/engine/options.ts'
import { connectEmbedded } from '#src/pbx/connect-srf.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { portOf, startBareEngine, startTestEngine, type TestEngine } from '#test/support/start-engine.ts'
import { until } from '#test/support/until.ts'
import { DoorClient } from './support/door-client.ts'
import { RawPeer, sdp, toTagOf } from './support/raw-peer.ts'

interface World extends TestEngine {
  clock: FakeClock
  peer: RawPeer
  /** Takes the application away. */
  lose: () => void
}

/** An engine whose application can be lost; processes are killed in `killed-application.test.ts`. */
async function world(t: Test, overrides: Partial<EngineOptions> = {}): Promise<World> {
  const clock = new FakeClock()
  const started = await startTestEngine(t, { clock, ...overrides })
  const link = started.engine.openMemoryLink()
  const srf = await connectEmbedded(link)
  const peer = await RawPeer.open(t, started.udpPort)
  return { ...started, srf, clock, peer, lose: () => link.close() }
}

void t.test('subscribers of a lost application hear that it is over (RFC 6665 4.1.3)', async (t) => {
  const { srf, peer, engine, lose } = await world(t)
  srf.use('subscribe', (_req, res) => res.send(202, { headers: { Expires: '600' } }))
  srf.use('refer', (_req, res) => res.send(202))
  peer.send(peer.request('SUBSCRIBE', { callId: 's', extra: ['Event: message-summary;id=7'] }))
  await peer.nextResponse(202)
  peer.send(peer.request('REFER', { callId: 'r', sequence: 93, extra: ['Refer-To: <sip:c@d>'] }))
  await peer.nextResponse(202)
  lose()
  const summary = await peer.nextRequest('NOTIFY')
  t.equal(summary.headers.get('Event'), 'message-summary;id=7')
  t.equal(summary.headers.get('Subscription-State'), 'terminated;reason=probation;retry-after=2')
  peer.send(peer.answer(summary, 200, 'OK'))
  const refer = await peer.nextRequest('NOTIFY')
  t.equal(refer.headers.get('Event'), 'refer;id=93')
  t.equal(refer.headers.get('Subscription-State'), 'terminated;reason=noresource')
  t.equal(refer.headers.get('Content-Type'), 'message/sipfrag')
  t.equal(refer.body.toString(), 'SIP/2.0 503 Service Unavailable\r\n')
  peer.send(peer.answer(refer, 200, 'OK'))
  t.equal(engine.counters()['dialogsAlive'], 0)
})

void t.test('what is left of a call after its BYE goes with its application (RFC 5057)', async (t) => {
  const { srf, peer, engine, lose } = await world(t)
  srf.use('invite', (req, res) => {
    void srf.createUAS(req, res, { localSdp: sdp }).then((dialog: Srf.Dialog) => {
      dialog.on('refer', (_req, refer) => refer.send(202))
    })
  })
  peer.send(peer.request('INVITE'), sdp)
  const toTag = toTagOf(await peer.nextResponse(200))
  peer.send(peer.request('ACK', { toTag }))
  peer.send(peer.request('REFER', { toTag, sequence: 2, extra: ['Refer-To: <sip:c@d>'] }))
  await peer.nextResponse(202)
  peer.send(peer.request('BYE', { toTag, sequence: 3 }))
  await peer.nextResponse(200)
  t.equal(engine.counters()['dialogsAlive'], 1)
  lose()
  t.match((await peer.nextRequest('NOTIFY')).headers.get('Subscription-State'), /^terminated/)
  t.equal(engine.counters()['dialogsAlive'], 0)
})

void t.test('a 2xx to a SUBSCRIBE of a lost application makes no dialog', async (t) => {
  const { srf, peer, engine, lose } = await world(t)
  const create = srf.createUAC.bind(srf) as (uri: string, options: object) => Promise<Srf.Dialog>
  create(`sip:bob@127.0.0.1:${peer.port}`, { method: 'SUBSCRIBE', headers: { Event: 'dialog' } }).catch(
    () => undefined,
  )
  const subscribe = await peer.nextRequest('SUBSCRIBE')
  lose()
  peer.send(peer.answer(subscribe, 200, 'OK', 'bob', ['Expires: 2000000000']))
  await until(() => engine.counters()['requestsAsking'] === 0)
  t.equal(engine.counters()['dialogsAlive'], 0)
})

void t.test('a call that is not acknowledged yet is ended behind its ACK (RFC 3261 15)', async (t) => {
  for (const acknowledged of [true, false]) {
    const { srf, peer, engine, clock, lose } = await world(t)
    srf.use('invite', (req, res) => void srf.createUAS(req, res, { localSdp: sdp }).catch(() => undefined))
    peer.send(peer.request('INVITE'), sdp)
    const toTag = toTagOf(await peer.nextResponse(200))
    lose()
    // Whatever was sent before is here when this is answered.
    peer.send(peer.request('OPTIONS', { callId: 'probe' }))
    t.equal((await peer.nextResponse()).headers.get('CSeq'), '1 OPTIONS')
    t.notOk(peer.received.some((message) => message.kind === 'request'))
    if (acknowledged) peer.send(peer.request('ACK', { toTag }))
    else clock.advance(32_000)
    const bye = await peer.nextRequest('BYE')
    t.match(bye.headers.get('Reason'), acknowledged ? /Application gone/ : /ACK timeout/)
    peer.send(peer.answer(bye, 200, 'OK'))
    await until(() => engine.counters()['dialogsAlive'] === 0)
    t.equal(engine.counters()['dialogsAlive'], 0)
  }
})

void t.test('a call that is ended while its application is awaited leaves its record then', async (t) => {
  const clock = new FakeClock()
  const door = { host: '127.0.0.1', port: 0, secret: 's' }
  const engine = await startBareEngine(t, { clock, door, applicationLoss: { dialogs: { waitMs: 60_000 } } })
  const reader = await connectEmbedded(engine.openMemoryLink())
  t.teardown(() => reader.disconnect())
  const stops: string[] = []
  const on = reader.on.bind(reader) as (event: string, hear: (...values: unknown[]) => void) => void
  on('cdr:stop', (source, _time, reason) => stops.push(`${String(source)} ${String(reason)}`))
  const application = await DoorClient.open(t, engine.door?.port ?? 0)
  await application.ask('a|authenticate|s|name')
  await application.ask('b|route|invite')
  await until(() => engine.counters()['recordRoutes'] === 1)
  const peer = await RawPeer.open(t, portOf(engine, 'udp'))
  peer.send(peer.request('INVITE'), sdp)
  const transaction = (await application.next())[8] ?? ''
  application.send(`c|sip|${transaction}|\r\nSIP/2.0 200 OK\r\n\r\n${sdp}`)
  const toTag = toTagOf(await peer.nextResponse(200))
  peer.send(peer.request('ACK', { toTag }))
  t.equal((await application.next())[1], 'response')
  t.equal((await application.next())[1], 'sip', 'the ACK')
  application.close()
  await until(() => engine.counters()['routes'] === 0)
  peer.send(peer.request('BYE', { toTag, sequence: 2 }))
  t.equal((await peer.nextResponse()).headers.get('CSeq'), '2 BYE')
  await until(() => stops.length === 1)
  t.same(stops, ['network normal-release'])
  t.equal(engine.counters()['recordsOpen'], 0)
})

void t.test('a 2xx to the re-INVITE of a lost application is acknowledged at once', async (t) => {
  const { srf, peer, engine, lose } = await world(t)
  const calling = srf.createUAC(`sip:bob@127.0.0.1:${peer.port}`, { localSdp: sdp })
  const invite = await peer.nextRequest('INVITE')
  peer.send(peer.answer(invite, 200, 'OK', 'bob'), sdp)
  await peer.nextRequest('ACK')
  const dialog = await calling
  dialog.modify(sdp).catch(() => undefined)
  const again = await peer.nextRequest('INVITE')
  lose()
  peer.send(peer.answer(await peer.nextRequest('BYE'), 200, 'OK'))
  peer.send(peer.answer(again, 200, 'OK'), sdp)
  const ack = await peer.nextRequest('ACK')
  t.equal(
    Number.parseInt(ack.headers.get('CSeq') ?? '', 10),
    Number.parseInt(again.headers.get('CSeq') ?? '', 10),
  )
  t.equal(engine.counters()['dialogsAlive'], 0)
})
