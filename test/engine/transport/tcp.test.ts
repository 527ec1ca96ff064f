import { once } from 'node:events'
import net from 'node:net'
import t from 'tap'
import { formatMessage } from '#src/sip/format-message.ts'
import { freePort } from '#test/peers/free-port.ts'
import { listenOn, makeRequest, makeResponse, openTcp, startTransport } from './harness.ts'

const never = (error: Error): void => {
  throw error
}

void t.test('requests and answers share the connection that the peer opened', async (t) => {
  const { layer, requests, closed, port } = await startTransport(t)
  const phone = await openTcp(t, port('tcp'))
  phone.socket.write(formatMessage(makeRequest({ body: 'hello' })))
  const { request, flow } = await requests.next()
  t.equal(request.body.toString(), 'hello')
  t.match(flow, {
    protocol: 'tcp',
    remoteHost: '127.0.0.1',
    remotePort: phone.socket.localPort,
    localPort: port('tcp'),
  })
  t.match(request.headers.get('Via'), new RegExp(`rport=${phone.socket.localPort}$`))
  layer.send(makeResponse(request), flow, never)
  await phone.until(/200 Answer[\s\S]*\r\n\r\n/)
  // The other way: a request to the phone's registered address finds the phone's own connection.
  t.equal(layer.findFlow('tcp', '127.0.0.1', phone.socket.localPort ?? 0), flow)
  const again = await layer.connect({
    protocol: 'tcp',
    host: '127.0.0.1',
    port: phone.socket.localPort ?? 0,
    serverName: undefined,
  })
  t.equal(again, flow)
  phone.socket.destroy()
  t.equal(await closed.next(), flow)
  t.equal(flow.closed, true)
  t.equal(layer.findFlow('tcp', '127.0.0.1', flow.remotePort), undefined)
  const error = await new Promise<Error>((resolve) => layer.send(makeRequest(), flow, resolve))
  t.match(error.message, /closed/)
})

void t.test('two layers reuse one connection in both directions, and attempts are shared', async (t) => {
  const left = await startTransport(t)
  const right = await startTransport(t)
  const target = {
    protocol: 'tcp' as const,
    host: '127.0.0.1',
    port: right.port('tcp'),
    serverName: undefined,
  }
  const flows = await Promise.all([
    left.layer.connect(target),
    left.layer.connect(target),
    left.layer.connect(target),
  ])
  t.equal(new Set(flows).size, 1)
  const [flow] = flows
  left.layer.send(makeRequest(), flow, never)
  const arrived = await right.requests.next()
  right.layer.send(makeRequest({ method: 'INFO' }), arrived.flow, never)
  const backwards = await left.requests.next()
  t.equal(backwards.flow, flow, 'a request may come over the connection we opened')
  t.match(flow, { advertisedPort: left.port('tcp') }, 'but we are known by our listener')
  t.equal(right.layer.counters().connectionsAccepted, 1)
  t.equal(left.layer.counters().connectionsOpened, 1)
  t.equal(await left.layer.connect(target), flow)
  right.layer.counters()
  await right.layer.stop()
  t.equal(await left.closed.next(), flow)
})

void t.test(
  'alias lets a peer be reached at the port of its Via, if it is that host (RFC 5923)',
  async (t) => {
    const { layer, requests, port } = await startTransport(t)
    const peer = await openTcp(t, port('tcp'))
    const find = (at: number) => layer.findFlow('tcp', '127.0.0.1', at)
    peer.socket.write(formatMessage(makeRequest({ via: 'SIP/2.0/TCP 127.0.0.1:5999;branch=z9hG4bKa;alias' })))
    const { flow } = await requests.next()
    t.equal(find(5999), flow)
    peer.socket.write(formatMessage(makeRequest({ via: 'SIP/2.0/TCP 192.0.2.7:5998;branch=z9hG4bKb;alias' })))
    await requests.next()
    t.equal(find(5998), undefined, 'another host is not believed')
    for (let claimed = 7000; claimed < 7020; claimed++) {
      peer.socket.write(
        formatMessage(makeRequest({ via: `SIP/2.0/TCP 127.0.0.1:${claimed};branch=z9hG4bKc;alias` })),
      )
      await requests.next()
    }
    t.equal(find(7019), undefined, 'claims are bounded')
    peer.socket.destroy()
    await peer.closed
  },
)

