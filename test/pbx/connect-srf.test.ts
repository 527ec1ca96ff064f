import t from 'tap'
import { freePort } from '#test/peers/free-port.ts'
import { startBareEngine, startTestEngine } from '#test/support/start-engine.ts'
import { connectDrachtio, connectEmbedded } from '#src/pbx/connect-srf.ts'

void t.test('a drachtio-server that is not there is an error with advice', async (t) => {
  const port = await freePort()
  const error = await connectDrachtio({ host: '127.0.0.1', port, secret: 'x' }).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  t.match(error, { code: 'ENGINE_FAILED', details: { host: '127.0.0.1', port } })
})

void t.test('a wrong secret is refused once, and not tried again', async (t) => {
  const engine = await startBareEngine(t, { door: { host: '127.0.0.1', port: 0, secret: 'right' } })
  const port = engine.door?.port ?? 0
  const error = await connectDrachtio({ host: '127.0.0.1', port, secret: 'wrong' }).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  t.match(error, { code: 'ENGINE_FAILED' })
  const srf = await connectDrachtio({ host: '127.0.0.1', port, secret: 'right' })
  srf.disconnect()
})

void t.test('the embedded link ends quietly, and its routes with it', async (t) => {
  const engine = await startBareEngine(t)
  const srf = await connectEmbedded(engine.openMemoryLink())
  srf.use('options', () => undefined)
  t.equal(engine.counters()['routes'], 1)
  srf.disconnect()
  t.equal(engine.counters()['routes'], 0)
})

void t.test('several applications join one engine', async (t) => {
  const { engine, srf } = await startTestEngine(t)
  const other = await connectEmbedded(engine.openMemoryLink())
  srf.use('options', () => undefined)
  other.use('options', () => undefined)
  t.equal(engine.counters()['routes'], 2)
  other.disconnect()
  t.equal(engine.counters()['routes'], 1)
})
