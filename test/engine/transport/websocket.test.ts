import { once } from 'node:events'
import net from 'node:net'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import type { EngineLimits, ListenOptions } from '#src/engine/options.ts'
import { formatMessage } from '#src/sip/format-message.ts'
import { makeCa } from '#test/support/certificates.ts'
import {
  Arrivals,
  listenOn,
  makeRequest,
  makeResponse,
  openTcp,
  startTransport,
  watchSocket,
} from './harness.ts'

const never = (error: Error): void => {
  throw error
}
const via = 'SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK56sdasks'

function start(t: Test, limits: Partial<EngineLimits> = {}, more: Partial<ListenOptions> = {}) {
  return startTransport(t, { listen: [listenOn('ws', more)], limits })
}

async function dial(t: Test, url: string, options: { ca?: string } = {}) {
  const webSocket = new WebSocket(url, 'sip', options)
  const messages = new Arrivals<{ text: string; binary: boolean }>()
  webSocket.on('message', (data: Buffer, binary) => messages.push({ text: data.toString(), binary }))
  const closed = new Promise<number>((resolve) => webSocket.once('close', resolve))
  webSocket.on('error', () => undefined)
  t.teardown(() => webSocket.terminate())
  await once(webSocket, 'open')
  return { webSocket, messages, closed }
}

/** The bytes of an upgrade request, written by hand. */
function upgrade(more: { path?: string; protocol?: string } = {}): string {
  return [
    `GET ${more.path ?? '/'} HTTP/1.1`,
    'Host: box.test',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    ...(more.protocol === '' ? [] : [`Sec-WebSocket-Protocol: ${more.protocol ?? 'sip'}`]),
    'Origin: https://evil.example',
    '',
    '',
  ].join('\r\n')
}

void t.test('a phone with an .invalid Via is answered over its WebSocket', async (t) => {
  const { layer, requests, closed, port } = await start(t)
  const phone = await dial(t, `ws://127.0.0.1:${port('ws')}/`)
  phone.webSocket.send(formatMessage(makeRequest({ via, body: 'grüße' })).toString())
  const { request, flow } = await requests.next()
  t.equal(request.body.toString(), 'grüße')
  t.match(request.headers.get('Via'), /^SIP\/2\.0\/WS df7jal23ls0d\.invalid;.*received=127\.0\.0\.1/)
  t.match(flow, { protocol: 'ws', remoteHost: '127.0.0.1', localPort: port('ws'), peerNames: [] })
  layer.send(makeResponse(request), flow, never)
  const answer = await phone.messages.next()
  t.match(answer.text, /^SIP\/2\.0 200/)
  t.notOk(answer.binary, 'text is sent as text')
  t.equal(layer.findFlow('ws', flow.remoteHost, flow.remotePort), flow)
  t.equal(
    await layer.connect({
      protocol: 'ws',
      host: flow.remoteHost,
      port: flow.remotePort,
      serverName: undefined,
    }),
    flow,
  )

  phone.webSocket.send(formatMessage(makeRequest({ via })))
  t.ok(await requests.next(), 'a binary message is read as well')
  const latin = makeRequest({ headers: ['Content-Type', 'application/octet-stream'] })
  layer.send({ ...latin, body: Buffer.from([0xff, 0xfe, 0x00]) }, flow, never)
  t.ok((await phone.messages.next()).binary, 'what is no UTF-8 cannot go as text')

  phone.webSocket.send('\r\n\r\n')
  t.equal((await phone.messages.next()).text, '\r\n', 'the ping of RFC 5626')
  phone.webSocket.send('\r\n')
  phone.webSocket.close()
  t.equal(await closed.next(), flow)
  t.equal(layer.findFlow('ws', flow.remoteHost, flow.remotePort), undefined)
  await new Promise<void>((resolve) => layer.send(makeRequest(), flow, () => resolve()))
  await t.rejects(
    layer.connect({ protocol: 'ws', host: '127.0.0.1', port: flow.remotePort, serverName: undefined }),
    /closed/,
    'nobody can dial a browser',
  )
  t.match(layer.counters(), { connectionsOpen: 0, connectionsClosed: 1, keepAlives: 2 })
})

void t.test('only SIP, only the path that is set, and nothing but WebSocket', async (t) => {
  const { port, layer } = await start(t, {}, { path: '/sip' })
  for (const [text, expected] of [
    [upgrade({ path: '/sip' }), /^HTTP\/1\.1 101 .*sec-websocket-protocol: sip/is],
    [upgrade({ path: '/sip?token=1', protocol: 'xmpp, sip' }), /^HTTP\/1\.1 101/],
    [upgrade({ path: '/other' }), /^HTTP\/1\.1 404/],
    [upgrade({ path: '/sip', protocol: '' }), /^HTTP\/1\.1 400/],
    [upgrade({ path: '/sip', protocol: 'xmpp' }), /^HTTP\/1\.1 400/],
    [upgrade({ path: '/sip' }).replace('Version: 13', 'Version: 7'), /^HTTP\/1\.1 4(00|26)/],
    ['GET / HTTP/1.1\r\nHost: box.test\r\n\r\n', /^HTTP\/1\.1 426/],
  ] as const) {
    const raw = await openTcp(t, port('ws'))
    raw.socket.write(text)
    t.match(await raw.until(/\r\n\r\n/), expected)
    raw.socket.destroy()
  }
  const noise = await openTcp(t, port('ws'))
  noise.socket.write('OPTIONS sip:box SIP/2.0\r\n\r\n')
  await noise.closed
  const large = await openTcp(t, port('ws'))
  large.socket.write(`GET / HTTP/1.1\r\nX: ${'a'.repeat(20_000)}`)
  await large.closed
  t.equal(layer.counters().malformedFrames, 2)
})

