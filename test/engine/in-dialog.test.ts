import type Srf from 'drachtio-srf'
import t from 'tap'
import type { SipRequest } from '#src/sip/message.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { startTestEngine, type TestEngine } from '#test/support/start-engine.ts'
import { RawPeer, sdp, toTagOf, type RequestParts } from './support/raw-peer.ts'
import { until } from '#test/support/until.ts'

interface Call extends TestEngine {
  peer: RawPeer
  dialog: Srf.Dialog
  toTag: string
  clock: FakeClock
  /** The header lines of the 200. */
  ok: { get(name: string): string | undefined }
}

/** An incoming call, answered and acknowledged. */
async function answeredCall(
  t: Parameters<typeof startTestEngine>[0],
  parts: RequestParts = {},
): Promise<Call> {
  const clock = new FakeClock()
  const world = await startTestEngine(t, { clock })
  const peer = await RawPeer.open(t, world.udpPort)
  const answered = new Promise<Srf.Dialog>((resolve, reject) => {
    world.srf.use('invite', (req, res) => {
      world.srf.createUAS(req, res, { localSdp: sdp }).then(resolve, reject)
    })
  })
  peer.send(peer.request('INVITE', parts), sdp)
  const ok = await peer.nextResponse(200)
  const dialog = await answered
  const toTag = toTagOf(ok)
  const ack = new Promise<void>((resolve) => dialog.on('ack', () => resolve()))
  peer.send(peer.request('ACK', { toTag }))
  await ack
  return { ...world, peer, dialog, toTag, clock, ok: ok.headers }
}

void t.test('requests in the dialog are answered in order; an older one gets 500', async (t) => {
  const { peer, dialog, toTag, engine } = await answeredCall(t)
  dialog.on('info', (_req, res) => res.send(200))
  peer.send(peer.request('INFO', { toTag, sequence: 5 }))
  t.equal((await peer.nextResponse()).status, 200)
  peer.send(peer.request('INFO', { toTag, sequence: 4 }))
  t.equal((await peer.nextResponse()).status, 500)
  peer.send(peer.request('INFO', { toTag: 'nobody', sequence: 6 }))
  t.equal((await peer.nextResponse()).status, 481)
  t.equal(engine.counters()['dialogsAlive'], 1)
})

void t.test('a second re-INVITE before the answer to the first gets 500 with Retry-After', async (t) => {
  const { peer, dialog, toTag } = await answeredCall(t)
  const first = new Promise<Srf.SrfResponse>((resolve) => dialog.on('modify', (_req, res) => resolve(res)))
  peer.send(peer.request('INVITE', { toTag, sequence: 2 }), sdp)
  const res = await first
  peer.send(peer.request('INVITE', { toTag, sequence: 3 }), sdp)
  const refused = await peer.nextResponse(500)
  t.match(refused.headers.get('Retry-After'), /^\d+$/)
  res.send(200, { body: sdp })
  t.equal((await peer.nextResponse(200)).headers.get('CSeq'), '2 INVITE')
  peer.send(peer.request('ACK', { toTag, sequence: 2 }))
})

void t.test('a re-INVITE while ours is open gets 491, and ours goes on', async (t) => {
  const { peer, dialog, toTag } = await answeredCall(t)
  const modified = dialog.modify(sdp)
  const ours = await peer.nextRequest('INVITE')
  t.equal(toTagOf(ours), 'peer-tag')
  peer.send(peer.request('INVITE', { toTag, sequence: 2 }), sdp)
  t.equal((await peer.nextResponse(491)).headers.get('CSeq'), '2 INVITE')
  peer.send(peer.answer(ours, 200, 'OK'), sdp)
  t.equal(
    (await peer.nextRequest('ACK')).headers.get('CSeq')?.split(' ')[0],
    ours.headers.get('CSeq')?.split(' ')[0],
  )
  t.equal(await modified, sdp)
})

void t.test('a re-INVITE without Contact gets 400', async (t) => {
  const { peer, toTag } = await answeredCall(t)
  peer.send(peer.request('INVITE', { toTag, sequence: 2, contact: null }), sdp)
  t.equal((await peer.nextResponse(400)).headers.get('CSeq'), '2 INVITE')
})

