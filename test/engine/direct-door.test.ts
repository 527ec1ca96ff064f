import t from 'tap'
import type { DirectRequest } from '#src/engine/direct-door.ts'
import { SipHeaders, type SipMessage, type SipResponse } from '#src/sip/message.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { startTestEngine } from '#test/support/start-engine.ts'
import { RawPeer, toTagOf } from './support/raw-peer.ts'

function response(status: number, reason: string, ...flat: string[]): SipResponse {
  return { kind: 'response', status, reason, headers: new SipHeaders(flat), body: Buffer.alloc(0) }
}

void t.test('a request is handed over as parsed, its answer goes out complete', async (t) => {
  const { engine, udpPort } = await startTestEngine(t)
  const door = engine.openDirectDoor()
  const heard: DirectRequest[] = []
  door.serve('REGISTER', (given) => {
    heard.push(given)
    given.respond(response(200, 'OK', 'Contact', '<sip:a@b>;expires=60'))
    given.respond(response(500, 'Twice'))
  })
  const peer = await RawPeer.open(t, udpPort)
  const lines = peer.request('REGISTER', { callId: 'direct', branch: 'z9hG4bKone' })
  peer.send(lines)
  const ok = await peer.nextResponse()
  t.equal(ok.status, 200)
  t.equal(ok.headers.get('Contact'), '<sip:a@b>;expires=60')
  t.equal(ok.headers.get('Call-ID'), 'direct')
  t.match(ok.headers.get('Via'), new RegExp(`branch=z9hG4bKone;.*rport=${peer.port}`))
  t.ok(toTagOf(ok))
  t.match(heard, [
    { request: { method: 'REGISTER' }, peer: { protocol: 'udp', host: '127.0.0.1', port: peer.port } },
  ])

  peer.send(lines)
  const again = await peer.nextResponse()
  t.same(again.headers.flat, ok.headers.flat, 'a retransmission gets the same answer')
  t.equal(heard.length, 1, 'and is not handed over again')
  t.equal(engine.counters()['requestsServing'], 0)
})

void t.test(
  'a challenge over UDP leaves no transaction, a repeated answer is whole for who listens',
  async (t) => {
    const repeated: string[] = []
    const tap = {
      received: () => undefined,
      sent: (_bytes: Buffer, _flow: unknown, message: SipMessage) =>
        void repeated.push(`${message.kind} ${message.headers.get('Call-ID')}`),
    }
    const { engine, udpPort } = await startTestEngine(t, { tap })
    engine
      .openDirectDoor()
      .serve('REGISTER', ({ request, respond }) =>
        respond(
          request.headers.has('Authorization')
            ? response(200, 'OK')
            : response(401, 'Unauthorized', 'WWW-Authenticate', 'Digest realm="r", nonce="n"'),
        ),
      )
    const peer = await RawPeer.open(t, udpPort)
    peer.send(peer.request('REGISTER', { callId: 'stateless' }))
    t.equal((await peer.nextResponse()).status, 401)
    t.equal(engine.counters()['serverTransactionsAlive'], 0)
    const proven = [...peer.request('REGISTER', { callId: 'proven' }), 'Authorization: Digest x=y']
    peer.send(proven)
    const ok = await peer.nextResponse()
    t.match(engine.counters(), { serverTransactionsAlive: 0, answersKept: 1 }, 'only bytes are left')
    peer.send(proven)
    t.same((await peer.nextResponse()).headers.flat, ok.headers.flat)
    t.match(engine.counters(), { retransmissionsReceived: 1, retransmissionsSent: 1 })
    t.same(repeated, ['response stateless', 'response proven', 'response proven'])
  },
)

void t.test('other methods, and everything once it is closed, stay with the others', async (t) => {
  const { engine, srf, udpPort } = await startTestEngine(t)
  srf.use('options', (_req, res) => res.send(200))
  const door = engine.openDirectDoor()
  const held: DirectRequest[] = []
  door.serve('REGISTER', (given) => void held.push(given))
  const peer = await RawPeer.open(t, udpPort)
  peer.send(peer.request('OPTIONS'))
  t.equal((await peer.nextResponse()).status, 200)

  peer.send(peer.request('REGISTER', { callId: 'held' }))
  peer.send(peer.request('OPTIONS', { callId: 'behind' }))
  t.equal((await peer.nextResponse()).headers.get('Call-ID'), 'behind')
  t.equal(held.length, 1)
  door.close()
  const refused = await peer.nextResponse()
  t.match([refused.status, refused.headers.get('Call-ID')], [503, 'held'])
  held[0]?.respond(response(200, 'OK'))
  peer.send(peer.request('REGISTER', { callId: 'after' }))
  const after = await peer.nextResponse()
  t.match([after.status, after.headers.get('Call-ID')], [503, 'after'], 'the late 200 never left')
})

void t.test('a handler that throws costs its own request only', async (t) => {
  const logger = new MemoryLogger()
  const { engine, udpPort } = await startTestEngine(t, { logger })
  engine.openDirectDoor().serve('REGISTER', ({ request, respond }) => {
    if (request.headers.get('Call-ID') === 'bad') throw new Error('on purpose')
    respond(response(200, 'OK'))
  })
  const peer = await RawPeer.open(t, udpPort)
  peer.send(peer.request('REGISTER', { callId: 'bad' }))
  peer.send(peer.request('REGISTER', { callId: 'good' }))
  t.equal((await peer.nextResponse()).headers.get('Call-ID'), 'good')
  t.match(logger.lines, [{ level: 'error', text: 'a SIP handler threw' }])
})
