import t from 'tap'
import { systemRandom } from '#src/base/random.ts'
import { PortPool } from '#src/media/embedded/worker/port-pool.ts'
import { FakeClock } from '#test/support/fake-clock.ts'

function pool(
  portMin: number,
  portMax: number,
  clock = new FakeClock(),
  restingPorts: number[] = [],
): PortPool {
  return new PortPool({ portMin, portMax, reuseDelayMs: 2000, restingPorts, clock, random: systemRandom })
}

t.test(
  'hands out each even port with its odd neighbour once, in no order that can be foretold',
  async (t) => {
    const ports = pool(20_001, 20_101)
    t.equal(ports.size, 50, 'the first odd and the last even port have no partner')
    const taken = Array.from({ length: 50 }, () => ports.take())
    t.equal(ports.take(), undefined)
    t.equal(ports.taken, 50)
    t.same(
      [...taken].sort((a, b) => (a ?? 0) - (b ?? 0)),
      Array.from({ length: 50 }, (_, index) => 20_002 + 2 * index),
    )
    t.notSame(
      taken,
      Array.from({ length: 50 }, (_, index) => 20_002 + 2 * index),
    )
  },
)

t.test('a freed pair rests, and twice freed is freed once', async (t) => {
  const clock = new FakeClock()
  const ports = pool(30_000, 30_003, clock)
  const [first, second] = [ports.take(), ports.take()]
  t.ok(first !== undefined && second !== undefined)
  ports.release(first ?? 0)
  ports.release(first ?? 0)
  ports.release(31_000)
  t.equal(ports.taken, 1)
  t.equal(ports.take(), undefined, 'still resting')
  clock.advance(1999)
  t.equal(ports.take(), undefined)
  clock.advance(1)
  t.equal(ports.take(), first)
  t.equal(ports.take(), undefined)
})

t.test(
  'ports of a dead predecessor rest first and come last; a port of another range is ignored',
  async (t) => {
    const clock = new FakeClock()
    const ports = pool(30_000, 30_009, clock, [30_004, 30_000, 40_000])
    t.equal(ports.size, 5)
    t.same([ports.take(), ports.take(), ports.take()].sort(), [30_002, 30_006, 30_008])
    t.equal(ports.take(), undefined)
    clock.advance(2000)
    t.same([ports.take(), ports.take()].sort(), [30_000, 30_004])
  },
)