void t.test('UPDATE moves the target of our requests', async (t) => {
  const call = await answeredCall(t)
  const { peer, dialog, toTag } = call
  const moved = await RawPeer.open(t, call.udpPort)
  peer.send(peer.request('UPDATE', { toTag, sequence: 2, contact: `<sip:moved@127.0.0.1:${moved.port}>` }))
  t.equal((await peer.nextResponse()).status, 200)
  dialog.destroy()
  const bye = await moved.nextRequest('BYE')
  t.equal(bye.uri, `sip:moved@127.0.0.1:${moved.port}`)
})

void t.test('a Contact that is not where the peer is: requests go to where it is (NAT)', async (t) => {
  const { peer, dialog } = await answeredCall(t, { contact: '<sip:peer@192.0.2.77:5060>' })
  dialog.destroy()
  const bye = await peer.nextRequest('BYE')
  t.equal(bye.uri, 'sip:peer@192.0.2.77:5060', 'the request URI stays the Contact')
})

void t.test('a Record-Route is followed, Contact or not', async (t) => {
  const clock = new FakeClock()
  const world = await startTestEngine(t, { clock })
  const peer = await RawPeer.open(t, world.udpPort)
  const proxy = await RawPeer.open(t, world.udpPort)
  const answered = new Promise<Srf.Dialog>((resolve, reject) => {
    world.srf.use('invite', (req, res) => {
      world.srf.createUAS(req, res, { localSdp: sdp }).then(resolve, reject)
    })
  })
  const route = `<sip:127.0.0.1:${proxy.port};lr>`
  peer.send(peer.request('INVITE', { extra: [`Record-Route: ${route}`] }), sdp)
  const ok = await peer.nextResponse(200)
  t.equal(ok.headers.get('Record-Route'), route)
  peer.send(peer.request('ACK', { toTag: toTagOf(ok) }))
  const dialog = await answered
  dialog.destroy()
  const bye = await proxy.nextRequest('BYE')
  t.equal(bye.headers.get('Route'), route)
  t.equal(bye.uri, `sip:peer@127.0.0.1:${peer.port}`)
})

void t.test(
  'session timer, the caller refreshes: silence ends the call a third before its end (RFC 4028 10)',
  async (t) => {
    const { peer, dialog, clock, ok, engine } = await answeredCall(t, {
      extra: ['Supported: timer', 'Session-Expires: 100;refresher=uac'],
    })
    t.equal(ok.get('Session-Expires'), '100;refresher=uac')
    t.equal(ok.get('Require'), 'timer')
    const ended = new Promise<string>((resolve) =>
      dialog.on('destroy', (...values: unknown[]) => resolve(String(values[1]))),
    )
    clock.advance(67_000)
    t.equal(engine.counters()['dialogsAlive'], 1)
    clock.advance(1000)
    t.match((await peer.nextRequest('BYE')).headers.get('Reason'), /Session timer expired/)
    t.equal(await ended, 'Session timer expired')
    t.equal(engine.counters()['sessionsExpired'], 1)
  },
)

void t.test(
  'session timer, we refresh: re-INVITE at half time, acknowledged, the application not told',
  async (t) => {
    const { peer, dialog, clock, engine } = await answeredCall(t, {
      extra: ['Supported: timer', 'Session-Expires: 100;refresher=uas'],
    })
    dialog.on('modify', () => t.fail('the application was troubled'))
    for (const round of [1, 2]) {
      clock.advance(50_000)
      const refresh = await peer.nextRequest('INVITE')
      t.equal(refresh.body.toString(), sdp, `round ${round}: the session stays`)
      peer.send(peer.answer(refresh, 200, 'OK', undefined, ['Session-Expires: 100;refresher=uac']), sdp)
      await peer.nextRequest('ACK')
    }
    clock.advance(50_000)
    const refused = await peer.nextRequest('INVITE')
    peer.send(peer.answer(refused, 481, 'Gone'))
    await peer.nextRequest('BYE')
    await until(() => engine.counters()['dialogsAlive'] === 0)
  },
)

