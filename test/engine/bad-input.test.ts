import t from 'tap'
import { FakeClock } from '#test/support/fake-clock.ts'
import { startTestEngine } from '#test/support/start-engine.ts'
import { threadCpuMs } from '#test/support/cpu-time.ts'
import { RawPeer, sdp, toTagOf, type RequestParts } from './support/raw-peer.ts'
import { until } from '#test/support/until.ts'

void t.test('requests that no application gets are answered by the engine', async (t) => {
  const { srf, udpPort, engine } = await startTestEngine(t)
  srf.use('invite', () => t.fail('the application got it'))
  for (const method of ['register', 'subscribe', 'refer']) {
    srf.use(method, () => t.fail('the application got it'))
  }
  const peer = await RawPeer.open(t, udpPort)
  const table: [string, RequestParts, number][] = [
    ['BYE', {}, 481],
    ['UPDATE', {}, 481],
    ['PRACK', {}, 481],
    ['CANCEL', { contact: null }, 481],
    ['INVITE', { toTag: 'unknown' }, 481],
    ['INFO', { toTag: 'unknown' }, 481],
    ['INVITE', { contact: null }, 400],
    ['SUBSCRIBE', { contact: null }, 400],
    ['SUBSCRIBE', {}, 489],
    ['INVITE', { uri: 'mailto:bob@example.org' }, 416],
    ['INVITE', { fromTag: '' }, 400],
    ['REGISTER', { contact: '*' }, 400],
    ['REGISTER', { contact: '*', extra: ['Expires: 60'] }, 400],
    ['REGISTER', { contact: '*, <sip:a@b>', extra: ['Expires: 0'] }, 400],
    ['MESSAGE', { contact: null }, 405],
    ['PUBLISH', {}, 405],
    ['REFER', {}, 400],
    ['REFER', { contact: null, extra: ['Refer-To: <sip:c@d>'] }, 400],
    ['DANCE', {}, 501],
  ]
  let sequence = 0
  for (const [method, parts, status] of table) {
    sequence++
    peer.send(peer.request(method, { callId: `bad-${sequence}`, ...parts }))
    const response = await peer.nextResponse()
    t.equal(response.status, status, `${method} ${JSON.stringify(parts)}`)
    t.equal(response.headers.get('CSeq'), `1 ${method}`)
    if (method === 'INVITE') {
      const branch = /branch=([^;]+)/.exec(response.headers.get('Via') ?? '')?.[1] ?? ''
      peer.send(peer.request('ACK', { callId: `bad-${sequence}`, branch, contact: null }))
    }
  }
  t.equal(sequence, 19)
  t.equal(engine.counters()['dialogsAlive'], 0)
  t.equal(engine.counters()['requestsServing'], 0)
})

void t.test('no spelling of a header makes the application believe in a certificate', async (t) => {
  const { srf, udpPort } = await startTestEngine(t)
  const seen: unknown[] = []
  srf.use('options', (req, res) => {
    seen.push(req.get('X-Peer-Certificate-Names'))
    res.send(200)
  })
  const peer = await RawPeer.open(t, udpPort)
  const spellings = [
    'X-Peer-Certificate-Names',
    'x-peer-certificate-names',
    'X-PEER-CERTIFICATE-NAMES',
    'X-peer-Certificate-names',
    'x-Peer-certificate-Names ',
    '%58-Peer-Certificate-Names',
    'x%2Dpeer-certificate-names',
    'X-Peer-Certificate-Name%73',
  ]
  for (const name of spellings) {
    peer.send(peer.request('OPTIONS', { callId: name, extra: [`${name}: sip.pstnhub.microsoft.com`] }))
    t.equal((await peer.nextResponse()).status, 200, name)
  }
  t.same(
    seen,
    spellings.map(() => undefined),
  )
})

void t.test('what the library could not read or would read for a second is kept from it', async (t) => {
  const { srf, udpPort } = await startTestEngine(t)
  let delivered = 0
  srf.use('message', (_req, res) => {
    delivered++
    res.send(200)
  })
  const peer = await RawPeer.open(t, udpPort)
  for (const blank of ['\u00a0', '\u2028', '\u3000', '\ufeff']) {
    peer.send(peer.request('MESSAGE', { uri: `sip:a${blank}b@127.0.0.1` }))
    t.equal((await peer.nextResponse()).status, 400, `a URI with ${blank.codePointAt(0)?.toString(16)}`)
  }
  const type = `Content-Type: multipart/${';'.repeat(250)}`
  const extra = [type + ';'.repeat(10_000), ...Array.from({ length: 70 }, () => type)]
  const startedAtMs = threadCpuMs()
  peer.send(peer.request('MESSAGE', { extra, callId: 'long' }), 'a\r\n\r\nb')
  t.equal((await peer.nextResponse()).status, 200)
  t.ok(threadCpuMs() - startedAtMs < 250, 'a long Content-Type does not hold up the box')
  t.equal(delivered, 1)
})

