import t from 'tap'
import { systemClock } from '#src/base/clock.ts'
import { systemRandom } from '#src/base/random.ts'
import { createEmbeddedRelay, type EmbeddedRelay } from '#src/media/embedded/media-control.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { MediaPeer, until } from '../media-peer.ts'
import { call, codeOf, relayContract, toward } from '../relay-contract.ts'

type Test = typeof t

interface Change {
  portMin?: number
  portMax?: number
  workers?: number
  inactiveAfterMs?: number
  reuseDelayMs?: number
}

async function start(t: Test, change: Change = {}): Promise<EmbeddedRelay> {
  const relay = createEmbeddedRelay({
    portMin: 22_000,
    portMax: 22_199,
    workers: 1,
    clock: systemClock,
    random: systemRandom,
    logger: new MemoryLogger(),
    reuseDelayMs: 0,
    ...change,
  })
  await relay.start()
  t.teardown(() => relay.stop())
  return relay
}

relayContract(t, { relay: start })

t.test('every packet is accounted for: strangers, bad tags, replays, noise and loss', async (t) => {
  const relay = await start(t as Test)
  const { sessionId, caller, callee } = await call(t as Test, relay, { secure: true })
  const stranger = await MediaPeer.open(t)
  for (let sent = 0; sent < 10; sent++) caller.send(caller.packet())
  await callee.heard(10)
  caller.sequence += 7
  const last = caller.packet()
  caller.send(Buffer.from(last))
  await callee.heard(11)
  caller.send(Buffer.from(last))
  const forged = caller.packet()
  forged[20]! ^= 1
  caller.send(forged)
  caller.send(Buffer.from('noise'))
  caller.send(Buffer.from('000100002112a442', 'hex'))
  stranger.remote = caller.remote
  stranger.send(stranger.packet())
  stranger.send(Buffer.alloc(0))
  await until(async () => {
    const leg = (await relay.query(sessionId))?.caller
    return leg?.foreignSource === 2 && leg.malformed === 2 && leg.replayed === 1 && leg.badTag === 1
  })
  callee.send(callee.packet())
  await caller.heard(1)
  const stats = await relay.delete(sessionId)
  t.match(stats?.caller, { receivedPackets: 11, receivedBytes: 11 * 182, lostPackets: 7, sentPackets: 1 })
  t.match(stats?.callee, {
    receivedPackets: 1,
    sentPackets: 11,
    foreignSource: 0,
    badTag: 0,
    replayed: 0,
    malformed: 0,
  })
  t.equal(callee.rtp.length, 11)
  t.ok((stats?.caller.jitterMs ?? -1) >= 0)
})

t.test(
  'plain RTP: a stranger with an unknown payload type cannot latch, nor anybody after the peer',
  async (t) => {
    const relay = await start(t as Test)
    const { sessionId, caller, callee } = await call(t as Test, relay, { signalled: '127.99.99.99' })
    const stranger = await MediaPeer.open(t)
    stranger.remote = caller.remote
    stranger.send(stranger.packet({ payloadType: 33 }))
    await until(async () => (await relay.query(sessionId))?.caller.foreignSource === 1)
    t.equal((await relay.query(sessionId))?.caller.peer, undefined, 'nothing is latched yet')
    caller.send(caller.packet())
    await callee.heard(1)
    stranger.send(stranger.packet())
    await until(async () => (await relay.query(sessionId))?.caller.foreignSource === 2)
    callee.send(callee.packet())
    await caller.heard(1)
    t.equal(stranger.rtp.length, 0)
    t.same((await relay.query(sessionId))?.caller.peer, { host: '127.0.0.1', port: caller.port })
  },
)

t.test(
  'a stranger who comes first with a good payload type loses the call to the phone that was signalled',
  async (t) => {
    const relay = await start(t as Test)
    const { sessionId, caller, callee } = await call(t as Test, relay)
    const stranger = await MediaPeer.open(t)
    stranger.remote = caller.remote
    stranger.send(stranger.packet())
    await callee.heard(1)
    callee.send(callee.packet())
    await stranger.heard(1)
    caller.send(caller.packet())
    await callee.heard(2)
    t.same((await relay.query(sessionId))?.caller.peer, { host: '127.0.0.1', port: caller.port })
    for (let sent = 0; sent < 3; sent++) stranger.send(stranger.packet())
    await until(async () => (await relay.query(sessionId))?.caller.foreignSource === 3)
    callee.send(callee.packet())
    await caller.heard(1)
    t.equal(stranger.rtp.length, 1, 'nothing more reaches the stranger')
    t.equal(callee.rtp.length, 2, 'nor comes anything of him through')
  },
)

