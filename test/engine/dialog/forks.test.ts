import t from 'tap'
import { FakeClock } from '#test/support/fake-clock.ts'
import { startTestEngine } from '#test/support/start-engine.ts'
import { until } from '#test/support/until.ts'
import { ask, idOf } from '../support/ask.ts'
import { numberOf } from '../support/established.ts'
import { RawPeer, sdp, toTagOf } from '../support/raw-peer.ts'

void t.test('forks keep their own number, route and target (RFC 3261 12.1.2)', async (t) => {
  const { srf, udpPort } = await startTestEngine(t)
  const peer = await RawPeer.open(t, udpPort)
  const moved = await RawPeer.open(t, udpPort)
  const calling = srf.createUAC(`sip:bob@127.0.0.1:${peer.port}`, { localSdp: sdp })
  const invite = await peer.nextRequest('INVITE')
  const route = `<sip:127.0.0.1:${moved.port};lr>`
  const reliable = ['Require: 100rel', 'RSeq: 5']
  peer.send(peer.answer(invite, 180, 'Ringing', 'one', ['Require: 100rel', 'RSeq: 4']))
  const one = await peer.nextRequest('PRACK')
  peer.send(peer.answer(one, 200, 'OK'))
  peer.send(peer.answer(invite, 180, 'Ringing', 'two', [...reliable, `Record-Route: ${route}`]))
  const two = await moved.nextRequest('PRACK')
  moved.send(moved.answer(two, 200, 'OK'))
  t.same([toTagOf(one), toTagOf(two)], ['one', 'two'])
  t.same([numberOf(one), numberOf(two)], [numberOf(invite) + 1, numberOf(invite) + 1], 'each its own')
  t.same([one.headers.get('Route'), two.headers.get('Route')], [undefined, route])
  t.same([one.uri, two.uri], [`sip:peer@127.0.0.1:${peer.port}`, `sip:peer@127.0.0.1:${peer.port}`])
  peer.send(peer.answer(invite, 200, 'OK', 'two', [`Record-Route: ${route}`]), sdp)
  const ack = await moved.nextRequest('ACK')
  t.equal(numberOf(ack), numberOf(invite))
  const dialog = await calling
  const told = ask(srf, undefined, { method: 'INFO', stackDialogId: idOf(dialog) })
  const info = await moved.nextRequest('INFO')
  t.equal(numberOf(info), numberOf(invite) + 2)
  moved.send(moved.answer(info, 200, 'OK'))
  await told
})

void t.test('a 2xx that no INVITE has is a 200 to the application (RFC 3261 8.1.3.2)', async (t) => {
  const { srf, udpPort, engine } = await startTestEngine(t)
  const peer = await RawPeer.open(t, udpPort)
  const calling = srf.createUAC(`sip:bob@127.0.0.1:${peer.port}`, { localSdp: sdp })
  const invite = await peer.nextRequest('INVITE')
  peer.send(peer.answer(invite, 202, 'Whatever', 'one'), sdp)
  await peer.nextRequest('ACK')
  const dialog = await calling
  t.equal(dialog.sip.remoteTag, 'one')
  dialog.destroy()
  peer.send(peer.answer(await peer.nextRequest('BYE'), 200, 'OK'))
  await until(() => engine.counters()['dialogsAlive'] === 0)
})

void t.test('a Record-Route without a URI is no route', async (t) => {
  const { srf, udpPort } = await startTestEngine(t)
  const peer = await RawPeer.open(t, udpPort)
  const calling = srf.createUAC(`sip:bob@127.0.0.1:${peer.port}`, { localSdp: sdp })
  const invite = await peer.nextRequest('INVITE')
  peer.send(peer.answer(invite, 200, 'OK', 'one', ['Record-Route: <>', 'Record-Route: ""']), sdp)
  await peer.nextRequest('ACK')
  const dialog = await calling
  dialog.destroy()
  const bye = await peer.nextRequest('BYE')
  t.equal(bye.uri, `sip:peer@127.0.0.1:${peer.port}`)
  t.same(bye.headers.getAll('Route'), [])
  peer.send(peer.answer(bye, 200, 'OK'))
})

