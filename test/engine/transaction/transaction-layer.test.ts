import t from 'tap'
import type { SipRequest } from '#src/sip/message.ts'
import type { ClientTransaction } from '#src/engine/transaction/client-transaction.ts'
import type { ServerTransaction } from '#src/engine/transaction/server-transaction.ts'
import type { Target } from '#src/engine/transport/transport-port.ts'
import { fakeFlow } from '../support/fake-transport.ts'
import { settle, world } from './layer-world.ts'
import { request, response } from './table-world.ts'

function target(port: number): Target {
  return { protocol: 'udp', host: '192.0.2.2', port, serverName: undefined }
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
