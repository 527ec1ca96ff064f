import t from 'tap'
import type { ServerTransaction } from '#src/engine/transaction/server-transaction.ts'
import type { SipResponse } from '#src/sip/message.ts'
import { fakeFlow } from '../support/fake-transport.ts'
import { settle, world } from './layer-world.ts'
import { request, response } from './table-world.ts'

void t.test(
  'INVITE server: 100 at once, retransmissions absorbed, 486 repeated up to T2 until its ACK',
  async (t) => {
    const w = world()
    const invite = request('INVITE')
    // In a dialog: outside, over UDP, the 100 waits for a challenge.
    invite.headers.set('To', '<sip:b@x>;tag=t')
    w.layer.receiveRequest(invite, fakeFlow(), 100)
    w.layer.receiveRequest(request('INVITE'), fakeFlow(), 100)
    t.equal(w.requests.length, 1)
    t.same(w.transport.log(), ['0 100', '0 100'])
    w.requests[0]?.respond(response(invite, 486))
    w.clock.advance(12_000)
    t.same(w.transport.log().slice(2), ['0 486', '500 486', '1500 486', '3500 486', '7500 486', '11500 486'])
    w.layer.receiveRequest(request('ACK'), fakeFlow(), 100)
    w.clock.advance(4999)
    t.same(w.transport.log().length, 8, 'nothing after the ACK')
    t.equal(w.layer.alive.servers, 1)
    w.clock.advance(1)
    t.equal(w.layer.alive.servers, 0)
    t.equal(w.acks.length, 0, 'ACK to a failure is not handed up')
    t.equal(w.clock.pending, 0)
  },
)

void t.test(
  'INVITE server outside dialogs over UDP: 100 after 200 ms, unless something better came',
  async (t) => {
    const slow = world()
    slow.layer.receiveRequest(request('INVITE'), fakeFlow(), 100)
    slow.layer.receiveRequest(request('INVITE'), fakeFlow(), 100)
    slow.clock.advance(200)
    t.same(slow.transport.log(), ['200 100'])
    const trying = slow.transport.sent[0]?.message as SipResponse
    t.notOk(trying.headers.get('To')?.includes('tag'), '100 has no tag')
    const quick = world()
    quick.layer.receiveRequest(request('INVITE'), fakeFlow(), 100)
    quick.requests[0]?.respond(response(request('INVITE'), 180))
    quick.clock.advance(1000)
    t.same(quick.transport.log(), ['0 100', '0 180'], 'only a refusal goes without 100')
    const challenged = world()
    challenged.layer.receiveRequest(request('INVITE'), fakeFlow(), 100)
    challenged.requests[0]?.respond(response(request('INVITE'), 407))
    challenged.clock.advance(40_000)
    t.same(challenged.transport.log(), ['0 407'])
    t.equal(challenged.layer.alive.servers, 0)
    t.equal(challenged.clock.pending, 0)
  },
)

void t.test('credentials change nothing: a 401 to forged ones leaves nothing behind either', async (t) => {
  const w = world()
  const invite = request('INVITE')
  invite.headers.append('Authorization', 'Digest username="a"')
  w.layer.receiveRequest(invite, fakeFlow(), 100)
  w.requests[0]?.respond(response(invite, 401))
  w.clock.advance(40_000)
  t.same(w.transport.log(), ['0 401'])
  t.equal(w.clock.pending, 0)
})

void t.test(
  'a challenge after a provisional response is repeated until its ACK: the client asks no more',
  async (t) => {
    const w = world()
    w.layer.receiveRequest(request('INVITE'), fakeFlow(), 100)
    w.clock.advance(300)
    w.requests[0]?.respond(response(request('INVITE'), 401))
    w.clock.advance(1700)
    t.same(w.transport.log(), ['200 100', '300 401', '800 401', '1800 401'])
    w.layer.receiveRequest(request('ACK'), fakeFlow(), 100)
    w.clock.advance(5000)
    t.equal(w.transport.log().length, 4)
    t.equal(w.acks.length, 0)
    t.equal(w.layer.alive.servers, 0)
    t.equal(w.clock.pending, 0)
    // The same for others: RFC 3261 17.2.2 keeps it for J.
    w.layer.receiveRequest(request('OPTIONS'), fakeFlow(), 100)
    w.requests[1]?.respond(response(request('OPTIONS'), 182))
    w.requests[1]?.respond(response(request('OPTIONS'), 407))
    w.layer.receiveRequest(request('OPTIONS'), fakeFlow(), 100)
    t.same(w.transport.log().slice(4), ['7000 182', '7000 407', '7000 407'])
    w.clock.advance(32_000)
    t.equal(w.layer.alive.servers, 0)
    t.equal(w.clock.pending, 0)
  },
)

