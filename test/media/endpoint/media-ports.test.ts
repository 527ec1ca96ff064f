import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t from 'tap'
import { MediaPortPool } from '#src/media/endpoint/media-ports.ts'

void t.test('pairs come in turn, even port first, and are given back', async (t) => {
  const pool = new MediaPortPool({ min: 42001, max: 42005 })
  const first = await pool.open('127.42.0.1')
  const second = await pool.open('127.42.0.1')
  t.same([first.rtpPort, first.rtcpPort], [42002, 42003])
  t.same([second.rtpPort, second.rtcpPort], [42004, 42005])
  await t.rejects(pool.open('127.42.0.1'), { code: 'MEDIA_PORTS_EXHAUSTED' })
  t.equal(pool.inUse, 2)
  first.close()
  const third = await pool.open('127.42.0.1')
  t.equal(third.rtpPort, 42002)
  second.close()
  third.close()
  t.equal(pool.inUse, 0)
})

void t.test('a port that another program holds is passed over', async (t) => {
  const other = createSocket('udp4').bind(42013, '127.42.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const pool = new MediaPortPool({ min: 42012, max: 42015 })
  const ports = await pool.open('127.42.0.1')
  t.equal(ports.rtpPort, 42014)
  t.equal(pool.inUse, 1)
  ports.close()
})

void t.test('port 0 means any, and is counted too', async (t) => {
  const pool = new MediaPortPool({ min: 0, max: 0 })
  const ports = await pool.open('127.42.0.1')
  t.ok(ports.rtpPort > 0 && ports.rtcpPort > 0 && ports.rtpPort !== ports.rtcpPort)
  t.equal(pool.inUse, 1)
  ports.close()
  t.equal(pool.inUse, 0)
})

void t.test('an address that is not ours fails with the reason', async (t) => {
  const pool = new MediaPortPool({ min: 42020, max: 42023 })
  await t.rejects(pool.open('192.0.2.1'), { code: 'MEDIA_FAILED', details: { address: '192.0.2.1' } })
  t.equal(pool.inUse, 0)
})

void t.test('a range without a pair is refused', async (t) => {
  t.throws(() => new MediaPortPool({ min: 42001, max: 42002 }), { code: 'CONFIG_INVALID' })
})
