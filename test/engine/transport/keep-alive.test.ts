import dgram from 'node:dgram'
import { once } from 'node:events'
import net from 'node:net'
import t, { type Test } from 'tap'
import { formatMessage } from '#src/sip/format-message.ts'
import { until } from '#test/support/until.ts'
import { Arrivals, listenOn, makeRequest, startTransport } from './harness.ts'

const never = (error: Error): void => {
  throw error
}
/** The first connection pings 97 s after it last heard something. */
const pingDueMs = 98_000
const binding = Buffer.from('000100002112a442b7e7a701bc34d686fa87dfae', 'hex')

async function openSocket(t: Test, type: 'udp4' | 'udp6', host: string) {
  const socket = dgram.createSocket(type)
  const datagrams = new Arrivals<Buffer>()
  socket.on('message', (bytes) => datagrams.push(bytes))
  socket.bind(0, host)
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  return { socket, datagrams, port: socket.address().port }
}

void t.test('STUN on the SIP port tells a phone its address (RFC 5626 4.4.2)', async (t) => {
  for (const [type, host, family, length] of [
    ['udp4', '127.0.0.1', 1, 32],
    ['udp6', '::1', 2, 44],
  ] as const) {
    const { layer, requests, port } = await startTransport(t, { listen: [listenOn('udp', { host })] })
    const phone = await openSocket(t, type, host)
    phone.socket.send(binding, port('udp'), host)
    const answer = await phone.datagrams.next()
    t.equal(answer.length, length)
    t.equal(answer.readUInt16BE(0), 0x0101)
    t.equal(answer[25], family)
    t.equal(answer.readUInt16BE(26) ^ 0x2112, phone.port)
    // A response, and an indication, are heard and not answered; SIP on the same port goes on.
    phone.socket.send(answer, port('udp'), host)
    phone.socket.send(Buffer.concat([Buffer.from([0, 0x11]), binding.subarray(2)]), port('udp'), host)
    phone.socket.send(formatMessage(makeRequest()), port('udp'), host)
    const { flow } = await requests.next()
    t.equal(flow.remoteHost, host)
    t.equal(phone.datagrams.all.length, 1)
    t.match(layer.counters(), { stunRequests: 3, malformedRequests: 0, messagesReceived: 1 })
  }
})

void t.test('datagrams of every size: empty, a byte, almost STUN, as large as they come', async (t) => {
  const { layer, requests, port } = await startTransport(t, { limits: { maxMessageBytes: 65_507 } })
  const phone = await openSocket(t, 'udp4', '127.0.0.1')
  const send = (bytes: Buffer): void => phone.socket.send(bytes, port('udp'), '127.0.0.1')
  send(Buffer.alloc(0))
  send(Buffer.from([0]))
  send(Buffer.from([0x80]))
  send(binding.subarray(0, 19))
  send(Buffer.concat([binding.subarray(0, 4), Buffer.alloc(16)]))
  const headers = formatMessage(makeRequest()).length
  const large = makeRequest({ body: 'x'.repeat(65_507 - headers - 4) })
  send(formatMessage(large))
  const { request, bytes } = await requests.next()
  t.equal(bytes, 65_507)
  t.equal(request.body.length, large.body.length)
  t.match(layer.counters(), { keepAlives: 2, malformedRequests: 3, stunRequests: 0, messagesReceived: 1 })
})

/** A TCP server that a test writes the answers of. */
async function startServer(t: Test) {
  const sockets = new Arrivals<net.Socket>()
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined)
    sockets.push(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets.all) socket.destroy()
    server.close()
  })
  return { sockets, port: (server.address() as net.AddressInfo).port }
}

async function connectOut(t: Test) {
  const server = await startServer(t)
  const started = await startTransport(t, { listen: [] })
  const target = { protocol: 'tcp' as const, host: '127.0.0.1', port: server.port, serverName: undefined }
  const flow = await started.layer.connect(target)
  const peer = await server.sockets.next()
  let text = ''
  peer.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return { ...started, flow, peer, target, received: () => text }
}

void t.test('a server that answered pings and stops doing so is closed (RFC 5626 4.4.1)', async (t) => {
  const { layer, clock, closed, flow, peer, received } = await connectOut(t)
  for (let round = 1; round <= 3; round++) {
    clock.advance(pingDueMs)
    await until(() => received() === '\r\n\r\n'.repeat(round))
    peer.write('\r\n')
    // The pong has been read when the message behind it has.
    peer.write(formatMessage(makeRequest()))
    await until(() => layer.counters()['messagesReceived'] === round)
  }
  t.equal(layer.counters().keepAlives, 0, 'three pongs are no ping, and nothing is answered to them')
  clock.advance(pingDueMs)
  t.notOk(flow.closed, 'it has ten seconds')
  clock.advance(11_000)
  await closed.next()
  t.ok(flow.closed)
  t.match(layer.counters(), { pongTimeouts: 1, connectionsOpen: 0 })
})

void t.test('a server that knows no pings is left alone', async (t) => {
  const { layer, clock, flow, received } = await connectOut(t)
  clock.advance(500_000)
  await until(() => received().length >= 12)
  t.notOk(flow.closed)
  t.equal(layer.counters().pongTimeouts, 0)
})

void t.test('a connection that let a request time out without a word is closed', async (t) => {
  const { layer, clock, closed, flow, peer, target } = await connectOut(t)
  const sentAtMs = clock.monotonicMs()
  layer.send(makeRequest(), flow, never)
  clock.advance(32_000)
  layer.noteUnanswered(flow, sentAtMs)
  await closed.next()
  t.equal(layer.counters().silentPeers, 1)
  const next = await layer.connect(target)
  t.not(next, flow, 'the next request gets a new one')
  peer.destroy()

  const talking = await connectOut(t)
  const since = talking.clock.monotonicMs()
  talking.clock.advance(1000)
  talking.peer.write(formatMessage(makeRequest()))
  await talking.requests.next()
  talking.layer.noteUnanswered(talking.flow, since)
  t.equal(talking.layer.counters().silentPeers, 0, 'it answers other things')
  t.notOk(talking.flow.closed)
})
