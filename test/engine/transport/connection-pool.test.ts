import t from 'tap'
import { ConnectionPool, type PooledFlow } from '#src/engine/transport/connection-pool.ts'
import { testLimits } from './harness.ts'

function flow(remoteHost: string, peerNames: string[]): PooledFlow {
  return {
    ...{ id: 1, protocol: 'tls', localHost: '', localPort: 5061, advertisedHost: '', advertisedPort: 5061 },
    ...{ remoteHost, remotePort: 40_000, peerNames, closed: false, trust: undefined },
    ...{ destroy: () => undefined, sweep: () => undefined, write: () => undefined },
  }
}

void t.test('a source is proven while one of its connections has proved a name', async (t) => {
  const pool = new ConnectionPool(testLimits)
  const trunk = [flow('2001:db8::5', ['sip.carrier.test']), flow('2001:db8::6', ['sip.carrier.test'])]
  for (const one of [...trunk, flow('192.0.2.1', []), flow('192.0.2.2', ['x.test'])]) pool.add(one)
  t.equal(pool.isProven('2001:db8:0:0::/64'), true)
  t.equal(pool.isProven('192.0.2.1'), false, 'a phone proves nothing')
  t.equal(pool.isProven('192.0.2.2'), true)
  pool.remove(trunk[0] as PooledFlow)
  pool.remove(trunk[0] as PooledFlow)
  t.equal(pool.isProven('2001:db8:0:0::/64'), true, 'the other is still there')
  pool.remove(trunk[1] as PooledFlow)
  t.equal(pool.isProven('2001:db8:0:0::/64'), false)
  t.equal(pool.size, 2)
})
