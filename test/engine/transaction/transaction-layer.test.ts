import t from 'tap'
import { systemRandom } from '#src/base/random.ts'
import { SipHeaders, type SipRequest, type SipResponse } from '#src/sip/message.ts'
import { AnsweredRequests } from '#src/engine/transaction/answered-requests.ts'
import type { ClientTransaction } from '#src/engine/transaction/client-transaction.ts'
import type { ServerTransaction } from '#src/engine/transaction/server-transaction.ts'
import { TransactionLayer } from '#src/engine/transaction/transaction-layer.ts'
import type { Target } from '#src/engine/transport/transport-port.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { fakeFlow, FakeTransport } from '../support/fake-transport.ts'

const bases = { t1Ms: 500, t2Ms: 4000, t4Ms: 5000 }

function world() {
  const clock = new FakeClock()
  const transport = new FakeTransport(clock)
  const counters = {
    retransmissionsSent: 0,
    retransmissionsReceived: 0,
    clientTimeouts: 0,
    serverTimeouts: 0,
    transportErrors: 0,
  }
  const requests: ServerTransaction[] = []
  const cancels: (ServerTransaction | undefined)[] = []
  const acks: SipRequest[] = []
  const stray: SipResponse[] = []
  const answered = new AnsweredRequests({ clock, random: systemRandom, lifetimeMs: 64 * bases.t1Ms })
  const layer = new TransactionLayer(
    { clock, bases, transport, counters, answered },
    transport,
    systemRandom,
    {
      onRequest: (transaction) => void requests.push(transaction),
      onCancel: (_transaction, invite) => void cancels.push(invite),
      onAck: (ack) => void acks.push(ack),
      onStraySuccess: (response) => void stray.push(response),
    },
  )
  return { clock, transport, counters, layer, requests, cancels, acks, stray }
}

function request(method: string, via = 'SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bKone'): SipRequest {
  const headers = new SipHeaders([
    'Via',
    via,
    'From',
    '<sip:a@x>;tag=f',
    'To',
    '<sip:b@x>',
    'Call-ID',
    'c1',
    'CSeq',
    `1 ${method}`,
  ])
  return { kind: 'request', method, uri: 'sip:b@x', headers, body: Buffer.alloc(0) }
}

function response(to: SipRequest, status: number): SipResponse {
  const headers = to.headers.clone()
  headers.set('To', '<sip:b@x>;tag=t')
  return { kind: 'response', status, reason: 'x', headers, body: Buffer.alloc(0) }
}

