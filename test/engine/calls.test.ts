import type Srf from 'drachtio-srf'
import t, { type Test } from 'tap'
import type { SipRequest } from '#src/sip/message.ts'
import type { EngineOptions } from '#src/engine/options.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { startTestEngine, type TestEngine } from '#test/support/start-engine.ts'
import { RawPeer, sdp, toTagOf } from './support/raw-peer.ts'
import { until } from '#test/support/until.ts'

const doors: { name: string; overrides: Partial<EngineOptions> }[] = [
  { name: 'in memory', overrides: {} },
  { name: 'over TCP', overrides: { door: { host: '127.0.0.1', port: 0, secret: 'cymru' } } },
]

interface Ended {
  dialog: Srf.Dialog
  reason: Promise<string>
}

/** Answers the next call; resolves with its dialog. */
function answering(srf: Srf): Promise<Ended> {
  return new Promise((resolve, reject) => {
    srf.use('invite', (req, res) => {
      srf.createUAS(req, res, { localSdp: sdp }).then((dialog) => {
        const reason = new Promise<string>((ended) => {
          dialog.on('destroy', (...values: unknown[]) => ended(String(values[1])))
        })
        resolve({ dialog, reason })
      }, reject)
    })
  })
}

async function clean(t: Test, { engine }: TestEngine): Promise<void> {
  await until(() => engine.counters()['dialogsAlive'] === 0)
  t.equal(engine.counters()['requestsServing'], 0)
  t.equal(engine.counters()['requestsAsking'], 0)
}