void t.test('a double CRLF is answered with one (RFC 5626 3.5.1)', async (t) => {
  const { layer, port } = await startTransport(t)
  const phone = await openTcp(t, port('tcp'))
  phone.socket.write('\r\n\r\n')
  t.equal(await phone.until(/\r\n/), '\r\n')
  t.equal(layer.counters().keepAlives, 1)
})

void t.test('a stream that loses its place is answered and closed', async (t) => {
  const { layer, closed, port } = await startTransport(t)
  const table: [string, string, RegExp][] = [
    [
      'no Content-Length',
      formatMessage(makeRequest()).toString().replace('Content-Length: 0\r\n', ''),
      /^SIP\/2\.0 400 Missing Content-Length/,
    ],
    [
      'too large',
      formatMessage(makeRequest()).toString().replace('Content-Length: 0', 'Content-Length: 9000'),
      /^SIP\/2\.0 513 Message Too Large/,
    ],
    [
      'endless head',
      formatMessage(makeRequest({ headers: ['X', 'x'.repeat(5000)] })).toString(),
      /^SIP\/2\.0 513 /,
    ],
  ]
  for (const [name, text, answer] of table) {
    const phone = await openTcp(t, port('tcp'))
    phone.socket.write(text)
    await phone.closed
    t.match(phone.received(), answer, name)
  }
  const silent = await openTcp(t, port('tcp'))
  silent.socket.write('\n'.repeat(100))
  await silent.closed
  t.equal(silent.received(), '', 'nothing to answer')
  for (let count = 0; count < 4; count++) await closed.next()
  t.match(layer.counters(), { malformedAnswered: 3, oversizedMessages: 2, connectionsOpen: 0 })
})

void t.test('a malformed message inside a sound frame costs only itself', async (t) => {
  const { requests, port } = await startTransport(t)
  const phone = await openTcp(t, port('tcp'))
  phone.socket.write(formatMessage(makeRequest()).toString().replace('sip:box.local', '<sip:box.local>'))
  await phone.until(/400 Bad Request-URI/)
  phone.socket.write(formatMessage(makeRequest()))
  t.equal((await requests.next()).request.method, 'OPTIONS')
})

void t.test('a message begun must be finished in time, however it drips', async (t) => {
  const { layer, clock, port, requests } = await startTransport(t)
  const phone = await openTcp(t, port('tcp'))
  const text = formatMessage(makeRequest()).toString()
  phone.socket.write(text + text.slice(0, 50))
  await requests.next()
  clock.advance(3000)
  phone.socket.write(text.slice(50, 60))
  // A whole message on another connection proves that the drip above has been read.
  const other = await openTcp(t, port('tcp'))
  other.socket.write(text)
  await requests.next()
  clock.advance(3000)
  await phone.closed
  t.equal(layer.counters().halfMessageTimeouts, 1)
  t.equal(other.socket.destroyed, false)
})

void t.test('an idle connection is closed, one that pings is not', async (t) => {
  const { layer, clock, closed, port } = await startTransport(t)
  const idle = await openTcp(t, port('tcp'))
  const alive = await openTcp(t, port('tcp'))
  idle.socket.write('\r\n\r\n')
  await idle.until(/\r\n/)
  alive.socket.write('\r\n\r\n')
  await alive.until(/\r\n/)
  clock.advance(400_000)
  alive.socket.write('\r\n\r\n')
  await alive.until(/\r\n\r\n/)
  clock.advance(400_000)
  await idle.closed
  await closed.next()
  t.equal(layer.counters().idleTimeouts, 1)
  t.equal(layer.counters().connectionsOpen, 1)
})

