import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t from 'tap'
import { Leg } from '#src/media/embedded/worker/leg.ts'
import { freeMediaPort } from '#test/peers/free-port.ts'

const media = {
  sendKey: undefined,
  receiveKey: undefined,
  remote: { host: '127.0.0.1', port: 9 },
  remoteRtcp: undefined,
  rtcpMux: false,
  clockRates: [[8, 8000]] as [number, number][],
}

t.test('a packet that is worked on after the leg closed binds nothing', async (t) => {
  const port = await freeMediaPort()
  const leg = new Leg()
  await leg.bind(
    '127.0.0.1',
    port,
    () => undefined,
    () => undefined,
  )
  leg.update(media, true)
  await leg.close()
  leg.latch('127.0.0.1', 9)
  // Binding takes a few turns of the event loop, if it happens at all.
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  const next = createSocket('udp4')
  t.teardown(() => next.close())
  next.bind({ port, address: '127.0.0.1', exclusive: true })
  await once(next, 'listening')
  t.equal(next.address().port, port, 'the port is free')
})

t.test(
  'a loopback address told to a leg elsewhere gets nothing; who sends from there is answered',
  async (t) => {
    const bytes = Buffer.alloc(172)
    const said = { ...media, remote: { host: '127.0.0.1', port: 9 }, remoteRtcp: { host: '::1', port: 10 } }
    for (const [address, sends] of [
      ['0.0.0.0', false],
      ['127.0.0.1', true],
    ] as const) {
      const leg = new Leg()
      const ignore = (): void => undefined
      await leg.bind(address, await freeMediaPort(), ignore, ignore)
      t.teardown(() => leg.close())
      leg.update(said, true)
      t.equal(leg.prepareRtp(bytes, bytes.length) !== undefined, sends)
      t.equal(leg.rtcpLatch.target !== undefined, sends)
      leg.latch('127.0.0.1', 40_000)
      t.ok(leg.prepareRtp(bytes, bytes.length))
    }
  },
)