void t.test('INVITE server: an ACK that never comes ends by timer H', async (t) => {
  const w = world()
  w.layer.receiveRequest(request('INVITE'), fakeFlow(), 100)
  w.requests[0]?.respond(response(request('INVITE'), 503))
  w.clock.advance(32_000)
  t.equal(w.layer.alive.servers, 0)
  t.equal(w.counters.serverTimeouts, 1)
  t.equal(w.clock.pending, 0)
})

void t.test('RFC 6026 7.1: a response that cannot be sent ends nothing, and is reported once', async (t) => {
  const w = world()
  const told: string[] = []
  const adopt = (index: number): ServerTransaction => {
    const transaction = w.requests[index] as ServerTransaction
    transaction.user = {
      onAck: () => undefined,
      onFailed: (cause) => told.push(cause),
      onUnanswered: () => undefined,
      onTerminated: () => told.push('over'),
    }
    return transaction
  }
  w.transport.failSend = true
  w.layer.receiveRequest(request('INVITE'), fakeFlow(), 100)
  const invite = adopt(0)
  w.clock.advance(200)
  await settle()
  w.layer.receiveRequest(request('INVITE'), fakeFlow(), 100)
  t.equal(w.requests.length, 1, 'the same INVITE again is no new call')
  invite.respond(response(request('INVITE'), 486))
  await settle()
  for (let count = 0; count < 4; count++) {
    w.clock.advance(1000)
    await settle()
  }
  t.same(told, ['transport'])
  t.equal(w.counters.transportErrors, 1)
  w.transport.failSend = false
  w.layer.receiveRequest(request('INVITE'), fakeFlow(), 100)
  t.match(w.transport.log().at(-1), / 486$/, 'who can be reached again hears how it ended')
  w.clock.advance(28_000)
  t.same(told, ['transport', 'timeout', 'over'], 'H ends it')

  w.transport.failSend = true
  w.layer.receiveRequest(request('OPTIONS'), fakeFlow(), 100)
  adopt(1).respond(response(request('OPTIONS'), 200))
  await settle()
  w.layer.receiveRequest(request('OPTIONS'), fakeFlow(), 100)
  t.equal(w.requests.length, 2)
  w.clock.advance(32_000)
  t.same(told.slice(3), ['transport', 'over'], 'J ends it')
  t.same(w.layer.alive, { servers: 0, clients: 0 })
  t.equal(w.clock.pending, 0)
})

void t.test('an answered request is answered again, an unanswered one is forgotten after 64 s', async (t) => {
  const w = world()
  w.layer.receiveRequest(request('OPTIONS'), fakeFlow(), 100)
  w.layer.receiveRequest(request('OPTIONS'), fakeFlow(), 100)
  t.same(w.transport.log(), [], 'no 100 to a non-INVITE (RFC 4320)')
  w.requests[0]?.respond(response(request('OPTIONS'), 200))
  w.layer.receiveRequest(request('OPTIONS'), fakeFlow(), 100)
  t.same(w.transport.log(), ['0 200', '0 200'])
  w.layer.receiveRequest(request('MESSAGE'), fakeFlow(), 100)
  w.clock.advance(63_999)
  t.equal(w.layer.alive.servers, 1)
  w.clock.advance(1)
  t.equal(w.layer.alive.servers, 0)
  t.equal(w.requests[1]?.respond(response(request('MESSAGE'), 200)), 0, 'a late answer goes nowhere')
  t.equal(w.clock.pending, 0)
})

void t.test('INVITE nobody answers is reported, for its user to refuse', async (t) => {
  const w = world()
  w.layer.receiveRequest(request('INVITE'), fakeFlow(), 100)
  const invite = w.requests[0] as ServerTransaction
  let reports = 0
  invite.user = {
    onAck: () => undefined,
    onFailed: () => undefined,
    onUnanswered: () => reports++,
    onTerminated: () => undefined,
  }
  w.clock.advance(64_000)
  t.equal(reports, 1)
  invite.respond(response(request('INVITE'), 180))
  w.clock.advance(299_999)
  t.equal(reports, 1, 'a ringing call has five minutes more')
  w.clock.advance(1)
  t.equal(reports, 2)
  w.layer.stop()
  t.equal(w.clock.pending, 0)
})
