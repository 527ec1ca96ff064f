import t, { type Test } from 'tap'
import type { Engine } from '#src/engine/engine.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { startTestEngine, type TestEngine } from '#test/support/start-engine.ts'
import { until } from '#test/support/until.ts'
import { ask, idOf } from '../support/ask.ts'
import { answeredCall, fromCallee, placedCall } from '../support/established.ts'
import { RawPeer, sdp, toTagOf } from '../support/raw-peer.ts'

const tables = [
  'dialogsAlive',
  'requestsServing',
  'requestsAsking',
  'serverTransactionsAlive',
  'clientTransactionsAlive',
]

function alive(engine: Engine): string[] {
  const counters = engine.counters()
  return tables.filter((name) => counters[name] !== 0).map((name) => `${name} ${counters[name]}`)
}

/** Lets the longest timers run out, whoever starts the next ones. */
async function outlive(clock: FakeClock): Promise<void> {
  await clock.run(20 * 60_000, 10_000)
}

async function world(t: Test): Promise<TestEngine & { clock: FakeClock; peer: RawPeer }> {
  const clock = new FakeClock()
  const started = await startTestEngine(t, { clock })
  return { ...started, clock, peer: await RawPeer.open(t, started.udpPort) }
}

void t.test('an application that never answers leaves nothing behind', async (t) => {
  const { srf, engine, clock, peer } = await world(t)
  let seen = 0
  for (const method of ['invite', 'message', 'subscribe', 'register', 'refer', 'options']) {
    srf.use(method, () => void seen++)
  }
  peer.send(peer.request('INVITE', { callId: 'i' }), sdp)
  peer.send(peer.request('MESSAGE', { callId: 'm' }))
  peer.send(peer.request('SUBSCRIBE', { callId: 's', extra: ['Event: dialog'] }))
  peer.send(peer.request('REGISTER', { callId: 'r' }))
  peer.send(peer.request('REFER', { callId: 'f', extra: ['Refer-To: <sip:a@b>'] }))
  peer.send(peer.request('OPTIONS', { callId: 'o' }))
  await until(() => seen === 6)
  t.equal(engine.counters()['requestsServing'], 6)
  await outlive(clock)
  t.same(alive(engine), [])
})

void t.test('an application that only rings, reliably or not, leaves nothing behind', async (t) => {
  for (const headers of [{}, { Require: '100rel' }]) {
    const { srf, engine, clock, peer } = await world(t)
    srf.use('invite', (_req, res) => res.send(183, { headers, body: sdp }))
    peer.send(peer.request('INVITE', { extra: ['Supported: 100rel'] }), sdp)
    await peer.nextResponse(183)
    t.equal(engine.counters()['dialogsAlive'], 1)
    await outlive(clock)
    t.same(alive(engine), [])
  }
})

void t.test('requests inside a call that nobody answers, on either side', async (t) => {
  const { dialog, peer, inDialog, engine, clock, srf } = await placedCall(t)
  let seen = 0
  dialog.on('info', () => void seen++)
  dialog.on('modify', () => void seen++)
  dialog.on('refer', () => void seen++)
  peer.send(inDialog('INFO', 1))
  peer.send(inDialog('REFER', 2, ['Refer-To: <sip:a@b>']))
  peer.send(inDialog('INVITE', 3), sdp)
  await until(() => seen === 3)
  const asked = ['INFO', 'REFER', 'UPDATE'].map((method) =>
    ask(srf, undefined, { method, stackDialogId: idOf(dialog) }).then(({ status }) => status),
  )
  await until(() => (engine.counters()['requestsAsking'] ?? 0) === 3)
  await outlive(clock)
  t.same(await Promise.all(asked), [408, 408, 408])
  t.same(alive(engine), [], 'UPDATE without an answer took the call along')
})

void t.test('a BYE that is lost, ours and theirs', async (t) => {
  const { dialog, engine, clock } = await answeredCall(t)
  dialog.destroy()
  await outlive(clock)
  t.same(alive(engine), [])
})

void t.test('a BYE that is challenged, and nobody asks again', async (t) => {
  for (const status of [401, 407]) {
    const { dialog, peer, engine, clock } = await placedCall(t)
    dialog.destroy()
    const bye = await peer.nextRequest('BYE')
    peer.send(peer.answer(bye, status, 'Who are you', 'bob'))
    await until(() => engine.counters()['requestsAsking'] === 0)
    t.equal(engine.counters()['dialogsAlive'], 1, 'the application may ask again')
    await clock.run(40_000, 1000)
    t.same(alive(engine), [])
  }
})

void t.test('BYE meets re-INVITE: the open one gets 487, nothing stays (RFC 3261 15.1.2)', async (t) => {
  const { peer, dialog, inDialog, engine, clock } = await answeredCall(t)
  const open = new Promise<{ send(status: number, options: object): void }>((resolve) => {
    dialog.on('modify', (_req, res) => resolve(res))
  })
  peer.send(inDialog('INVITE', 2), sdp)
  const late = await open
  peer.send(inDialog('BYE', 3))
  const answers = [await peer.nextResponse(), await peer.nextResponse()]
  t.same(answers.map(({ status, headers }) => `${status} ${headers.get('CSeq')}`).sort(), [
    '200 3 BYE',
    '487 2 INVITE',
  ])
  late.send(200, { body: sdp })
  await outlive(clock)
  t.same(alive(engine), [])
})