t.test('a re-offer opens the latch again, so that a phone whose NAT port changed is found', async (t) => {
  const relay = await start(t as Test)
  const { sessionId, caller, callee, towardCaller, towardCallee } = await call(t as Test, relay, {
    signalled: '127.99.99.99',
  })
  caller.send(caller.packet())
  await callee.heard(1)
  const moved = await MediaPeer.open(t)
  moved.remote = caller.remote
  moved.send(moved.packet())
  await until(async () => (await relay.query(sessionId))?.caller.foreignSource === 1)
  callee.accept(await relay.offer({ sessionId, from: 'caller', sdp: caller.sdp(), toward: towardCallee }))
  caller.accept(await relay.answer({ sessionId, from: 'callee', sdp: callee.sdp(), toward: towardCaller }))
  callee.send(callee.packet())
  await caller.heard(1)
  moved.send(moved.packet())
  await callee.heard(2)
  callee.send(callee.packet())
  await moved.heard(1)
  t.same((await relay.query(sessionId))?.caller.peer, { host: '127.0.0.1', port: moved.port })
})

t.test('the rollover counter outlives a re-offer on both secure legs', async (t) => {
  const relay = await start(t as Test)
  const { sessionId, caller, callee, towardCaller, towardCallee } = await call(
    t as Test,
    relay,
    { secure: true },
    { secure: true },
  )
  caller.sequence = 65_530
  for (let sent = 0; sent < 20; sent++) caller.send(caller.packet())
  await callee.heard(20)
  caller.accept(await relay.offer({ sessionId, from: 'callee', sdp: callee.sdp(), toward: towardCaller }))
  callee.accept(await relay.answer({ sessionId, from: 'caller', sdp: caller.sdp(), toward: towardCallee }))
  for (let sent = 0; sent < 20; sent++) caller.send(caller.packet())
  await callee.heard(40)
  t.match((await relay.query(sessionId))?.caller, {
    receivedPackets: 40,
    lostPackets: 0,
    badTag: 0,
    replayed: 0,
  })
})

t.test('descriptions that name our own ports do not make a packet go round for ever', async (t) => {
  const relay = await start(t as Test)
  const { sessionId, caller, callee, towardCaller, towardCallee } = await call(t as Test, relay)
  const [callerLeg, calleeLeg] = [caller.remote?.remote?.port, callee.remote?.remote?.port]
  const pointing = (peer: MediaPeer, port: number | undefined): string =>
    peer.sdp().replace(`m=audio ${peer.port}`, `m=audio ${port}`)
  const loop = { sessionId, sdp: pointing(caller, calleeLeg), toward: towardCallee } as const
  await relay.offer({ ...loop, from: 'caller' })
  await relay.answer({ sessionId, from: 'callee', sdp: pointing(callee, callerLeg), toward: towardCaller })
  for (const sent of [1, 2]) {
    caller.send(caller.packet())
    await until(async () => ((await relay.query(sessionId))?.caller.receivedPackets ?? 0) >= sent)
  }
  for (let asked = 0; asked < 10; asked++) await relay.query(sessionId)
  const stats = await relay.query(sessionId)
  t.match(stats, { caller: { receivedPackets: 2, sentPackets: 0 }, callee: { sentPackets: 0 } })
})

t.test(
  'a plain phone that starts its numbers anew under the same SSRC goes on being heard by SRTP',
  async (t) => {
    const relay = await start(t as Test)
    const { sessionId, caller, callee } = await call(t as Test, relay, {}, { secure: true })
    const ssrcs = (): number[] => [...new Set(callee.rtp.map((packet) => packet.readInt32BE(8)))]
    let heard = 0
    // Back by less than half the range: a rollover counter cannot tell that from late packets.
    for (const first of [20_000, 500, 300]) {
      caller.sequence = first
      for (let sent = 0; sent < 10; sent++) caller.send(caller.packet())
      heard += first === 20_000 ? 10 : 9
      await callee.heard(heard)
    }
    t.equal(ssrcs()[0], caller.ssrc, 'as it came, as long as that is safe')
    t.equal(ssrcs().length, 3, 'one index is never used twice: a new start is a new stream')
    caller.sendRtcp()
    await callee.heard(heard, 1)
    t.equal(callee.rtcp[0]?.readInt32BE(4), ssrcs()[2], 'reports speak of the stream that is heard')
    t.equal(callee.rtcp[0]?.readInt32BE(12), ssrcs()[2])
    t.equal((await relay.query(sessionId))?.caller.lostPackets, 0)
  },
)

