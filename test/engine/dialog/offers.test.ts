import type Srf from 'drachtio-srf'
import t from 'tap'
import { FakeClock } from '#test/support/fake-clock.ts'
import { startTestEngine } from '#test/support/start-engine.ts'
import { until } from '#test/support/until.ts'
import { ask, idOf } from '../support/ask.ts'
import { answeredCall, fromCallee, numberOf, placedCall } from '../support/established.ts'
import { RawPeer, sdp, toTagOf } from '../support/raw-peer.ts'

type OnRequest = (event: string, listener: (request: unknown, response: Srf.SrfResponse) => void) => void

void t.test('a refused re-INVITE leaves everything as it was (RFC 3261 14.1, RFC 6141 4.3)', async (t) => {
  const { peer, dialog, inDialog, engine } = await answeredCall(t)
  dialog.on('modify', (_req, res) => res.send(488))
  peer.send(inDialog('INVITE', 2, [], '<sip:elsewhere@127.0.0.1:9>'), sdp)
  t.equal((await peer.nextResponse(488)).headers.get('CSeq'), '2 INVITE')
  t.equal(engine.counters()['dialogsAlive'], 1)
  dialog.destroy()
  t.equal((await peer.nextRequest('BYE')).uri, `sip:peer@127.0.0.1:${peer.port}`, 'the target did not move')
})

void t.test(
  'a re-INVITE of ours refused by 488 leaves the call, by 481 or silence ends it (RFC 5057 5.1)',
  async (t) => {
    for (const status of [488, 481, 408]) {
      const { peer, dialog, clock, ended, engine } = await answeredCall(t)
      const changed = dialog.modify(sdp).then(
        () => 0,
        (error: { status: number }) => error.status,
      )
      const invite = await peer.nextRequest('INVITE')
      if (status === 408) clock.advance(32_000)
      else peer.send(peer.answer(invite, status, 'No'))
      t.equal(await changed, status)
      if (status === 488) {
        t.equal(engine.counters()['dialogsAlive'], 1)
        continue
      }
      peer.send(peer.answer(await peer.nextRequest('BYE'), 481, 'Gone'))
      t.equal(await ended, 'Dialog gone at the peer', 'the application hears it, after the refusal')
      await until(() => engine.counters()['dialogsAlive'] === 0)
    }
  },
)

void t.test('491 both ways: each side refuses the other and nothing is lost (RFC 3261 14.1)', async (t) => {
  const { peer, dialog, inDialog } = await placedCall(t)
  dialog.on('modify', (_req, res) => res.send(200, { body: sdp }))
  const refused = dialog.modify(sdp).then(
    () => 0,
    (error: { status: number }) => error.status,
  )
  const ours = await peer.nextRequest('INVITE')
  peer.send(inDialog('INVITE', 1), sdp)
  t.equal((await peer.nextResponse(491)).headers.get('CSeq'), '1 INVITE')
  peer.send(peer.answer(ours, 491, 'Request Pending'))
  t.equal(await refused, 491)
  peer.send(inDialog('INVITE', 2), sdp)
  t.equal((await peer.nextResponse(200)).headers.get('CSeq'), '2 INVITE', 'tried again')
  peer.send(inDialog('ACK', 2))
})

void t.test('UPDATE in a call (RFC 3311 5.2)', async (t) => {
  const { peer, dialog, inDialog, srf } = await placedCall(t)
  let open: Srf.SrfResponse | undefined
  const asked = new Promise<void>((resolve) => {
    dialog.on('update', (_req, res) => {
      open = res
      resolve()
    })
  })
  peer.send(inDialog('UPDATE', 1), sdp)
  await asked
  peer.send(inDialog('UPDATE', 2), sdp)
  const second = await peer.nextResponse()
  t.equal(second.status, 500, 'the first one has no answer yet')
  t.match(second.headers.get('Retry-After'), /^\d+$/)
  peer.send(inDialog('INVITE', 3), sdp)
  t.equal((await peer.nextResponse(500)).headers.get('CSeq'), '3 INVITE')
  open?.send(200, { body: sdp })
  t.equal((await peer.nextResponse(200)).headers.get('CSeq'), '1 UPDATE')

  const ours = ask(srf, undefined, { method: 'UPDATE', body: sdp, stackDialogId: idOf(dialog) })
  const update = await peer.nextRequest('UPDATE')
  t.ok(update.headers.has('Contact'))
  peer.send(inDialog('UPDATE', 4), sdp)
  t.equal((await peer.nextResponse()).status, 491, 'our offer has no answer yet')
  peer.send(inDialog('INVITE', 5), sdp)
  t.equal((await peer.nextResponse()).status, 491)
  peer.send(peer.answer(update, 200, 'OK'), sdp)
  t.equal((await ours).status, 200)
})

