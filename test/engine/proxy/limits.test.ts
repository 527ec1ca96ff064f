import t from 'tap'
import type { SipRequest } from '#src/sip/message.ts'
import { RawPeer } from '#test/engine/support/raw-peer.ts'
import { portOf, startBareEngine } from '#test/support/start-engine.ts'
import { until } from '#test/support/until.ts'
import { answerInvite, calleeOf, proxyWorld, type ProxyWorld } from './world.ts'

async function outcomeOf(world: ProxyWorld): Promise<void> {
  await world.results[0]
}

const branchOf = (request: SipRequest): string =>
  /branch=([^;]+)/.exec(request.headers.get('Via') ?? '')?.[1] ?? ''

void t.test('without any 1xx the next destination is tried; a late answer is cancelled', async (t) => {
  const world = await proxyWorld(t, { callees: 2, provisionalTimeout: '500ms' })
  const [slow, second] = [calleeOf(world, 0), calleeOf(world, 1)]
  world.caller.send(world.caller.request('INVITE'))
  const invite = await slow.nextRequest('INVITE')
  world.clock.advance(499)
  t.equal(second.received.length, 0)
  world.clock.advance(1)
  await answerInvite(second, 180, 'two')
  await world.caller.nextResponse(180)
  slow.send(slow.answer(invite, 180, 'Ringing', 'one'))
  const cancel = await slow.nextRequest('CANCEL')
  t.equal(branchOf(cancel), branchOf(invite), 'RFC 3261 9.1: CANCEL waits for the first provisional')
  t.equal(world.caller.received.filter((m) => m.kind === 'response' && m.status === 180).length, 1)
  await world.engine.stop()
  t.equal(world.clock.pending, 0, 'no timer outlives the engine')
})

void t.test('without a final response a destination is cancelled and the next one tried', async (t) => {
  const world = await proxyWorld(t, { callees: 2, provisionalTimeout: '500ms', finalTimeout: '2s' })
  const [slow, second] = [calleeOf(world, 0), calleeOf(world, 1)]
  world.caller.send(world.caller.request('INVITE'))
  const invite = await answerInvite(slow, 180, 'one')
  await world.caller.nextResponse(180)
  world.clock.advance(1999)
  t.equal(second.received.length, 0)
  world.clock.advance(1)
  const cancel = await slow.nextRequest('CANCEL')
  slow.send(slow.answer(cancel, 200, 'OK', 'one'))
  slow.send(slow.answer(invite, 487, 'Terminated', 'one'))
  await slow.nextRequest('ACK')
  await answerInvite(second, 200, 'two')
  await world.caller.nextResponse(200)
  const results = await world.results[0]
  t.same(
    results?.responses.flatMap(({ msgs }) => msgs.map(({ status }) => status)),
    [408, 200],
  )
})

void t.test(
  'timer C ends what rings for ever, and every 1xx but 100 starts it anew (RFC 3261 16.8)',
  async (t) => {
    const world = await proxyWorld(t)
    const callee = calleeOf(world, 0)
    world.caller.send(world.caller.request('INVITE'))
    const invite = await answerInvite(callee, 180, 'one')
    await world.caller.nextResponse(180)
    world.clock.advance(180_000)
    callee.send(callee.answer(invite, 183, 'Progress', 'one'))
    await world.caller.nextResponse(183)
    world.clock.advance(180_900)
    t.equal(callee.received.filter((m) => m.kind === 'request' && m.method === 'CANCEL').length, 0)
    world.clock.advance(101)
    await callee.nextRequest('CANCEL')
    t.equal((await world.caller.nextResponse()).status, 408)
  },
)

void t.test('the caller gives up: 200 to CANCEL, CANCEL to the branches, their 487 goes back', async (t) => {
  const world = await proxyWorld(t, { callees: 2, forking: 'simultaneous' })
  const { caller } = world
  const [one, two] = [calleeOf(world, 0), calleeOf(world, 1)]
  caller.send(caller.request('INVITE', { branch: 'z9hG4bKc' }))
  const first = await answerInvite(one, 180, 'one')
  const second = await two.nextRequest('INVITE')
  await caller.nextResponse(180)
  const cancel = caller.request('CANCEL', {
    branch: 'z9hG4bKc',
    contact: null,
    extra: ['Reason: SIP;cause=200;text="Elsewhere"'],
  })
  caller.send(cancel)
  t.equal((await caller.nextResponse(200)).headers.get('CSeq'), '1 CANCEL')
  const heard = await one.nextRequest('CANCEL')
  t.equal(heard.headers.get('Reason'), 'SIP;cause=200;text="Elsewhere"')
  one.send(one.answer(first, 487, 'Terminated', 'one'))
  await one.nextRequest('ACK')
  t.equal(two.received.filter((m) => m.kind === 'request' && m.method === 'CANCEL').length, 0, 'no 1xx yet')
  // Nobody was there: 64*T1 after the CANCEL the branch counts as ended.
  two.send(two.answer(second, 100, 'Trying'))
  await two.nextRequest('CANCEL')
  world.clock.advance(32_000)
  t.equal((await caller.nextResponse()).status, 487)
  t.equal((await world.results[0])?.connected, false)
})