void t.test('what is too large, masked wrongly or never ends closes only its own connection', async (t) => {
  const { layer, clock, requests, port } = await start(t)
  const url = `ws://127.0.0.1:${port('ws')}/`
  const greedy = await dial(t, url)
  greedy.webSocket.send('x'.repeat(9000))
  t.equal(await greedy.closed, 1009)
  t.equal(layer.counters().oversizedMessages, 1)

  const raw = await openTcp(t, port('ws'))
  raw.socket.write(upgrade())
  await raw.until(/\r\n\r\n/)
  raw.socket.write(Buffer.from([0x81, 0x05, 0x68, 0x65, 0x6c, 0x6c, 0x6f]))
  await raw.closed
  t.equal(layer.counters().malformedFrames, 1, 'a client has to mask (RFC 6455 5.1)')

  // A frame of 4,000 bytes that announces itself and then trickles, with pongs in between.
  const slow = await openTcp(t, port('ws'))
  slow.socket.write(upgrade())
  await slow.until(/\r\n\r\n/)
  slow.socket.write(Buffer.from([0x81, 0xfe, 0x0f, 0xa0, 1, 2, 3, 4, 65, 65]))
  const phone = await dial(t, url)
  for (let waited = 0; waited < 7000; waited += 1000) {
    if (!slow.socket.destroyed) slow.socket.write('A')
    phone.webSocket.send(formatMessage(makeRequest({ via })).toString())
    await requests.next()
    clock.advance(1000)
  }
  await slow.closed
  t.equal(layer.counters().halfMessageTimeouts, 1)
  t.equal(phone.webSocket.readyState, WebSocket.OPEN)
})

void t.test(
  'a socket that never asks for a WebSocket is closed in time, and its place is free again',
  async (t) => {
    const { layer, clock, port } = await start(t, { maxConnectionsPerSource: 2 })
    const mute = await openTcp(t, port('ws'))
    const slow = await openTcp(t, port('ws'))
    slow.socket.write('GET / HTTP/1.1\r\n')
    const third = await openTcp(t, port('ws'))
    await third.closed
    t.equal(layer.counters().connectionsRefused, 1)
    clock.advance(6000)
    await Promise.all([mute.closed, slow.closed])
    t.equal(layer.counters().halfMessageTimeouts, 2)
    const phone = await dial(t, `ws://127.0.0.1:${port('ws')}/`)
    t.equal(phone.webSocket.readyState, WebSocket.OPEN)
  },
)

void t.test('a browser that is gone without a word is found out by a ping', async (t) => {
  const { layer, clock, closed, requests, port } = await start(t)
  const alive = await dial(t, `ws://127.0.0.1:${port('ws')}/`)
  const raw = await openTcp(t, port('ws'))
  raw.socket.write(upgrade())
  await raw.until(/\r\n\r\n/)
  t.equal(layer.counters().connectionsOpen, 2)
  const pinged = once(alive.webSocket, 'ping')
  clock.advance(30_000)
  await pinged
  // The ping frame 89 00, read as UTF-8 by the harness.
  await raw.until(/\ufffd\0/)
  // The pong of the first has arrived when what it sends next has.
  alive.webSocket.send(formatMessage(makeRequest({ via })).toString())
  await requests.next()
  clock.advance(11_000)
  await raw.closed
  await closed.next()
  t.match(layer.counters(), { pongTimeouts: 1, connectionsOpen: 1 })
})

void t.test('WSS: the certificate by server name, renewed while a phone stays connected', async (t) => {
  const ca = await makeCa('Root')
  const issue = () => ca.issue({ names: ['localhost'], ips: ['127.0.0.1'] })
  const first = await issue()
  const { layer, requests, port } = await startTransport(t, {
    listen: [listenOn('wss', { tls: { fallback: first, byName: [], trust: [] } })],
  })
  const url = `wss://127.0.0.1:${port('wss')}/`
  const phone = await dial(t, url, { ca: ca.rootPem })
  phone.webSocket.send(formatMessage(makeRequest({ via: via.replace('WS', 'WSS') })).toString())
  const { flow } = await requests.next()
  t.equal(flow.protocol, 'wss')
  const next = await makeCa('Next Root')
  const renewed = await next.issue({ names: ['localhost'], ips: ['127.0.0.1'] })
  t.same(layer.renewTls({ server: { fallback: renewed, byName: [], trust: [] } }), { applied: true })
  await t.rejects(dial(t, url, { ca: ca.rootPem }), 'the old root does not vouch for the new certificate')
  await dial(t, url, { ca: next.rootPem })
  layer.send(makeRequest(), flow, never)
  t.match((await phone.messages.next()).text, /^OPTIONS/)
  const plain = await watchSocket(t, net.connect({ port: port('wss'), host: '127.0.0.1' }), 'connect')
  plain.socket.write(upgrade())
  await plain.closed
})