void t.test('a session interval below 90 s inside the dialog gets 422 with Min-SE', async (t) => {
  const { peer, toTag } = await answeredCall(t)
  const extra = ['Supported: timer', 'Session-Expires: 60']
  peer.send(peer.request('INVITE', { toTag, sequence: 2, extra }), sdp)
  t.equal((await peer.nextResponse(422)).headers.get('Min-SE'), '90')
})

void t.test('a reliable provisional is repeated until its PRACK, then the call goes on', async (t) => {
  const clock = new FakeClock()
  const { srf, udpPort } = await startTestEngine(t, { clock })
  const peer = await RawPeer.open(t, udpPort)
  let pracked = false
  srf.use('invite', (_req, res) => {
    const send = res.send.bind(res) as (...values: unknown[]) => void
    send(183, { headers: { Require: '100rel' }, body: sdp }, undefined, () => {
      pracked = true
      res.send(200, { body: sdp })
    })
  })
  peer.send(peer.request('INVITE', { extra: ['Supported: 100rel'] }), sdp)
  const first = await peer.nextResponse(183)
  const rseq = first.headers.get('RSeq')
  t.match(rseq, /^\d+$/)
  clock.advance(500)
  t.equal((await peer.nextResponse(183)).headers.get('RSeq'), rseq)
  const toTag = toTagOf(first)
  peer.send(peer.request('PRACK', { toTag, sequence: 2, extra: ['RAck: 1 1 INVITE'], contact: null }))
  t.equal((await peer.nextResponse()).status, 481, 'a PRACK for something else')
  peer.send(peer.request('PRACK', { toTag, sequence: 3, extra: [`RAck: ${rseq} 1 INVITE`], contact: null }))
  const answers = [await peer.nextResponse(200), await peer.nextResponse(200)]
  t.same(answers.map((answer) => answer.headers.get('CSeq')).sort(), ['1 INVITE', '3 PRACK'])
  t.ok(pracked)
  peer.send(peer.request('ACK', { toTag }))
})

void t.test('reliable provisionals of the peer are acknowledged once, per fork', async (t) => {
  const { srf, udpPort } = await startTestEngine(t)
  const peer = await RawPeer.open(t, udpPort)
  const calling = srf.createUAC(`sip:bob@127.0.0.1:${peer.port}`, { localSdp: sdp })
  const invite = await peer.nextRequest('INVITE')
  const reliable = (rseq: number): string[] => ['Require: 100rel', `RSeq: ${rseq}`]
  const praked: SipRequest[] = []
  for (const [tag, rseq] of [
    ['one', 7],
    ['two', 900],
  ] as const) {
    peer.send(peer.answer(invite, 180, 'Ringing', tag, reliable(rseq)))
    const prack = await peer.nextRequest('PRACK')
    peer.send(peer.answer(invite, 180, 'Ringing', tag, reliable(rseq)))
    peer.send(peer.answer(prack, 200, 'OK'))
    praked.push(prack)
  }
  t.same(praked.map(toTagOf), ['one', 'two'])
  t.match(praked[1]?.headers.get('RAck'), /^900 \d+ INVITE$/)
  peer.send(peer.answer(invite, 200, 'OK', 'two'), sdp)
  await peer.nextRequest('ACK')
  const dialog = await calling
  t.equal(dialog.sip.remoteTag, 'two')
  t.equal(
    peer.received.filter((message) => message.kind === 'request' && message.method === 'PRACK').length,
    2,
  )
})

void t.test('BYE before the answer ends the call; the application hears CANCEL', async (t) => {
  const { srf, udpPort, engine } = await startTestEngine(t)
  const peer = await RawPeer.open(t, udpPort)
  const cancelled = new Promise<void>((resolve) => {
    srf.use('invite', (req, res) => {
      req.on('cancel', () => resolve())
      res.send(180)
    })
  })
  peer.send(peer.request('INVITE'), sdp)
  const ringing = await peer.nextResponse(180)
  peer.send(peer.request('BYE', { toTag: toTagOf(ringing), sequence: 2, contact: null }))
  t.equal((await peer.nextResponse(200)).headers.get('CSeq'), '2 BYE')
  t.equal((await peer.nextResponse(487)).headers.get('CSeq'), '1 INVITE')
  await cancelled
  await until(() => engine.counters()['dialogsAlive'] === 0)
})