for (const { name, overrides } of doors) {
  void t.test(`a lost 200 is repeated until the ACK (${name})`, async (t) => {
    const clock = new FakeClock()
    const world = await startTestEngine(t, { ...overrides, clock })
    const answered = answering(world.srf)
    const peer = await RawPeer.open(t, world.udpPort)
    await until(() => world.engine.counters()['routes'] === 1)
    peer.send(peer.request('INVITE'), sdp)
    const ok = await peer.nextResponse(200)
    const { dialog } = await answered
    clock.advance(500)
    t.equal((await peer.nextResponse(200)).headers.get('CSeq'), '1 INVITE', 'the 200 comes again')
    const toTag = toTagOf(ok)
    const ack = new Promise<void>((resolve) => dialog.on('ack', () => resolve()))
    peer.send(peer.request('ACK', { toTag }))
    await ack
    clock.advance(20_000)
    peer.send(peer.request('OPTIONS', { toTag, sequence: 2 }))
    const next = await peer.nextResponse()
    t.equal(next.headers.get('CSeq'), '2 OPTIONS', 'nothing was repeated after the ACK')

    dialog.destroy()
    const bye = await peer.nextRequest('BYE')
    t.equal(bye.uri, `sip:peer@127.0.0.1:${peer.port}`)
    peer.send(peer.answer(bye, 200, 'OK'))
    await clean(t, world)
  })

  void t.test(`no ACK at all: BYE with ACK timeout after 32 s (${name})`, async (t) => {
    const clock = new FakeClock()
    const world = await startTestEngine(t, { ...overrides, clock })
    const answered = answering(world.srf)
    const peer = await RawPeer.open(t, world.udpPort)
    await until(() => world.engine.counters()['routes'] === 1)
    peer.send(peer.request('INVITE'), sdp)
    await peer.nextResponse(200)
    const { reason } = await answered
    clock.advance(32_000)
    const bye = await peer.nextRequest('BYE')
    t.match(bye.headers.get('Reason'), /text="ACK timeout"/)
    t.equal(await reason, 'ACK timeout')
    peer.send(peer.answer(bye, 200, 'OK'))
    t.equal(world.engine.counters()['ackTimeouts'], 1)
    await clean(t, world)
  })

  void t.test(`BYE of the callee waits for the ACK (${name})`, async (t) => {
    const world = await startTestEngine(t, overrides)
    const answered = answering(world.srf)
    const peer = await RawPeer.open(t, world.udpPort)
    await until(() => world.engine.counters()['routes'] === 1)
    peer.send(peer.request('INVITE'), sdp)
    const ok = await peer.nextResponse(200)
    const { dialog } = await answered
    dialog.destroy()
    // The second 200 comes after T1: by then a BYE would be here.
    await peer.nextResponse(200)
    t.notOk(peer.received.some((message) => message.kind === 'request'))
    peer.send(peer.request('ACK', { toTag: toTagOf(ok) }))
    peer.send(peer.answer(await peer.nextRequest('BYE'), 200, 'OK'))
    await clean(t, world)
  })

  void t.test(
    `a caller that cancels an answered call it never saw answered gets BYE (${name})`,
    async (t) => {
      const world = await startTestEngine(t, overrides)
      const answered = answering(world.srf)
      const peer = await RawPeer.open(t, world.udpPort)
      await until(() => world.engine.counters()['routes'] === 1)
      peer.send(peer.request('INVITE', { branch: 'z9hG4bKlate' }), sdp)
      await peer.nextResponse(200)
      const { reason } = await answered
      peer.send(peer.request('CANCEL', { branch: 'z9hG4bKlate', contact: null }))
      t.equal((await peer.nextResponse(481)).headers.get('CSeq'), '1 CANCEL')
      peer.send(peer.answer(await peer.nextRequest('BYE'), 200, 'OK'))
      t.equal(await reason, 'CANCEL after 200 OK')
      await clean(t, world)
    },
  )

  void t.test(`200 crosses our CANCEL: ACK, then BYE (${name})`, async (t) => {
    const world = await startTestEngine(t, overrides)
    const peer = await RawPeer.open(t, world.udpPort)
    let sent: { cancel(callback: () => void): void } | undefined
    const calling = world.srf.createUAC(
      `sip:bob@127.0.0.1:${peer.port}`,
      { localSdp: sdp },
      {
        cbRequest: (...values: unknown[]) => (sent = values[1] as typeof sent),
        cbProvisional: () => sent?.cancel(() => undefined),
      },
    )
    const invite = await peer.nextRequest('INVITE')
    peer.send(peer.answer(invite, 180, 'Ringing', 'bob'))
    const cancel = await peer.nextRequest('CANCEL')
    peer.send(peer.answer(invite, 200, 'OK', 'bob'), sdp)
    peer.send(peer.answer(cancel, 481, 'Too Late', 'bob'))
    await peer.nextRequest('ACK')
    const bye = await peer.nextRequest('BYE')
    t.match(bye.headers.get('Reason'), /ACK-BYE due to cancel race condition/)
    peer.send(peer.answer(bye, 200, 'OK'))
    await calling
    await clean(t, world)
  })

  void t.test(`CANCEL waits for the first provisional (${name})`, async (t) => {
    const world = await startTestEngine(t, overrides)
    const peer = await RawPeer.open(t, world.udpPort)
    const calling = world.srf.createUAC(
      `sip:bob@127.0.0.1:${peer.port}`,
      { localSdp: sdp },
      {
        cbRequest: (...values: unknown[]) =>
          (values[1] as { cancel(callback: () => void): void }).cancel(() => undefined),
      },
    )
    const failed = calling.then(
      () => 0,
      (error: { status: number }) => error.status,
    )
    const invite = await peer.nextRequest('INVITE')
    // A retransmission of the INVITE after T1 proves that no CANCEL was on its way.
    await peer.nextRequest('INVITE')
    t.notOk(peer.received.some((message) => message.kind === 'request' && message.method === 'CANCEL'))
    peer.send(peer.answer(invite, 100, 'Trying'))
    peer.send(peer.answer(await peer.nextRequest('CANCEL'), 200, 'OK'))
    peer.send(peer.answer(invite, 487, 'Request Terminated', 'bob'))
    await peer.nextRequest('ACK')
    t.equal(await failed, 487)
    await clean(t, world)
  })

  void t.test(`two forks answer: the second is acknowledged and ended (${name})`, async (t) => {
    const world = await startTestEngine(t, overrides)
    const peer = await RawPeer.open(t, world.udpPort)
    const calling = world.srf.createUAC(`sip:bob@127.0.0.1:${peer.port}`, { localSdp: sdp })
    const invite = await peer.nextRequest('INVITE')
    peer.send(peer.answer(invite, 180, 'Ringing', 'one'))
    peer.send(peer.answer(invite, 183, 'Progress', 'two'))
    peer.send(peer.answer(invite, 200, 'OK', 'one'), sdp)
    peer.send(peer.answer(invite, 200, 'OK', 'two'), sdp)
    const first = await peer.nextRequest('ACK')
    const second = await peer.nextRequest('ACK')
    t.same([toTagOf(first), toTagOf(second)].sort(), ['one', 'two'], 'each with its own tag')
    const bye = await peer.nextRequest('BYE')
    t.equal(toTagOf(bye), 'two')
    peer.send(peer.answer(bye, 200, 'OK'))
    peer.send(peer.answer(invite, 200, 'OK', 'one'), sdp)
    t.equal(toTagOf(await peer.nextRequest('ACK')), 'one', 'a repeated 200 gets its ACK again')
    const dialog = await calling
    t.equal(dialog.sip.remoteTag, 'one')
    dialog.destroy()
    peer.send(peer.answer(await peer.nextRequest('BYE'), 200, 'OK'))
    await clean(t, world)
    t.equal(world.engine.counters()['secondForksEnded'], 1)
  })

  void t.test(`a challenged INVITE is sent again with credentials (${name})`, async (t) => {
    const world = await startTestEngine(t, overrides)
    const peer = await RawPeer.open(t, world.udpPort)
    const calling = world.srf.createUAC(`sip:bob@127.0.0.1:${peer.port}`, {
      localSdp: sdp,
      auth: { username: 'u', password: 'p' },
    })
    const first = await peer.nextRequest('INVITE')
    const challenge = ['WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"']
    peer.send(peer.answer(first, 401, 'Unauthorized', 'x', challenge))
    await peer.nextRequest('ACK')
    const second = await peer.nextRequest('INVITE')
    t.match(second.headers.get('Authorization'), /^Digest username="u",realm="r"/)
    const number = (request: SipRequest): number => Number.parseInt(request.headers.get('CSeq') ?? '', 10)
    t.equal(number(second), number(first) + 1)
    t.equal(second.headers.get('Call-ID'), first.headers.get('Call-ID'))
    t.equal(second.headers.get('From'), first.headers.get('From'))
    peer.send(peer.answer(second, 200, 'OK', 'bob'), sdp)
    const ack = await peer.nextRequest('ACK')
    t.equal(ack.headers.get('Authorization'), second.headers.get('Authorization'), 'RFC 3261 13.2.2.4')
    const dialog = await calling
    dialog.destroy()
    peer.send(peer.answer(await peer.nextRequest('BYE'), 200, 'OK'))
    await clean(t, world)
  })

  void t.test(`a call through the B2BUA, ended by either side (${name})`, async (t) => {
    const world = await startTestEngine(t, overrides)
    const callee = await RawPeer.open(t, world.udpPort)
    world.srf.use('invite', (req, res) => {
      void world.srf
        .createB2BUA(req, res, `sip:bob@127.0.0.1:${callee.port}`, { localSdpB: req.body })
        .then(({ uas, uac }) => {
          uas.on('destroy', () => uac.destroy())
          uac.on('destroy', () => uas.destroy())
        })
    })
    await until(() => world.engine.counters()['routes'] === 1)
    const caller = await RawPeer.open(t, world.udpPort)
    for (const ender of ['caller', 'callee']) {
      const callId = `b2b-${ender}`
      caller.send(caller.request('INVITE', { callId }), sdp)
      const invite = await callee.nextRequest('INVITE')
      callee.send(callee.answer(invite, 180, 'Ringing', 'bob'))
      await caller.nextResponse(180)
      callee.send(callee.answer(invite, 200, 'OK', 'bob'), sdp)
      await callee.nextRequest('ACK')
      const ok = await caller.nextResponse(200)
      caller.send(caller.request('ACK', { callId, toTag: toTagOf(ok) }))
      if (ender === 'caller') {
        caller.send(caller.request('BYE', { callId, toTag: toTagOf(ok), sequence: 2 }))
        await caller.nextResponse(200)
        callee.send(callee.answer(await callee.nextRequest('BYE'), 200, 'OK'))
      } else {
        callee.send([
          `BYE ${/<([^>]+)>/.exec(invite.headers.get('Contact') ?? '')?.[1] ?? ''} SIP/2.0`,
          `Via: SIP/2.0/UDP 127.0.0.1:${callee.port};branch=z9hG4bKcalleebye`,
          'Max-Forwards: 70',
          `From: ${invite.headers.get('To') ?? ''};tag=bob`,
          `To: ${invite.headers.get('From') ?? ''}`,
          `Call-ID: ${invite.headers.get('Call-ID') ?? ''}`,
          'CSeq: 1 BYE',
        ])
        await callee.nextResponse(200)
        caller.send(caller.answer(await caller.nextRequest('BYE'), 200, 'OK'))
      }
      await until(() => world.engine.counters()['dialogsAlive'] === 0)
    }
    await clean(t, world)
  })
}