t.test('a hold by c=0.0.0.0 stops what is sent there, and the resume brings it back', async (t) => {
  const relay = await start(t as Test)
  const { sessionId, caller, callee, towardCaller, towardCallee } = await call(t as Test, relay)
  caller.send(caller.packet())
  await callee.heard(1)
  const hold = await relay.offer({
    sessionId,
    from: 'caller',
    sdp: caller.sdp({ address: '0.0.0.0' }),
    toward: towardCallee,
  })
  t.match(hold, /a=sendonly/)
  t.notMatch(hold, '0.0.0.0')
  caller.accept(await relay.answer({ sessionId, from: 'callee', sdp: callee.sdp(), toward: towardCaller }))
  callee.send(callee.packet())
  await until(async () => (await relay.query(sessionId))?.callee.receivedPackets === 1)
  t.equal((await relay.query(sessionId))?.caller.sentPackets, 0)
  callee.accept(await relay.offer({ sessionId, from: 'caller', sdp: caller.sdp(), toward: towardCallee }))
  caller.accept(await relay.answer({ sessionId, from: 'callee', sdp: callee.sdp(), toward: towardCaller }))
  callee.send(callee.packet())
  await caller.heard(1)
  t.equal(caller.rtp.length, 1)
})

t.test('o= keeps its id and raises its version only when something changed (RFC 3264 8)', async (t) => {
  const relay = await start(t as Test)
  const { sessionId, caller, callee, offerText, towardCaller, towardCallee } = await call(t as Test, relay)
  const origin = (sdp: string): string[] => (/^o=- (\d+) (\d+)/m.exec(sdp) ?? []).slice(1)
  const refresh = await relay.offer({ sessionId, from: 'caller', sdp: caller.sdp(), toward: towardCallee })
  t.equal(refresh, offerText, 'a session refresh is word for word the same')
  await relay.answer({ sessionId, from: 'callee', sdp: callee.sdp(), toward: towardCaller })
  const hold = await relay.offer({
    sessionId,
    from: 'caller',
    sdp: caller.sdp({ direction: 'inactive' }),
    toward: towardCallee,
  })
  const [id = '', version = ''] = origin(offerText)
  t.same(origin(hold), [id, String(Number(version) + 1)])
})

t.test('the advertised address is shown, the local one is bound', async (t) => {
  const relay = await start(t as Test)
  const caller = await MediaPeer.open(t)
  const request = { sessionId: 'nat', from: 'caller', sdp: caller.sdp() } as const
  const text = await relay.offer({
    ...request,
    toward: { ...toward('RTP/AVP'), advertisedAddress: '203.0.113.5' },
  })
  t.match(text, /^c=IN IP4 203\.0\.113\.5\r$/m)
  t.notMatch(text, '127.0.0.1')
  const everywhere = { profile: 'RTP/AVP', localAddress: '0.0.0.0' } as const
  t.equal(await codeOf(relay.offer({ ...request, sessionId: 'x', toward: everywhere })), 'MEDIA_FAILED')
  const elsewhere = { profile: 'RTP/AVP', localAddress: '203.0.113.77' } as const
  t.equal(
    await codeOf(relay.offer({ ...request, sessionId: 'y', toward: elsewhere })),
    'MEDIA_FAILED',
    'not ours',
  )
  t.match(await relay.totals(), { sessions: 1, portsInUse: 4 })
})

t.test('ports run out with a code, come back with delete, and foreign ports are stepped over', async (t) => {
  const squatter = await MediaPeer.open(t)
  const portMin = squatter.port - (squatter.port & 1)
  const relay = await start(t as Test, { portMin, portMax: portMin + 9 })
  const caller = await MediaPeer.open(t)
  const offer = (sessionId: string): Promise<string> =>
    codeOf(relay.offer({ sessionId, from: 'caller', sdp: caller.sdp(), toward: toward('RTP/AVP') }))
  t.equal(await offer('a'), 'none')
  t.equal(await offer('b'), 'none')
  t.equal(await offer('c'), 'MEDIA_PORTS_EXHAUSTED')
  t.match(await relay.totals(), { sessions: 2, portsInUse: 8, portsTotal: 10 })
  await relay.delete('a')
  t.match(await relay.totals(), { sessions: 1, portsInUse: 4 })
  t.equal(await offer('c'), 'none')
})

