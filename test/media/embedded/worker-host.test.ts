import t from 'tap'
import { systemRandom } from '#src/base/random.ts'
import { createEmbeddedRelay } from '#src/media/embedded/media-control.ts'
import { WorkerHost } from '#src/media/embedded/worker-host.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { MediaPeer } from '../media-peer.ts'
import { codeOf, toward } from '../relay-contract.ts'

t.test('a worker that stays silent is ended like one that died', async (t) => {
  const clock = new FakeClock()
  const { promise: dead, resolve: onDeath } = Promise.withResolvers<void>()
  const host = new WorkerHost({
    settings: { portMin: 23_000, portMax: 23_099, restingPorts: [], reuseDelayMs: 0, inactiveAfterMs: 0 },
    clock,
    logger: new MemoryLogger(),
    onDeath,
    onInactive: () => undefined,
  })
  await host.start()
  t.teardown(() => host.stop())
  // The clock runs ahead before the worker's reply can be read: for the host it is silent.
  const late = codeOf(host.request({ kind: 'totals' }))
  clock.advance(5000)
  t.equal(await late, 'MEDIA_FAILED')
  t.equal((await host.request({ kind: 'totals' })).kind, 'totals', 'it was only slow, and is forgiven')
  clock.advance(2000)
  t.equal((await host.request({ kind: 'totals' })).kind, 'totals')
  const silent = codeOf(host.request({ kind: 'totals' }))
  clock.advance(6000)
  t.equal(await silent, 'MEDIA_FAILED')
  await dead
  t.equal(await codeOf(host.request({ kind: 'totals' })), 'MEDIA_FAILED')
  t.equal(clock.pending, 0)
})

t.test('ports that are opened too late for their call are given back', async (t) => {
  const clock = new FakeClock()
  const relay = createEmbeddedRelay({
    portMin: 23_100,
    portMax: 23_199,
    workers: 1,
    clock,
    random: systemRandom,
    logger: new MemoryLogger(),
    reuseDelayMs: 0,
  })
  await relay.start()
  t.teardown(() => relay.stop())
  const caller = await MediaPeer.open(t)
  const offer = relay.offer({
    sessionId: 'late',
    from: 'caller',
    sdp: caller.sdp(),
    toward: toward('RTP/AVP'),
  })
  // The request is with the worker; its time is over before the reply can be read.
  clock.advance(5000)
  t.equal(await codeOf(offer), 'MEDIA_FAILED')
  t.match(await relay.totals(), { sessions: 0, portsInUse: 0 })
})