void t.test('199 ends one early dialog, the others ring on (RFC 6228)', async (t) => {
  const { srf, udpPort, engine } = await startTestEngine(t)
  const peer = await RawPeer.open(t, udpPort)
  const seen: number[] = []
  const calling = srf.createUAC(
    `sip:bob@127.0.0.1:${peer.port}`,
    { localSdp: sdp, headers: { Supported: '199' } },
    { cbProvisional: (response: { status: number }) => seen.push(response.status) },
  )
  const invite = await peer.nextRequest('INVITE')
  peer.send(peer.answer(invite, 180, 'Ringing', 'one'))
  peer.send(peer.answer(invite, 180, 'Ringing', 'two'))
  await until(() => engine.counters()['dialogsAlive'] === 2)
  peer.send(peer.answer(invite, 199, 'Early Dialog Terminated', 'one'))
  await until(() => engine.counters()['dialogsAlive'] === 1)
  peer.send(peer.answer(invite, 200, 'OK', 'two'), sdp)
  await peer.nextRequest('ACK')
  t.equal((await calling).sip.remoteTag, 'two')
  t.same(seen, [180, 180, 199])
})

void t.test(
  'forks that never answer are given up 64*T1 after the one that did (RFC 3261 13.2.2.4)',
  async (t) => {
    for (const ends of [false, true]) {
      const clock = new FakeClock()
      const { srf, udpPort, engine } = await startTestEngine(t, { clock })
      const peer = await RawPeer.open(t, udpPort)
      const calling = srf.createUAC(`sip:bob@127.0.0.1:${peer.port}`, { localSdp: sdp })
      const invite = await peer.nextRequest('INVITE')
      for (const tag of ['one', 'two', 'three']) peer.send(peer.answer(invite, 180, 'Ringing', tag))
      await until(() => engine.counters()['dialogsAlive'] === 3)
      peer.send(peer.answer(invite, 200, 'OK', 'one'), sdp)
      await peer.nextRequest('ACK')
      const dialog = await calling
      if (ends) {
        dialog.destroy()
        peer.send(peer.answer(await peer.nextRequest('BYE'), 200, 'OK'))
        await until(() => engine.counters()['dialogsAlive'] === 0)
        // A late answer all the same: acknowledged, and ended.
        peer.send(peer.answer(invite, 200, 'OK', 'two'), sdp)
        t.equal(toTagOf(await peer.nextRequest('ACK')), 'two')
        t.equal(toTagOf(await peer.nextRequest('BYE')), 'two')
      } else {
        clock.advance(31_999)
        t.equal(engine.counters()['dialogsAlive'], 3)
        clock.advance(1)
        t.equal(engine.counters()['dialogsAlive'], 1)
      }
    }
  },
)

void t.test('every 2xx of every fork is acknowledged with its own tag and ended', async (t) => {
  const { srf, udpPort, engine } = await startTestEngine(t)
  const peer = await RawPeer.open(t, udpPort)
  const calling = srf.createUAC(`sip:bob@127.0.0.1:${peer.port}`, { localSdp: sdp })
  const invite = await peer.nextRequest('INVITE')
  const tags = ['one', 'two', 'three', 'four']
  for (const tag of tags) peer.send(peer.answer(invite, 200, 'OK', tag), sdp)
  const acked: string[] = []
  while (acked.length < tags.length) acked.push(toTagOf(await peer.nextRequest('ACK')))
  t.same(acked.sort(), [...tags].sort())
  await calling
  const byes = peer.received.filter(
    ({ kind, headers }) => kind === 'request' && / BYE$/.test(headers.get('CSeq') ?? ''),
  )
  await until(() => engine.counters()['secondForksEnded'] === 3)
  for (let count = byes.length; count < 3; count++) await peer.nextRequest('BYE')
  // A 200 of a fork that comes again gets its own ACK again.
  peer.send(peer.answer(invite, 200, 'OK', 'one'), sdp)
  t.equal(toTagOf(await peer.nextRequest('ACK')), 'one')
})

void t.test('nobody makes more early dialogs than a request may fork into (RFC 5393 5.3.3.1)', async (t) => {
  const { srf, udpPort, engine } = await startTestEngine(t)
  const peer = await RawPeer.open(t, udpPort)
  const calling = srf.createUAC(`sip:bob@127.0.0.1:${peer.port}`, { localSdp: sdp })
  const invite = await peer.nextRequest('INVITE')
  const received = engine.counters()['messagesReceived'] ?? 0
  for (let fork = 0; fork < 100; fork++) peer.send(peer.answer(invite, 180, 'Ringing', `fork-${fork}`))
  await until(() => engine.counters()['messagesReceived'] === received + 100)
  t.equal(engine.counters()['dialogsAlive'], 64)
  peer.send(peer.answer(invite, 200, 'OK', 'fork-99'), sdp)
  t.equal(toTagOf(await peer.nextRequest('ACK')), 'fork-99', 'whoever answers is heard')
  t.equal((await calling).sip.remoteTag, 'fork-99')
})