void t.test('UPDATE before the answer reaches the application (RFC 3311)', async (t) => {
  const { srf, udpPort } = await startTestEngine(t)
  const peer = await RawPeer.open(t, udpPort)
  srf.use('invite', (req, res) => {
    const on = req.on.bind(req) as (event: string, listener: (...values: unknown[]) => void) => void
    on('update', (_update, answer) => (answer as Srf.SrfResponse).send(200, { body: sdp }))
    res.send(183, { body: sdp })
  })
  peer.send(peer.request('INVITE'), sdp)
  const progress = await peer.nextResponse(183)
  peer.send(peer.request('UPDATE', { toTag: toTagOf(progress), sequence: 2 }), sdp)
  t.equal((await peer.nextResponse(200)).headers.get('CSeq'), '2 UPDATE')
})

void t.test('a NOTIFY that overtakes the 200 of its SUBSCRIBE is kept for it', async (t) => {
  const { srf, udpPort, engine } = await startTestEngine(t)
  srf.use('notify', () => t.fail('the NOTIFY was taken for one outside dialogs'))
  const peer = await RawPeer.open(t, udpPort)
  const create = srf.createUAC.bind(srf) as (uri: string, options: object) => Promise<Srf.Dialog>
  const subscribing = create(`sip:bob@127.0.0.1:${peer.port}`, {
    method: 'SUBSCRIBE',
    headers: { Event: 'message-summary', Expires: '60' },
  })
  const subscribe = await peer.nextRequest('SUBSCRIBE')
  const notify = (sequence: number, state: string): void =>
    peer.send([
      `NOTIFY sip:127.0.0.1:${udpPort} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:${peer.port};branch=z9hG4bKnotify${sequence}`,
      'Max-Forwards: 70',
      `From: ${subscribe.headers.get('To') ?? ''};tag=bob`,
      `To: ${subscribe.headers.get('From') ?? ''}`,
      `Call-ID: ${subscribe.headers.get('Call-ID') ?? ''}`,
      `CSeq: ${sequence} NOTIFY`,
      'Event: message-summary',
      `Subscription-State: ${state}`,
      `Contact: <sip:bob@127.0.0.1:${peer.port}>`,
    ])
  notify(1, 'active')
  await until(() => (engine.counters()['messagesReceived'] ?? 0) === 1)
  peer.send(peer.answer(subscribe, 200, 'OK', 'bob', ['Expires: 60']))
  const dialog = await subscribing
  dialog.on('notify', (_req, res) => res.send(200))
  t.equal((await peer.nextResponse()).headers.get('CSeq'), '1 NOTIFY')
  t.equal(engine.counters()['dialogsAlive'], 1)
  notify(2, 'terminated')
  t.equal((await peer.nextResponse()).headers.get('CSeq'), '2 NOTIFY')
  t.equal(engine.counters()['dialogsAlive'], 0)
})

void t.test('a BYE right behind the 200 finds the listeners of the application', async (t) => {
  const { srf, udpPort } = await startTestEngine(t)
  const peer = await RawPeer.open(t, udpPort)
  const ended = (async () => {
    const dialog = await srf.createUAC(`sip:bob@127.0.0.1:${peer.port}`, { localSdp: sdp })
    await new Promise<void>((resolve) => dialog.on('destroy', () => resolve()))
  })()
  const invite = await peer.nextRequest('INVITE')
  peer.send(peer.answer(invite, 200, 'OK', 'bob'), sdp)
  peer.send([
    `BYE sip:127.0.0.1:${udpPort} SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:${peer.port};branch=z9hG4bKfastbye`,
    'Max-Forwards: 70',
    `From: ${invite.headers.get('To') ?? ''};tag=bob`,
    `To: ${invite.headers.get('From') ?? ''}`,
    `Call-ID: ${invite.headers.get('Call-ID') ?? ''}`,
    'CSeq: 1 BYE',
  ])
  t.equal((await peer.nextResponse()).headers.get('CSeq'), '1 BYE')
  await ended
})