void t.test('connections are limited in all and per source', async (t) => {
  const { layer, port } = await startTransport(t, {
    limits: { maxConnections: 3, maxConnectionsPerSource: 2 },
  })
  const open = async (address: string): Promise<boolean> => {
    const phone = await openTcp(t, port('tcp'), address)
    phone.socket.write('\r\n\r\n')
    return Promise.race([phone.until(/\r\n/).then(() => true), phone.closed.then(() => false)])
  }
  t.equal(await open('127.0.0.2'), true)
  t.equal(await open('127.0.0.2'), true)
  t.equal(await open('127.0.0.2'), false, 'third of one source')
  t.equal(await open('127.0.0.3'), true)
  t.equal(await open('127.0.0.4'), false, 'fourth in all')
  t.equal(layer.counters().connectionsRefused, 2)
})

void t.test('a place is given back when a connection ends', async (t) => {
  const { port, closed } = await startTransport(t, { limits: { maxConnectionsPerSource: 1 } })
  for (let round = 0; round < 3; round++) {
    const phone = await openTcp(t, port('tcp'))
    phone.socket.write('\r\n\r\n')
    await phone.until(/\r\n/)
    phone.socket.destroy()
    await closed.next()
  }
  t.pass('three after each other with one place')
})

void t.test('a refused or silent target rejects', async (t) => {
  const { layer, clock } = await startTransport(t)
  const port = await freePort()
  const target = { protocol: 'tcp' as const, host: '127.0.0.1', port, serverName: undefined }
  await t.rejects(layer.connect(target), { code: 'ECONNREFUSED' })
  // A TLS handshake with somebody who never answers is the portable way to hang.
  const mute = net.createServer(() => undefined)
  mute.listen(0, '127.0.0.1')
  await once(mute, 'listening')
  t.teardown(() => mute.close())
  const accepted = once(mute, 'connection')
  const attempt = layer.connect({
    ...target,
    protocol: 'tls',
    port: (mute.address() as net.AddressInfo).port,
  })
  const outcome = attempt.then(
    () => 'connected',
    (error: Error) => error.message,
  )
  await accepted
  clock.advance(5000)
  t.match(await outcome, /within 5000 ms/)
  t.equal(layer.counters().connectFailures, 2)
})

void t.test('a large request does not wait as long as the dial that it joins', async (t) => {
  const { layer, clock } = await startTransport(t)
  const far = await startTransport(t)
  const target = { protocol: 'tcp' as const, host: '127.0.0.1', port: far.port('tcp'), serverName: undefined }
  // In one turn: the connection cannot be up yet, whatever the clock says.
  const patient = layer.connect(target)
  const large = layer.connectLarge(makeRequest({ body: 'x'.repeat(2000) }), { ...target, protocol: 'udp' })
  t.ok(large)
  clock.advance(1500)
  await t.rejects(
    Promise.resolve(large).then(() => undefined),
    /within 1500 ms/,
  )
  const flow = await patient
  const again = layer.connectLarge(makeRequest({ body: 'x'.repeat(2000) }), { ...target, protocol: 'udp' })
  t.equal(await again, flow, 'the peer has TCP all the same')
})

void t.test('a peer that does not read is cut off instead of buffered without end', async (t) => {
  const { layer, requests, closed, port } = await startTransport(t)
  const phone = await openTcp(t, port('tcp'))
  phone.socket.write(formatMessage(makeRequest()))
  const { request, flow } = await requests.next()
  phone.socket.pause()
  const answer = { ...makeResponse(request), body: Buffer.alloc(200_000, 'x') }
  let failures = 0
  for (let count = 0; count < 200 && !flow.closed; count++) {
    layer.send(answer, flow, () => failures++)
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.equal(await closed.next(), flow)
  t.equal(layer.counters().slowPeers, 1)
  t.ok(failures > 0, 'what was not written is reported')
})

void t.test('stop closes every connection and leaves no timer', async (t) => {
  const { layer, clock, port } = await startTransport(t, { listen: [listenOn('tcp')] })
  const phone = await openTcp(t, port('tcp'))
  phone.socket.write('\r\n\r\n')
  await phone.until(/\r\n/)
  await layer.stop()
  await phone.closed
  t.equal(clock.pending, 0)
})
