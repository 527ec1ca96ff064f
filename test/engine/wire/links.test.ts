import Srf, { type SrfRequest, type SrfResponse } from 'drachtio-srf'
import t from 'tap'
import { silentLogger } from '#src/base/logger.ts'
import { connectDrachtio } from '#src/pbx/connect-srf.ts'
import { DoorClient } from '#test/engine/support/door-client.ts'
import { RawPeer } from '#test/engine/support/raw-peer.ts'
import { freePort } from '#test/peers/free-port.ts'
import { makeCa } from '#test/support/certificates.ts'
import { portOf, startBareEngine } from '#test/support/start-engine.ts'
import { until } from '#test/support/until.ts'

/** The library as its documentation has it, beyond what its declarations know. */
interface Library {
  connect(options: object): void
  listen(options: object): void
  disconnect(): void
  use(method: string, handler: (req: SrfRequest, res: SrfResponse) => void): void
  on(event: string, hear: (...values: unknown[]) => void): void
  app: { client: { wp: { server: { close(): void } }; mapServer: Map<{ destroy(): void }, unknown> } }
}

void t.test('an application comes in by TLS; who speaks plainly there is cut off', async (t) => {
  const ca = await makeCa('Door')
  const certificate = await ca.issue({ names: ['localhost'], ips: ['127.0.0.1'] })
  const secret = 'over TLS'
  const engine = await startBareEngine(t, { door: { host: '127.0.0.1', port: 0, secret, tls: certificate } })
  const port = engine.door?.port ?? 0
  const srf = new Srf() as unknown as Library
  let connected = false
  srf.on('connect', (error) => (connected = error === null || error === undefined))
  srf.on('error', () => undefined)
  srf.use('options', (_req, res) => void res.send(200))
  srf.connect({ host: '127.0.0.1', port, secret, tls: { ca: ca.rootPem } })
  t.teardown(() => srf.disconnect())
  await until(() => connected && engine.counters()['routes'] === 1)
  const peer = await RawPeer.open(t, portOf(engine, 'udp'))
  peer.send(peer.request('OPTIONS'))
  t.equal((await peer.nextResponse()).status, 200)
  const plain = await DoorClient.open(t, port)
  plain.send(`a|authenticate|${secret}|`)
  await plain.closed
  t.equal(engine.counters()['routes'], 1)
})

void t.test('a certificate that cannot be used is said before the door opens', async (t) => {
  const door = { host: '127.0.0.1', port: 0, secret: 's', tls: { certificatePem: 'none', keyPem: 'none' } }
  await t.rejects(startBareEngine(t, { door }), { code: 'ENGINE_FAILED' })
})

void t.test('an application that listens is called, given its methods, and called again', async (t) => {
  const port = await freePort()
  const secret = 'of the listener'
  const application = { host: '127.0.0.1', port, secret, methods: ['message', 'options'] }
  const engine = await startBareEngine(t, { applications: [application] })
  const srf = new Srf() as unknown as Library
  srf.on('error', () => undefined)
  srf.use('message', (_req, res) => void res.send(202))
  srf.listen({ host: '127.0.0.1', port, secret })
  t.teardown(() => srf.app.client.wp.server.close())
  // It was not there at first: the engine tries until it is.
  await until(() => engine.counters()['routes'] === 2)
  const peer = await RawPeer.open(t, portOf(engine, 'udp'))
  peer.send(peer.request('MESSAGE', { contact: null }))
  t.equal((await peer.nextResponse()).status, 202)
  for (const socket of [...srf.app.client.mapServer.keys()]) socket.destroy()
  await until(() => engine.counters()['routes'] === 0)
  await until(() => engine.counters()['routes'] === 2)
  peer.send(peer.request('MESSAGE', { contact: null, callId: 'again' }))
  t.equal((await peer.nextResponse()).headers.get('Call-ID'), 'again')
  await engine.stop()
})

void t.test('a listener that knows another secret gets nothing', async (t) => {
  const port = await freePort()
  const application = { host: '127.0.0.1', port, secret: 'right', methods: ['message'] }
  const srf = new Srf() as unknown as Library
  let refusals = 0
  srf.on('connect', (error) => (refusals += error ? 1 : 0))
  srf.on('error', () => undefined)
  srf.listen({ host: '127.0.0.1', port, secret: 'wrong' })
  t.teardown(() => srf.app.client.wp.server.close())
  const engine = await startBareEngine(t, { applications: [application] })
  await until(() => refusals > 0)
  t.equal(engine.counters()['routes'], 0)
  await engine.stop()
})

void t.test('the library comes back by itself after the engine did', async (t) => {
  const secret = 'again'
  const first = await startBareEngine(t, { door: { host: '127.0.0.1', port: 0, secret } })
  const port = first.door?.port ?? 0
  const srf = await connectDrachtio({ host: '127.0.0.1', port, secret })
  t.teardown(() => srf.disconnect())
  srf.use('options', (_req: SrfRequest, res: SrfResponse) => void res.send(200))
  await until(() => first.counters()['routes'] === 1)
  await first.stop()
  const second = await startBareEngine(t, { door: { host: '127.0.0.1', port, secret } })
  await until(() => second.counters()['routes'] === 1)
  const peer = await RawPeer.open(t, portOf(second, 'udp'))
  peer.send(peer.request('OPTIONS'))
  t.equal((await peer.nextResponse()).status, 200)
})

void t.test('an application that cannot be called keeps no engine from starting', async (t) => {
  const errors: string[] = []
  const logger = { ...silentLogger, error: (_fields: object, text: string) => void errors.push(text) }
  const applications = [{ host: '127.0.0.1', port: 70_000, secret: 's', methods: [] }]
  const engine = await startBareEngine(t, { applications, logger })
  t.same(errors, ['an application cannot be called'])
  t.equal(engine.counters()['routes'], 0)
})