function target(port: number): Target {
  return { protocol: 'udp', host: '192.0.2.2', port, serverName: undefined }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Sends a request and keeps what comes back. */
async function ask(
  w: ReturnType<typeof world>,
  method: string,
  ports = [5070],
  protocol: 'udp' | 'tcp' = 'udp',
) {
  const heard: string[] = []
  const sent: SipRequest[] = []
  let current: ClientTransaction | undefined
  const outgoing = w.layer.send(
    async () => ports.map((port) => ({ ...target(port), protocol })),
    undefined,
    () => request(method),
    {
      onSent: (message) => sent.push(message),
      onResponse: (answer, _bytes, transaction) => {
        current = transaction
        heard.push(String(answer.status))
      },
      onFailed: (cause) => heard.push(cause),
    },
  )
  await settle()
  return { heard, sent, outgoing, current: () => current }
}

void t.test('INVITE over UDP: timer A doubles without cap, timer B ends it at 32 s', async (t) => {
  const w = world()
  const { heard } = await ask(w, 'INVITE')
  w.clock.advance(40_000)
  t.same(
    w.transport.log(),
    [0, 500, 1500, 3500, 7500, 15500, 31500].map((atMs) => `${atMs} INVITE`),
  )
  t.same(heard, ['timeout'])
  t.equal(w.counters.retransmissionsSent, 6)
  t.equal(w.clock.pending, 0)
  t.same(w.layer.alive, { servers: 0, clients: 0 })
})

void t.test('OPTIONS over UDP: timer E doubles up to T2, in Proceeding it runs at T2', async (t) => {
  const w = world()
  const { heard } = await ask(w, 'OPTIONS')
  w.clock.advance(4000)
  t.same(w.transport.log(), ['0 OPTIONS', '500 OPTIONS', '1500 OPTIONS', '3500 OPTIONS'])
  w.layer.receiveResponse(response(w.transport.sent[0]?.message as SipRequest, 183), fakeFlow(), 100)
  w.clock.advance(40_000)
  t.same(w.transport.log().slice(4), [
    '7500 OPTIONS',
    '11500 OPTIONS',
    '15500 OPTIONS',
    '19500 OPTIONS',
    '23500 OPTIONS',
    '27500 OPTIONS',
    '31500 OPTIONS',
  ])
  t.same(heard, ['183', 'timeout'])
  t.equal(w.clock.pending, 0)
})

void t.test('over TCP nothing is repeated', async (t) => {
  const w = world()
  const invite = await ask(w, 'INVITE', [5070], 'tcp')
  const options = await ask(w, 'OPTIONS', [5070], 'tcp')
  w.clock.advance(33_000)
  t.same(w.transport.log(), ['0 INVITE', '0 OPTIONS'])
  t.same(invite.heard, ['timeout'])
  t.same(options.heard, ['timeout'])
  t.equal(w.clock.pending, 0)
})

void t.test('a failure is acknowledged on the same branch, again and again until timer D', async (t) => {
  const w = world()
  const { heard } = await ask(w, 'INVITE')
  const invite = w.transport.sent[0]?.message as SipRequest
  w.layer.receiveResponse(response(invite, 486), fakeFlow(), 100)
  w.clock.advance(1000)
  w.layer.receiveResponse(response(invite, 486), fakeFlow(), 100)
  t.same(w.transport.log(), ['0 INVITE', '0 ACK', '1000 ACK'])
  t.same(heard, ['486'], 'the user hears it once')
  const ack = w.transport.sent[1]?.message as SipRequest
  t.equal(ack.headers.get('Via'), invite.headers.get('Via'))
  t.equal(ack.headers.get('To'), '<sip:b@x>;tag=t')
  t.equal(ack.headers.get('CSeq'), '1 ACK')
  w.clock.advance(31_000)
  t.equal(w.layer.alive.clients, 0)
  t.equal(w.clock.pending, 0)
})

void t.test('each 2xx goes up until timer M, then it is stray', async (t) => {
  const w = world()
  const { heard } = await ask(w, 'INVITE')
  const invite = w.transport.sent[0]?.message as SipRequest
  for (let count = 0; count < 3; count++) w.layer.receiveResponse(response(invite, 200), fakeFlow(), 100)
  t.same(heard, ['200', '200', '200'])
  w.clock.advance(32_000)
  t.equal(w.layer.alive.clients, 0)
  w.layer.receiveResponse(response(invite, 200), fakeFlow(), 100)
  t.equal(w.stray.length, 1)
})

void t.test(
  'the next target is tried when one cannot be reached or does not answer (RFC 3263 4.3)',
  async (t) => {
    const w = world()
    w.transport.refused.add(1)
    const { heard, sent } = await ask(w, 'OPTIONS', [1, 2, 3])
    t.same(
      w.transport.sent.map(({ flow }) => flow.remotePort),
      [2],
      'the one that refused was passed over',
    )
    w.clock.advance(32_000)
    await settle()
    t.equal(w.transport.sent.at(-1)?.flow.remotePort, 3)
    t.same(heard, [])
    t.not(sent[0]?.headers.get('Via'), sent[1]?.headers.get('Via'), 'each try has its own branch')
    w.clock.advance(32_000)
    await settle()
    t.same(heard, ['timeout'])
    t.equal(w.clock.pending, 0)
  },
)

void t.test('a peer that has answered anything is not replaced by another', async (t) => {
  const w = world()
  const { heard } = await ask(w, 'INVITE', [5070, 5071])
  w.layer.receiveResponse(response(w.transport.sent[0]?.message as SipRequest, 100), fakeFlow(), 100)
  w.clock.advance(15 * 60_000)
  await settle()
  t.same(heard, ['100', 'timeout'])
  t.equal(w.transport.sent.length, 1)
})

void t.test('an error of the transport fails the request in a later turn', async (t) => {
  const w = world()
  w.transport.failSend = true
  const { heard, sent } = await ask(w, 'OPTIONS')
  t.equal(sent.length, 1, 'the request was shown before it failed')
  t.same(heard, ['transport'])
  t.equal(w.clock.pending, 0)
})

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

void t.test('ACK to a 2xx goes up, with the branch of the INVITE or its own', async (t) => {
  const w = world()
  w.layer.receiveRequest(request('INVITE'), fakeFlow(), 100)
  let own = 0
  const invite = w.requests[0] as ServerTransaction
  invite.user = {
    onAck: () => own++,
    onFailed: () => undefined,
    onUnanswered: () => undefined,
    onTerminated: () => undefined,
  }
  invite.respond(response(request('INVITE'), 200))
  w.layer.receiveRequest(request('ACK', 'SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bKtwo'), fakeFlow(), 100)
  t.equal(w.acks.length, 1)
  w.layer.receiveRequest(request('ACK'), fakeFlow(), 100)
  t.equal(own, 1)
})

void t.test('CANCEL finds its INVITE by branch, also when a NAT changed sent-by', async (t) => {
  const w = world()
  w.layer.receiveRequest(request('INVITE'), fakeFlow(), 100)
  w.layer.receiveRequest(request('CANCEL'), fakeFlow(), 100)
  w.layer.receiveRequest(
    request('CANCEL', 'SIP/2.0/UDP 198.51.100.7:40000;branch=z9hG4bKone'),
    fakeFlow(),
    100,
  )
  w.layer.receiveRequest(request('CANCEL', 'SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bKno'), fakeFlow(), 100)
  t.same(
    w.cancels.map((invite) => invite === w.requests[0]),
    [true, true, false],
  )
})

void t.test('branches of RFC 2543 peers are told apart by the other fields', async (t) => {
  const w = world()
  const via = 'SIP/2.0/UDP 192.0.2.2:5070'
  w.layer.receiveRequest(request('INVITE', via), fakeFlow(), 100)
  w.layer.receiveRequest(request('INVITE', via), fakeFlow(), 100)
  const other = request('INVITE', via)
  other.headers.set('Call-ID', 'c2')
  w.layer.receiveRequest(other, fakeFlow(), 100)
  t.equal(w.requests.length, 2)
  w.requests[0]?.respond(response(request('INVITE', via), 486))
  w.layer.receiveRequest(request('ACK', via), fakeFlow(), 100)
  t.equal(w.requests[0]?.state, 'confirmed')
})

void t.test('responses that belong to nobody change nothing', async (t) => {
  const w = world()
  const foreign = request('OPTIONS', 'SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKforeign')
  w.layer.receiveResponse(response(foreign, 200), fakeFlow(), 100)
  w.layer.receiveResponse(response(request('OPTIONS', 'nonsense'), 200), fakeFlow(), 100)
  t.same(w.stray, [])
  t.same(w.layer.alive, { servers: 0, clients: 0 })
})

void t.test('a closed connection fails what waits on it at once', async (t) => {
  const w = world()
  const { heard } = await ask(w, 'INVITE', [5070], 'tcp')
  const flow = w.transport.sent[0]?.flow
  if (flow) w.layer.flowClosed(flow)
  await settle()
  t.same(heard, ['transport'])
  t.equal(w.clock.pending, 0)
})
