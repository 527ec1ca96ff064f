import t from 'tap'
import { freePort } from '#test/peers/free-port.ts'
import { RawPeer, sdp } from '#test/engine/support/raw-peer.ts'
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

void t.test('a BYE glued to the 200 of its call is heard, also over TCP', async (t) => {
  const door = { host: '127.0.0.1', port: 0, secret: 's' }
  const { srf, udpPort } = await startTestEngine(t, { door })
  const peer = await RawPeer.open(t, udpPort)
  for (let round = 0; round < 20; round++) {
    const call = srf.createUAC(`sip:peer@127.0.0.1:${peer.port}`, { localSdp: sdp })
    const ended = call.then((dialog) => new Promise<void>((resolve) => dialog.on('destroy', () => resolve())))
    const invite = await peer.nextRequest('INVITE')
    peer.send(peer.answer(invite, 200, 'OK', 'peer-tag'), sdp)
    peer.send([
      `BYE sip:x@127.0.0.1:${udpPort} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:${peer.port};branch=z9hG4bK${round}`,
      `From: ${invite.headers.get('To') ?? ''};tag=peer-tag`,
      `To: ${invite.headers.get('From') ?? ''}`,
      `Call-ID: ${invite.headers.get('Call-ID') ?? ''}`,
      'CSeq: 1 BYE',
    ])
    await ended
  }
  t.pass('each call ended')
})
