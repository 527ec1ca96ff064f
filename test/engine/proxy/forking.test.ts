import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import type { SipResponse } from '#src/sip/message.ts'
import { RawPeer } from '#test/engine/support/raw-peer.ts'
import { until } from '#test/support/until.ts'
import { answerInvite, calleeOf, proxyWorld } from './world.ts'

void t.test(
  'one destination after the other; what fails is asked once, what answers ends the search',
  async (t) => {
    const world = await proxyWorld(t, { callees: 3, headers: { 'X-Added': 'by the application' } })
    const { caller, engine } = world
    caller.send(
      caller.request('INVITE', {
        branch: 'z9hG4bKfirst',
        extra: ['X-Unknown: kept', 'X-Added: of the caller'],
      }),
    )
    const first = await answerInvite(calleeOf(world, 0), 486, 'one')
    t.equal(first.headers.get('Max-Forwards'), '69')
    t.equal(first.headers.get('Max-Breadth'), '60')
    t.equal(first.headers.get('X-Unknown'), 'kept')
    t.same(first.headers.getAll('X-Added'), ['by the application'])
    t.equal(first.headers.getAll('Via').length, 2)
    t.notOk(first.headers.has('Record-Route'), 'nobody asked us to stay')
    t.equal(first.uri, `sip:127.0.0.1:${calleeOf(world, 0).port}`, 'a Request-URI that named us is replaced')
    const second = calleeOf(world, 1)
    const invite = await second.nextRequest('INVITE')
    second.send(second.answer(invite, 183, 'Progress', 'two', ['X-Early: yes']))
    const early = await caller.nextResponse(183)
    t.equal(early.headers.get('X-Early'), 'yes')
    second.send(second.answer(invite, 200, 'OK', 'two'))
    const ok = await caller.nextResponse(200)
    t.equal(ok.headers.getAll('Via').length, 1, 'our Via is taken off')
    const result = await world.results[0]
    t.equal(result?.connected, true)
    t.same(
      result?.responses.flatMap(({ msgs }) => msgs.map(({ status }) => status)),
      [486, 200],
    )
    t.equal(calleeOf(world, 2).received.length, 0)
    t.equal(engine.counters()['requestsServing'], 0)
    t.equal(engine.counters()['dialogsAlive'], 0)
  },
)

void t.test('all at once: the first 2xx wins, the others hear CANCEL with the reason', async (t) => {
  const world = await proxyWorld(t, { callees: 3, forking: 'simultaneous' })
  const { caller } = world
  caller.send(caller.request('INVITE'))
  const [one, two, three] = [calleeOf(world, 0), calleeOf(world, 1), calleeOf(world, 2)]
  const invites = await Promise.all([one, two, three].map((callee) => callee.nextRequest('INVITE')))
  t.same(
    invites.map(({ headers }) => headers.get('Max-Breadth')),
    ['20', '20', '20'],
    'RFC 5393 5.3.3: the breadth is shared out',
  )
  const [first, second, third] = invites
  if (!first || !second || !third) throw new Error('three INVITEs were awaited')
  one.send(one.answer(first, 180, 'Ringing', 'one'))
  two.send(two.answer(second, 180, 'Ringing', 'two'))
  await caller.nextResponse(180)
  await until(
    () =>
      caller.received.filter((message) => message.kind === 'response' && message.status === 180).length === 2,
  )
  three.send(three.answer(third, 200, 'OK', 'three'))
  t.equal((await caller.nextResponse(200)).headers.get('To'), '<sip:100@127.0.0.1>;tag=three')
  const cancel = await one.nextRequest('CANCEL')
  t.equal(cancel.headers.get('Reason'), 'SIP;cause=200;text="Call completed elsewhere"')
  t.equal(cancel.headers.get('Via'), first.headers.get('Via'), 'RFC 3261 9.1: the Via of its INVITE')
  t.equal(cancel.uri, first.uri)
  one.send(one.answer(cancel, 200, 'OK', 'one'))
  one.send(one.answer(first, 487, 'Terminated', 'one'))
  await one.nextRequest('ACK')
  // RFC 3261 16.7-5: a second callee that answered before it heard CANCEL has its 2xx passed on as well.
  two.send(two.answer(second, 200, 'OK', 'two'))
  t.equal((await caller.nextResponse(200)).headers.get('To'), '<sip:100@127.0.0.1>;tag=two')
})