void t.test('a refusal with a line separator in its phrase still ends the call', async (t) => {
  const { srf, udpPort } = await startTestEngine(t)
  const peer = await RawPeer.open(t, udpPort)
  const call = srf.createUAC(`sip:peer@127.0.0.1:${peer.port}`, { localSdp: sdp })
  peer.send(peer.answer(await peer.nextRequest('INVITE'), 486, 'Bu\u2028sy', 'b'))
  const status = await call.then(
    () => 200,
    (error: { status: number }) => error.status,
  )
  t.equal(status, 486)
})

void t.test('over UDP a challenge leaves nothing behind (RFC 3261 8.2.7)', async (t) => {
  const clock = new FakeClock()
  const { srf, udpPort, engine } = await startTestEngine(t, { clock })
  srf.use('invite', (req, res) => {
    if (req.get('Call-ID') !== 'slow') res.send(407)
  })
  srf.use('register', (_req, res) => res.send(401))
  const peer = await RawPeer.open(t, udpPort)
  for (const [method, status] of [
    ['INVITE', 407],
    ['REGISTER', 401],
  ] as const) {
    // A forged sender: nobody acknowledges.
    for (let again = 0; again < 2; again++) {
      peer.send(peer.request(method, { branch: `z9hG4bK${method}`, callId: method }))
      t.equal((await peer.nextResponse()).status, status, 'a repetition is challenged again')
    }
  }
  t.equal(engine.counters()['serverTransactionsAlive'], 0)
  clock.advance(40_000)
  t.equal(peer.received.length, 4, 'no 100, and nothing is repeated')

  peer.send(peer.request('INVITE', { callId: 'slow' }))
  await until(() => engine.counters()['requestsServing'] === 1)
  clock.advance(199)
  t.equal(peer.received.length, 4)
  clock.advance(1)
  await peer.nextResponse(100)
})

void t.test('a challenge that comes after 100 is repeated until it is acknowledged (17.2.1)', async (t) => {
  const clock = new FakeClock()
  const { srf, udpPort, engine } = await startTestEngine(t, { clock })
  let challenge = (): void => undefined
  srf.use('invite', (_req, res) => void (challenge = () => void res.send(407)))
  const peer = await RawPeer.open(t, udpPort)
  // A nonce that has gone stale, and an application that takes its time to find out.
  const branch = 'z9hG4bKstale'
  peer.send(peer.request('INVITE', { branch, extra: ['Proxy-Authorization: Digest a="b"'] }))
  await until(() => engine.counters()['requestsServing'] === 1)
  t.equal(peer.received.length, 0, 'credentials may be forged: the 100 waits for them too')
  clock.advance(200)
  await peer.nextResponse(100)
  challenge()
  const lost = await peer.nextResponse(407)
  clock.advance(500)
  await peer.nextResponse(407)
  peer.send(peer.request('ACK', { branch, toTag: toTagOf(lost) }))
  await until(() => engine.counters()['messagesReceived'] === 2)
  clock.advance(5000)
  t.equal(engine.counters()['serverTransactionsAlive'], 0)
})

void t.test('the same request by two ways is served once (482, RFC 3261 8.2.2.2)', async (t) => {
  const { srf, udpPort, engine } = await startTestEngine(t)
  let calls = 0
  srf.use('invite', (_req, res) => {
    calls++
    res.send(180)
  })
  const peer = await RawPeer.open(t, udpPort)
  peer.send(peer.request('INVITE', { branch: 'z9hG4bKone' }), sdp)
  await peer.nextResponse(180)
  peer.send(peer.request('INVITE', { branch: 'z9hG4bKtwo' }), sdp)
  await peer.nextResponse(482)
  t.equal(calls, 1)
  t.equal(engine.counters()['mergedRequests'], 1)
})

void t.test('retransmissions and stray messages never reach the application', async (t) => {
  const { srf, udpPort, engine } = await startTestEngine(t)
  let calls = 0
  srf.use('options', (_req, res) => {
    calls++
    res.send(200)
  })
  const peer = await RawPeer.open(t, udpPort)
  for (let count = 0; count < 3; count++) {
    peer.send(peer.request('OPTIONS', { branch: 'z9hG4bKsame' }))
    await peer.nextResponse(200)
  }
  t.equal(calls, 1)
  t.equal(engine.counters()['retransmissionsReceived'], 2)
  peer.send(peer.request('ACK', { callId: 'stray' }))
  const stray = ['SIP/2.0 200 OK', 'Via: SIP/2.0/UDP 127.0.0.1:1;branch=z9hG4bKx', 'From: <sip:a@b>;tag=1']
  peer.send([...stray, 'To: <sip:c@d>;tag=2', 'Call-ID: s', 'CSeq: 1 INVITE'])
  peer.send([...stray, 'To: <sip:c@d>;tag=2', 'Call-ID: s', 'CSeq: 1 OPTIONS'])
  peer.send(peer.request('OPTIONS', { callId: 'after' }))
  await peer.nextResponse(200)
  t.equal(engine.counters()['userFailures'], 0)
  t.equal(engine.counters()['dialogsAlive'], 0)
})

