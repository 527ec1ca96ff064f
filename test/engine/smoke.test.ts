import t from 'tap'
import { startTestEngine } from '#test/support/start-engine.ts'
import { RawPeer, sdp, toTagOf } from './support/raw-peer.ts'

void t.test('OPTIONS and REGISTER are answered by the application', async (t) => {
  const { srf, udpPort, engine } = await startTestEngine(t)
  srf.use('options', (_req, res) => res.send(200))
  srf.use('register', (_req, res) => res.send(401, { headers: { 'WWW-Authenticate': 'Digest realm="x"' } }))
  const peer = await RawPeer.open(t, udpPort)
  peer.send(peer.request('OPTIONS'))
  const options = await peer.nextResponse()
  t.equal(options.status, 200)
  t.match(options.headers.get('Via'), /rport=\d+/)
  t.ok(toTagOf(options))
  peer.send(peer.request('REGISTER', { callId: 'r1' }))
  const register = await peer.nextResponse()
  t.equal(register.status, 401)
  t.equal(register.headers.get('WWW-Authenticate'), 'Digest realm="x"')
  t.equal(engine.counters()['requestsServing'], 0)
})

void t.test('INVITE, 200, ACK, BYE from the caller', async (t) => {
  const { srf, udpPort, engine } = await startTestEngine(t)
  const ended = new Promise<void>((resolve) => {
    srf.use('invite', (req, res) => {
      void srf.createUAS(req, res, { localSdp: sdp }).then((dialog) => dialog.on('destroy', () => resolve()))
    })
  })
  const peer = await RawPeer.open(t, udpPort)
  peer.send(peer.request('INVITE', { extra: ['Proxy-Authorization: Digest username="a"'] }), sdp)
  t.equal((await peer.nextResponse(100)).reason, 'Trying')
  const ok = await peer.nextResponse(200)
  t.equal(ok.headers.get('Contact'), `<sip:127.0.0.1:${udpPort}>`)
  t.equal(ok.body.toString(), sdp)
  const toTag = toTagOf(ok)
  peer.send(peer.request('ACK', { toTag }))
  peer.send(peer.request('BYE', { toTag, sequence: 2 }))
  t.equal((await peer.nextResponse(200)).headers.get('CSeq'), '2 BYE')
  await ended
  t.equal(engine.counters()['dialogsAlive'], 0)
})

void t.test('an outgoing call: INVITE, 180, 200, ACK, BYE', async (t) => {
  const { srf, udpPort, engine } = await startTestEngine(t)
  const peer = await RawPeer.open(t, udpPort)
  const calling = srf.createUAC(`sip:bob@127.0.0.1:${peer.port}`, { localSdp: sdp })
  const invite = await peer.nextRequest('INVITE')
  peer.send(peer.answer(invite, 180, 'Ringing', 'bob'))
  peer.send(peer.answer(invite, 200, 'OK', 'bob'), sdp)
  const ack = await peer.nextRequest('ACK')
  t.equal(ack.uri, `sip:peer@127.0.0.1:${peer.port}`)
  const dialog = await calling
  dialog.destroy()
  const bye = await peer.nextRequest('BYE')
  peer.send(peer.answer(bye, 200, 'OK'))
  await new Promise<void>((resolve) => {
    const look = (): void => {
      if (engine.counters()['dialogsAlive'] === 0) resolve()
      else setImmediate(look)
    }
    look()
  })
})

void t.test('CANCEL of a ringing call, both ways', async (t) => {
  const { srf, udpPort } = await startTestEngine(t)
  const cancelled = new Promise<void>((resolve) => {
    srf.use('invite', (req, res) => {
      req.on('cancel', () => resolve())
      res.send(180)
    })
  })
  const peer = await RawPeer.open(t, udpPort)
  peer.send(peer.request('INVITE', { branch: 'z9hG4bKcancel' }), sdp)
  await peer.nextResponse(180)
  peer.send(peer.request('CANCEL', { branch: 'z9hG4bKcancel', contact: null }))
  t.equal((await peer.nextResponse(200)).headers.get('CSeq'), '1 CANCEL')
  t.equal((await peer.nextResponse(487)).headers.get('CSeq'), '1 INVITE')
  peer.send(peer.request('ACK', { branch: 'z9hG4bKcancel', contact: null }))
  await cancelled

  const outgoing = srf.createUAC(
    `sip:bob@127.0.0.1:${peer.port}`,
    { localSdp: sdp },
    {
      cbProvisional: () => undefined,
      cbRequest: (...values: unknown[]) => (sent = values[1] as typeof sent),
    },
  )
  let sent: { cancel(callback: () => void): void } | undefined
  const failed = outgoing.then(
    () => 0,
    (error: { status: number }) => error.status,
  )
  const invite = await peer.nextRequest('INVITE')
  peer.send(peer.answer(invite, 180, 'Ringing', 'bob'))
  await new Promise((resolve) => setImmediate(resolve))
  sent?.cancel(() => undefined)
  const cancel = await peer.nextRequest('CANCEL')
  t.equal(cancel.headers.get('Via'), invite.headers.get('Via'))
  peer.send(peer.answer(cancel, 200, 'OK', 'bob'))
  peer.send(peer.answer(invite, 487, 'Request Terminated', 'bob'))
  await peer.nextRequest('ACK')
  t.equal(await failed, 487)
})