void t.test('when nobody takes the call the best answer goes back (RFC 3261 16.7-6)', async (t) => {
  const table: { answers: [number, string[]][]; best: number; check?: (best: SipResponse) => void }[] = [
    {
      answers: [
        [404, []],
        [486, []],
      ],
      best: 404,
    },
    {
      answers: [
        [500, []],
        [302, ['Contact: <sip:elsewhere@127.0.0.1>']],
      ],
      best: 302,
    },
    {
      answers: [
        [404, []],
        [603, []],
      ],
      best: 603,
    },
    {
      answers: [
        [404, []],
        [420, []],
      ],
      best: 420,
    },
    {
      answers: [
        [503, []],
        [500, []],
      ],
      best: 500,
    },
    {
      answers: [
        [503, []],
        [503, []],
      ],
      best: 500,
    },
    {
      answers: [
        [401, ['WWW-Authenticate: Digest realm="a", nonce="1"']],
        [407, ['Proxy-Authenticate: Digest realm="b", nonce="2"']],
      ],
      best: 401,
      check: ({ headers }) => {
        t.equal(headers.get('WWW-Authenticate'), 'Digest realm="a", nonce="1"')
        t.equal(headers.get('Proxy-Authenticate'), 'Digest realm="b", nonce="2"', 'RFC 3261 16.7-7')
      },
    },
  ]
  t.equal(table.length, 7)
  for (const { answers, best, check } of table) {
    const world = await proxyWorld(t, { callees: 2, forking: 'simultaneous' })
    world.caller.send(world.caller.request('INVITE'))
    await Promise.all(
      answers.map(([status, extra], index) =>
        answerInvite(calleeOf(world, index), status, `t${index}`, extra),
      ),
    )
    const answer = await world.caller.nextResponse()
    t.equal(answer.status, best, `${answers.map(([status]) => status).join(' and ')} make ${best}`)
    check?.(answer)
    t.equal((await world.results[0])?.connected, false)
    t.equal(
      world.engine.counters()['clientTransactionsAlive'],
      2,
      'each failure was acknowledged and is remembered',
    )
    await world.engine.stop()
  }
})

void t.test('a challenge stops the search, and the next try goes to who gave it', async (t) => {
  const world = await proxyWorld(t, { callees: 2 })
  const { caller } = world
  const [one, two] = [calleeOf(world, 0), calleeOf(world, 1)]
  caller.send(caller.request('INVITE', { branch: 'z9hG4bKa' }))
  await answerInvite(one, 480, 'one')
  await answerInvite(two, 407, 'two', ['Proxy-Authenticate: Digest realm="r", nonce="n-1"'])
  t.equal((await caller.nextResponse()).status, 407)
  const credentials =
    'Proxy-Authorization: Digest username="u", realm="r", nonce="n-1", uri="sip:x", response="0"'
  caller.send(caller.request('INVITE', { branch: 'z9hG4bKb', sequence: 2, extra: [credentials] }))
  await answerInvite(two, 200, 'two')
  await caller.nextResponse(200)
  t.equal(
    one.received.filter((message) => message.kind === 'request' && message.method === 'INVITE').length,
    1,
  )
  world.clock.advance(2001)
  caller.send(
    caller.request('INVITE', { branch: 'z9hG4bKc', sequence: 3, callId: 'later', extra: [credentials] }),
  )
  await answerInvite(one, 200, 'one')
  t.equal((await caller.nextResponse(200)).headers.get('Call-ID'), 'later')
})

void t.test('redirects are followed on demand, best first, each target once', async (t) => {
  const world = await proxyWorld(t, { callees: 1, followRedirects: true })
  const { caller } = world
  const [better, worse] = [await RawPeer.open(t, world.udpPort), await RawPeer.open(t, world.udpPort)]
  caller.send(caller.request('INVITE'))
  const contacts = [
    `Contact: <sip:worse@127.0.0.1:${worse.port}>;q=0.2, <tel:+4912>`,
    `Contact: <sip:better@127.0.0.1:${better.port}>;q=0.9`,
    `Contact: <sip:127.0.0.1:${calleeOf(world, 0).port}>`,
  ]
  await answerInvite(calleeOf(world, 0), 302, 'one', contacts)
  const invite = await answerInvite(better, 486, 'two')
  t.equal(invite.uri, `sip:better@127.0.0.1:${better.port}`)
  await answerInvite(worse, 200, 'three')
  await caller.nextResponse(200)
  t.equal(calleeOf(world, 0).received.filter((m) => m.kind === 'request' && m.method === 'INVITE').length, 1)
})

void t.test('a caller that no response reaches cancels nothing (RFC 3261 16.9)', async (t) => {
  const world = await proxyWorld(t)
  const { engine } = world
  const callee = calleeOf(world, 0)
  const socket = connect(world.tcpPort, '127.0.0.1')
  await once(socket, 'connect')
  const lines = world.caller.request('INVITE').map((line) => line.replace('SIP/2.0/UDP', 'SIP/2.0/TCP'))
  socket.write([...lines, 'Content-Length: 0', '', ''].join('\r\n'))
  const invite = await callee.nextRequest('INVITE')
  socket.destroy()
  await until(() => engine.counters()['connectionsOpen'] === 0)
  callee.send(callee.answer(invite, 180, 'Ringing', 'one'))
  await until(() => engine.counters()['transportErrors'] === 1)
  callee.send(callee.answer(invite, 486, 'Busy Here', 'one'))
  await callee.nextRequest('ACK')
  t.notOk(callee.received.some((message) => message.kind === 'request' && message.method === 'CANCEL'))
  t.equal(engine.counters()['serverTransactionsAlive'], 1, 'the answer is kept for who asks again')
  world.clock.advance(32_000)
  t.equal(engine.counters()['serverTransactionsAlive'], 0, 'until timer H')
})
