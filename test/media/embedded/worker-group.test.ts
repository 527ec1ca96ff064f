import t from 'tap'
import { WorkerGroup } from '#src/media/embedded/worker-group.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { until } from '../media-peer.ts'

t.test(
  'deaths in a row are mended ever more slowly; after a minute of good work it is at once again',
  async (t) => {
    const clock = new FakeClock()
    const group = new WorkerGroup({
      portMin: 23_200,
      portMax: 23_299,
      workers: 1,
      reuseDelayMs: 0,
      inactiveAfterMs: 0,
      clock,
      logger: new MemoryLogger(),
      onDeath: () => [],
      onInactive: () => undefined,
    })
    await group.start()
    t.teardown(() => group.stop())
    /** Ends the worker, moves time on, and tells whether that starts the next one. */
    const restartsAfter = async (delayMs: number): Promise<boolean> => {
      await group.hosts[0]?.kill()
      await until(() => clock.pending === 1)
      clock.advance(delayMs - 1)
      if (clock.pending === 0) return false
      clock.advance(1)
      if (clock.pending > 0) return false
      await until(() => group.hosts.length === 1)
      return true
    }
    t.ok(await restartsAfter(0), 'the first at once')
    t.ok(await restartsAfter(200))
    t.ok(await restartsAfter(400))
    clock.advance(60_000)
    t.ok(await restartsAfter(0), 'a first one again')
    t.ok(await restartsAfter(200))
  },
)