void t.test('our re-INVITE meets their BYE', async (t) => {
  const { peer, dialog, inDialog, engine, clock, ended } = await placedCall(t)
  const changed = dialog.modify(sdp).then(
    () => 0,
    (error: { status: number }) => error.status,
  )
  const invite = await peer.nextRequest('INVITE')
  peer.send(inDialog('BYE', 1))
  t.equal((await peer.nextResponse()).headers.get('CSeq'), '1 BYE')
  await ended
  peer.send(peer.answer(invite, 487, 'Request Terminated'))
  t.equal(await changed, 487)
  await outlive(clock)
  t.same(alive(engine), [])
})

void t.test('subscriptions and transfers that nobody ends', async (t) => {
  const { peer, dialog, inDialog, engine, clock } = await answeredCall(t)
  dialog.on('refer', (_req, res) => res.send(202))
  peer.send(inDialog('REFER', 2, ['Refer-To: <sip:a@b>']))
  await peer.nextResponse(202)
  peer.send(inDialog('BYE', 3))
  await peer.nextResponse(200)
  t.equal(engine.counters()['dialogsAlive'], 1)
  await outlive(clock)
  t.same(alive(engine), [])
})

void t.test('a call tried again with the same Call-ID before the ACK of its refusal', async (t) => {
  const { srf, engine, clock, peer } = await world(t)
  let calls = 0
  srf.use('invite', (req, res) => {
    calls++
    if (calls === 1) res.send(407, { headers: { 'Proxy-Authenticate': 'Digest realm="r", nonce="n"' } })
    else void srf.createUAS(req, res, { localSdp: sdp })
  })
  peer.send(peer.request('INVITE', { branch: 'z9hG4bKfirst' }), sdp)
  await peer.nextResponse(407)
  peer.send(peer.request('INVITE', { branch: 'z9hG4bKsecond', sequence: 2 }), sdp)
  const ok = await peer.nextResponse(200)
  peer.send(peer.request('ACK', { branch: 'z9hG4bKfirst', contact: null }))
  peer.send(peer.request('ACK', { toTag: toTagOf(ok), sequence: 2 }))
  peer.send(peer.request('BYE', { toTag: toTagOf(ok), sequence: 3 }))
  t.equal((await peer.nextResponse()).headers.get('CSeq'), '3 BYE')
  await outlive(clock)
  t.same(alive(engine), [])
})

void t.test('NOTIFY before the answer reaches the application, in the early dialog', async (t) => {
  const { srf, peer, engine, clock } = await world(t)
  const seen = new Promise<string>((resolve) => {
    srf.use('notify', (req, res) => {
      res.send(200)
      resolve(req.get('Event'))
    })
  })
  const calling = srf.createUAC(`sip:bob@127.0.0.1:${peer.port}`, { localSdp: sdp })
  calling.catch(() => undefined)
  const invite = await peer.nextRequest('INVITE')
  peer.send(peer.answer(invite, 180, 'Ringing', 'bob'))
  peer.send(fromCallee(peer, invite, 'NOTIFY', 1, ['Event: conference', 'Subscription-State: active']))
  t.equal((await peer.nextResponse()).status, 200)
  t.equal(await seen, 'conference')
  peer.send(peer.answer(invite, 486, 'Busy', 'bob'))
  await outlive(clock)
  t.same(alive(engine), [])
})

void t.test('BYE and refresh take the way of the dialog, not of its target', async (t) => {
  const { srf, udpPort, engine, clock, peer } = await world(t)
  const proxy = await RawPeer.open(t, udpPort)
  const route = `<sip:127.0.0.1:${proxy.port};lr>`
  const calling = srf.createUAC(`sip:bob@127.0.0.1:${peer.port}`, {
    localSdp: sdp,
    headers: { 'Session-Expires': '100', Route: route },
  })
  const invite = await proxy.nextRequest('INVITE')
  const extra = [`Record-Route: ${route}`, 'Session-Expires: 100;refresher=uac']
  proxy.send(proxy.answer(invite, 200, 'OK', 'bob', extra), sdp)
  await proxy.nextRequest('ACK')
  const dialog = await calling
  clock.advance(50_000)
  const refresh = await proxy.nextRequest('INVITE')
  t.equal(refresh.headers.get('Route'), route)
  proxy.send(proxy.answer(refresh, 200, 'OK', undefined, extra), sdp)
  await proxy.nextRequest('ACK')
  dialog.destroy()
  const bye = await proxy.nextRequest('BYE')
  t.equal(bye.headers.get('Route'), route)
  proxy.send(proxy.answer(bye, 200, 'OK'))
  await outlive(clock)
  t.same(alive(engine), [])
})