t.test('a worker that dies takes its sessions along, says so, and is replaced', async (t) => {
  const relay = await start(t as Test, { workers: 2 })
  t.equal(relay.workers.length, 2)
  const first = await call(t as Test, relay)
  const second = await call(t as Test, relay)
  const ended: string[] = []
  relay.on('sessionEnded', ({ sessionId, reason }) => ended.push(`${sessionId} ${reason}`))
  const total = (await relay.totals()).portsTotal
  t.equal(total, 200)
  const [victim] = relay.workers
  await victim?.kill()
  await until(() => ended.length > 0 && relay.workers.length === 2 && !relay.workers.includes(victim!))
  t.same(ended, [`${first.sessionId} worker-died`], 'sessions are spread, so one is lost and one goes on')
  second.caller.send(second.caller.packet())
  await second.callee.heard(1)
  t.equal(await relay.delete(first.sessionId), undefined)
  const third = await call(t as Test, relay)
  third.caller.send(third.caller.packet())
  await third.callee.heard(1)
  t.equal((await relay.totals()).portsTotal, total)
})

t.test('ports of calls that died with their worker rest before the next call gets them', async (t) => {
  const relay = await start(t as Test, { portMin: 22_200, portMax: 22_211, reuseDelayMs: 60_000 })
  const { caller, callee } = await call(t as Test, relay)
  const [victim] = relay.workers
  await victim?.kill()
  await until(() => relay.workers.length === 1 && relay.workers[0] !== victim)
  const used = [caller, callee].map((peer) => peer.remote?.remote?.port)
  for (let count = 0; count < 2; count++) {
    const next = await call(t as Test, relay)
    for (const peer of [next.caller, next.callee]) t.notOk(used.includes(peer.remote?.remote?.port))
  }
  const offer = { sessionId: 'one too many', from: 'caller', sdp: caller.sdp() } as const
  t.equal(await codeOf(relay.offer({ ...offer, toward: toward('RTP/AVP') })), 'MEDIA_PORTS_EXHAUSTED')
})

t.test('a session without any packet for the set time is ended', async (t) => {
  const relay = await start(t as Test, { inactiveAfterMs: 300 })
  const { sessionId, caller, callee } = await call(t as Test, relay)
  const ended = new Promise<string>((resolve) => {
    relay.on('sessionEnded', (fact) => resolve(`${fact.sessionId} ${fact.reason}`))
  })
  caller.send(caller.packet())
  await callee.heard(1)
  t.equal(await ended, `${sessionId} inactive`)
  t.match(await relay.totals(), { sessions: 0, portsInUse: 0 })
})

t.test('noise of every kind on all four ports disturbs nothing', async (t) => {
  const relay = await start(t as Test)
  const { sessionId, caller, callee } = await call(t as Test, relay, {}, { secure: true })
  caller.send(caller.packet())
  await callee.heard(1)
  callee.send(callee.packet())
  await caller.heard(1)
  const ports = [caller, callee].flatMap((peer) => [peer.remote?.remote?.port, peer.remote?.remoteRtcp?.port])
  const stranger = await MediaPeer.open(t)
  for (let count = 0; count < 2000; count++) {
    const noise = systemRandom.bytes(count % 300)
    if (count % 3 && noise.length) noise[0] = 0x80 | (noise[0]! & 0x3f)
    const from = [stranger, caller, callee][count % 3]!
    from.send.call(
      { remote: { remote: { host: '127.0.0.1', port: ports[count % 4] } } } as MediaPeer,
      noise,
      from,
    )
    if (count % 50 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  const heard = callee.rtp.length
  await until(async () => {
    caller.send(caller.packet({ text: 'still here' }))
    return callee.rtp.slice(heard).some((packet) => packet.includes('still here'))
  })
  t.ok(await relay.delete(sessionId))
  t.match(await relay.totals(), { sessions: 0, portsInUse: 0 })
})

t.test('a port range without room for a session is a configuration error', async (t) => {
  t.throws(
    () =>
      createEmbeddedRelay({
        portMin: 30_001,
        portMax: 30_003,
        workers: 1,
        clock: systemClock,
        random: systemRandom,
        logger: new MemoryLogger(),
      }),
    { code: 'CONFIG_INVALID' },
  )
})