void t.test('UPDATE before the answer, as the called side (RFC 3311 5.1)', async (t) => {
  const { srf, udpPort } = await startTestEngine(t)
  const peer = await RawPeer.open(t, udpPort)
  let ring: Srf.SrfResponse | undefined
  const ringing = new Promise<void>((resolve) => {
    srf.use('invite', (req, res) => {
      ring = res
      const on = req.on.bind(req) as unknown as OnRequest
      on('update', (_update, answer) => void answer.send(200, { body: sdp }))
      res.send(180)
      resolve()
    })
  })
  peer.send(peer.request('INVITE'), sdp)
  await ringing
  const toTag = toTagOf(await peer.nextResponse(180))
  peer.send(peer.request('UPDATE', { toTag, sequence: 2 }), sdp)
  t.equal((await peer.nextResponse()).status, 500, 'the offer of the INVITE has no answer')
  ring?.send(183, { body: sdp })
  await peer.nextResponse(183)
  peer.send(peer.request('UPDATE', { toTag, sequence: 3 }), sdp)
  t.equal((await peer.nextResponse()).headers.get('CSeq'), '3 UPDATE')
})

void t.test('UPDATE before the answer, as the calling side', async (t) => {
  const { srf, udpPort } = await startTestEngine(t)
  const peer = await RawPeer.open(t, udpPort)
  const calling = srf.createUAC(
    `sip:bob@127.0.0.1:${peer.port}`,
    { localSdp: sdp },
    {
      cbRequest: (...values: unknown[]) => {
        const request = values[1] as { on: OnRequest }
        request.on('update', (_update, answer) => void answer.send(200, { body: sdp }))
      },
    },
  )
  const invite = await peer.nextRequest('INVITE')
  peer.send(peer.answer(invite, 180, 'Ringing', 'bob'))
  peer.send(fromCallee(peer, invite, 'UPDATE', 1), sdp)
  t.equal((await peer.nextResponse()).status, 491, 'our offer has no answer')
  peer.send(peer.answer(invite, 183, 'Progress', 'bob'), sdp)
  peer.send(fromCallee(peer, invite, 'UPDATE', 2), sdp)
  t.equal((await peer.nextResponse()).status, 200)
  peer.send(peer.answer(invite, 200, 'OK', 'bob'), sdp)
  await peer.nextRequest('ACK')
  await calling
})

void t.test('a 2xx waits for the PRACK of an answer (RFC 3262 3)', async (t) => {
  const { srf, udpPort, engine } = await startTestEngine(t)
  const peer = await RawPeer.open(t, udpPort)
  srf.use('invite', (_req, res) => {
    res.send(183, { headers: { Require: '100rel' }, body: sdp })
    res.send(180, { headers: { Require: '100rel' } })
    res.send(200, { body: sdp })
  })
  peer.send(peer.request('INVITE', { extra: ['Supported: 100rel'] }), sdp)
  const progress = await peer.nextResponse(183)
  const toTag = toTagOf(progress)
  const first = Number(progress.headers.get('RSeq'))
  const prack = (sequence: number, rseq: number): void =>
    peer.send(peer.request('PRACK', { toTag, sequence, extra: [`RAck: ${rseq} 1 INVITE`], contact: null }))
  prack(2, first + 1)
  t.equal((await peer.nextResponse()).status, 481, 'the 180 is not on the wire before the 183 is known')
  t.notOk(peer.received.some((message) => message.kind === 'response' && message.status === 180))
  prack(3, first)
  const more = [await peer.nextResponse(), await peer.nextResponse(), await peer.nextResponse()]
  t.same(more.map(({ status, headers }) => `${status} ${headers.get('CSeq')}`).sort(), [
    '180 1 INVITE',
    '200 1 INVITE',
    '200 3 PRACK',
  ])
  t.equal(more.find(({ status }) => status === 180)?.headers.get('RSeq'), String(first + 1))
  // The final response overtook the 180; its PRACK is still answered.
  prack(4, first + 1)
  t.equal((await peer.nextResponse()).headers.get('CSeq'), '4 PRACK')
  peer.send(peer.request('ACK', { toTag }))
  await until(() => engine.counters()['requestsServing'] === 0)
})