void t.test('a request that must not be forwarded is refused, and the application is told', async (t) => {
  const table: { line: string; status: number; field?: [string, string] }[] = [
    { line: 'Max-Forwards: 0', status: 483 },
    {
      line: 'Proxy-Require: path, flying, swimming',
      status: 420,
      field: ['Unsupported', 'flying, swimming'],
    },
    { line: 'Max-Breadth: 0', status: 440 },
  ]
  t.equal(table.length, 3)
  for (const { line, status, field } of table) {
    const world = await proxyWorld(t)
    const lines = world.caller
      .request('INVITE')
      .filter((other) => !line.startsWith('Max-Forwards') || !other.startsWith('Max-Forwards'))
    world.caller.send([...lines, line])
    const answer = await world.caller.nextResponse()
    t.equal(answer.status, status)
    if (field) t.equal(answer.headers.get(field[0]), field[1])
    await t.rejects(() => outcomeOf(world), 'the application hears of it')
    t.equal(calleeOf(world, 0).received.length, 0)
    t.equal(world.engine.counters()['requestsServing'], 0)
  }
  const world = await proxyWorld(t, { callees: 0, more: ['sip:not a uri', 'sip:[::'] })
  world.caller.send(world.caller.request('INVITE'))
  t.equal((await world.caller.nextResponse()).status, 500)
  await t.rejects(() => outcomeOf(world))
})

void t.test('a loop ends at its second round (RFC 5393 4.2)', async (t) => {
  const world = await proxyWorld(t, { callees: 0, more: [] })
  const { caller, srf, udpPort } = world
  let rounds = 0
  srf.use('message', (request) => {
    rounds++
    const proxy = srf as unknown as { proxyRequest(request: unknown, to: string): Promise<unknown> }
    proxy.proxyRequest(request, `sip:127.0.0.1:${udpPort};lr`).catch(() => undefined)
  })
  caller.send(caller.request('MESSAGE', { uri: 'sip:bob@elsewhere.example', contact: null }))
  t.equal((await caller.nextResponse()).status, 482)
  t.equal(rounds, 3, 'first as it came, then with the Route, then known')
})

void t.test(
  'a request that nobody answers is forgotten without 408 when it is no INVITE (RFC 4320 4.2)',
  async (t) => {
    const world = await proxyWorld(t, { methods: ['options'] })
    world.caller.send(world.caller.request('OPTIONS', { contact: null }))
    await calleeOf(world, 0).nextRequest('OPTIONS')
    world.clock.advance(32_000)
    t.equal((await world.results[0])?.connected, false)
    t.equal(world.caller.received.length, 0)
    world.clock.advance(64_000)
    t.equal(world.engine.counters()['serverTransactionsAlive'], 0)
    t.equal(world.engine.counters()['clientTransactionsAlive'], 0)
  },
)

void t.test('a next hop that cannot be reached counts as 503, which goes back as 500', async (t) => {
  const closed = await RawPeer.open(t, 1)
  const world = await proxyWorld(t, { callees: 0, more: [`sip:127.0.0.1:${closed.port};transport=tcp`] })
  world.caller.send(world.caller.request('INVITE'))
  t.equal((await world.caller.nextResponse()).status, 500)
  await until(() => world.engine.counters()['clientTransactionsAlive'] === 0)
})

void t.test(
  'an application that goes away leaves its proxied calls alone; frames are as the protocol has them',
  async (t) => {
    const engine = await startBareEngine(t)
    const caller = await RawPeer.open(t, portOf(engine, 'udp'))
    const first = await RawPeer.open(t, portOf(engine, 'udp'))
    const second = await RawPeer.open(t, portOf(engine, 'udp'))
    const link = engine.openMemoryLink()
    const frames: string[][] = []
    link.onFrame = (frame) => {
      const tokens = (frame.split('\r\n')[0] ?? '').split('|')
      frames.push(tokens.slice(1))
      if (tokens[1] !== 'sip') return
      const to = `sip:127.0.0.1:${first.port}|sip:127.0.0.1:${second.port}`
      link.send(`cmd|proxy|${tokens[8]}||fullResponse||serial|||${to}\r\nINVITE sip:x SIP/2.0\r\n\r\n`)
    }
    link.send('a|authenticate||')
    link.send('b|route|invite')
    caller.send(caller.request('INVITE'))
    await answerInvite(first, 486, 'one')
    const taken = await answerInvite(second, 180, 'two')
    await caller.nextResponse(180)
    await until(() => frames.some((tokens) => tokens.includes('continue')))
    const final = frames.at(-1)
    t.same(final?.slice(0, 3), ['response', 'cmd', 'OK'])
    t.same(final?.slice(9), ['', '', 'continue'])
    link.close()
    second.send(second.answer(taken, 200, 'OK', 'two'))
    await caller.nextResponse(200)
  },
)