void t.test('an unreachable peer is a 503, a silent one a 408, with the request shown first', async (t) => {
  const clock = new FakeClock()
  const { srf, udpPort, engine } = await startTestEngine(t, { clock })
  const silent = await RawPeer.open(t, udpPort)
  const timedOut = srf.createUAC(`sip:x@127.0.0.1:${silent.port}`, { localSdp: sdp }).then(
    () => 0,
    (error: { status: number }) => error.status,
  )
  await silent.nextRequest('INVITE')
  clock.advance(32_000)
  t.equal(await timedOut, 408)
  const refused = await srf.createUAC('sip:x@127.0.0.1:1;transport=tcp', { localSdp: sdp }).then(
    () => 0,
    (error: { status: number }) => error.status,
  )
  t.equal(refused, 503)
  const unknown = await srf.createUAC('sip:x@no-such-host.invalid', { localSdp: sdp }).then(
    () => 0,
    (error: { status: number }) => error.status,
  )
  t.equal(unknown, 503)
  t.equal(engine.counters()['clientTransactionsAlive'], 0)
})

void t.test('an application that throws costs one request only', async (t) => {
  const { srf, udpPort } = await startTestEngine(t)
  srf.use('message', () => {
    throw new Error('handler failed')
  })
  srf.use('options', (_req, res) => res.send(200))
  const peer = await RawPeer.open(t, udpPort)
  const write = console.error
  // The library prints what its handlers throw.
  console.error = () => undefined
  t.teardown(() => (console.error = write))
  peer.send(peer.request('MESSAGE', { callId: 'm', contact: null }))
  t.equal((await peer.nextResponse()).status, 500)
  peer.send(peer.request('OPTIONS', { callId: 'o' }))
  t.equal((await peer.nextResponse()).status, 200)
})

void t.test('the network cannot claim names of a certificate', async (t) => {
  const { srf, udpPort } = await startTestEngine(t)
  const seen = new Promise<string | undefined>((resolve) => {
    srf.use('options', (req, res) => {
      resolve(req.get('X-Peer-Certificate-Names'))
      res.send(200)
    })
  })
  const peer = await RawPeer.open(t, udpPort)
  peer.send(peer.request('OPTIONS', { extra: ['X-Peer-Certificate-Names: sip.pstnhub.microsoft.com'] }))
  t.equal(await seen, undefined)
})

void t.test('random cuts and flips of messages leave the engine standing', async (t) => {
  const { srf, udpPort, engine } = await startTestEngine(t)
  srf.use('invite', (_req, res) => res.send(486))
  srf.use('options', (_req, res) => res.send(200))
  const peer = await RawPeer.open(t, udpPort)
  let seed = 42
  const random = (below: number): number => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff
    return seed % below
  }
  const methods = [
    'INVITE',
    'ACK',
    'BYE',
    'CANCEL',
    'PRACK',
    'UPDATE',
    'SUBSCRIBE',
    'NOTIFY',
    'REGISTER',
    'OPTIONS',
  ]
  for (let round = 0; round < 600; round++) {
    const lines = peer.request(methods[random(methods.length)] ?? 'INVITE', {
      callId: `fuzz-${random(40)}`,
      sequence: random(4),
      toTag: random(3) === 0 ? `t${random(3)}` : undefined,
      branch: `z9hG4bK${random(60)}`,
    })
    const at = random(lines.length)
    const line = lines[at] ?? ''
    const kind = random(4)
    if (kind === 0) lines.splice(at, 1)
    else if (kind === 1) lines[at] = line.slice(0, random(line.length + 1))
    else if (kind === 2) lines[at] = line + line
    else lines[at] = line.replace(/[;:<>]/, () => ';:<>="'.charAt(random(6)))
    peer.send(lines)
  }
  await until(() => {
    const counters = engine.counters()
    return (counters['messagesReceived'] ?? 0) + (counters['malformedRequests'] ?? 0) > 500
  })
  peer.send(peer.request('OPTIONS', { callId: 'alive', branch: 'z9hG4bKalive', sequence: 77 }))
  const alive = await peer.next(
    (message) => message.kind === 'response' && message.headers.get('CSeq') === '77 OPTIONS',
  )
  t.match(alive, { status: 200 })
  t.equal(engine.counters()['userFailures'], 0)
})