void t.test('an offer in the PRACK is answered before the 2xx (RFC 3262 5)', async (t) => {
  const { srf, udpPort } = await startTestEngine(t)
  const peer = await RawPeer.open(t, udpPort)
  srf.use('invite', (_req, res) => {
    res.send(183, { headers: { Require: '100rel' }, body: sdp })
    res.send(200, { body: sdp })
  })
  let seen = ''
  srf.use('prack', (req, res) => {
    seen = req.body ?? ''
    setImmediate(() => res.send(200, { body: sdp }))
  })
  peer.send(peer.request('INVITE', { extra: ['Supported: 100rel'] }), sdp)
  const progress = await peer.nextResponse(183)
  const extra = [`RAck: ${progress.headers.get('RSeq')} 1 INVITE`]
  peer.send(peer.request('PRACK', { toTag: toTagOf(progress), sequence: 2, extra, contact: null }), sdp)
  const first = await peer.nextResponse()
  t.equal(first.headers.get('CSeq'), '2 PRACK')
  t.equal(first.body.toString(), sdp)
  t.equal(seen, sdp)
  t.equal((await peer.nextResponse(200)).headers.get('CSeq'), '1 INVITE')
  peer.send(peer.request('ACK', { toTag: toTagOf(progress) }))
})

void t.test('a caller that requires 100rel gets no other provisional (RFC 3262 3)', async (t) => {
  const clock = new FakeClock()
  const { srf, udpPort, engine } = await startTestEngine(t, { clock })
  const peer = await RawPeer.open(t, udpPort)
  srf.use('invite', (_req, res) => void res.send(180))
  peer.send(peer.request('INVITE', { extra: ['Require: 100rel'] }), sdp)
  const ringing = await peer.nextResponse(180)
  t.equal(ringing.headers.get('Require'), '100rel')
  t.match(ringing.headers.get('RSeq'), /^\d+$/)
  clock.advance(32_000)
  t.equal((await peer.nextResponse(504)).headers.get('CSeq'), '1 INVITE', 'never acknowledged')
  t.equal(engine.counters()['dialogsAlive'], 0)
})

void t.test('a re-INVITE has its own order of provisionals (RFC 3262 4)', async (t) => {
  const { srf, udpPort } = await startTestEngine(t)
  const peer = await RawPeer.open(t, udpPort)
  const calling = srf.createUAC(`sip:bob@127.0.0.1:${peer.port}`, { localSdp: sdp })
  const invite = await peer.nextRequest('INVITE')
  peer.send(peer.answer(invite, 183, 'Progress', 'bob', ['Require: 100rel', 'RSeq: 500']), sdp)
  peer.send(peer.answer(await peer.nextRequest('PRACK'), 200, 'OK'))
  peer.send(peer.answer(invite, 200, 'OK', 'bob'), sdp)
  await peer.nextRequest('ACK')
  const dialog = await calling
  const reliable: string[] = []
  const change = srf.request.bind(srf) as unknown as (
    uri: string,
    options: object,
    done: (
      error: unknown,
      request: { on(event: 'response', then: (answer: Srf.SrfResponse, ack: () => void) => void): void },
    ) => void,
  ) => void
  const changed = new Promise<void>((resolve) => {
    change(
      'sip:placeholder',
      { method: 'INVITE', body: sdp, stackDialogId: idOf(dialog) },
      (_error, request) => {
        request.on('response', (answer, ack) => {
          ack()
          reliable.push(String(answer.status))
          if (answer.status >= 200) resolve()
        })
      },
    )
  })
  const again = await peer.nextRequest('INVITE')
  peer.send(peer.answer(again, 183, 'Progress', undefined, ['Require: 100rel', 'RSeq: 3']), sdp)
  const prack = await peer.nextRequest('PRACK')
  t.equal(prack.headers.get('RAck'), `3 ${numberOf(again)} INVITE`)
  peer.send(peer.answer(prack, 200, 'OK'))
  peer.send(peer.answer(again, 200, 'OK'), sdp)
  await changed
  t.same(reliable, ['183', '200'])
})
