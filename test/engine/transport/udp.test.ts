import dgram from 'node:dgram'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import t from 'tap'
import { createTransportLayer } from '#src/engine/transport/transport-layer.ts'
import { formatMessage } from '#src/sip/format-message.ts'
import { parseMessage } from '#src/sip/parse-message.ts'
import { parseVia } from '#src/sip/via.ts'
import { systemRandom } from '#src/base/random.ts'
import { silentLogger } from '#src/base/logger.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { listenOn, makeRequest, makeResponse, openUdp, startTransport, testLimits } from './harness.ts'

const never = (error: Error): void => {
  throw error
}

void t.test(
  'a request arrives with received and rport, and its answer goes back to its source',
  async (t) => {
    const { layer, requests, port } = await startTransport(t)
    const phone = await openUdp(t)
    const sent = formatMessage(
      makeRequest({ via: 'SIP/2.0/UDP 10.9.9.9:5060;branch=z9hG4bKq;received=8.8.8.8' }),
    )
    phone.send(sent, port('udp'))
    const { request, flow, bytes } = await requests.next()
    t.equal(bytes, sent.length)
    const via = parseVia(request.headers.get('Via') ?? '')
    t.equal(via?.params.get('received'), '127.0.0.1')
    t.equal(via?.params.get('rport'), String(phone.port))
    t.match(flow, {
      protocol: 'udp',
      remoteHost: '127.0.0.1',
      remotePort: phone.port,
      localPort: port('udp'),
    })
    t.equal(flow.closed, false)
    t.equal(layer.findFlow('udp', '127.0.0.1', phone.port), flow)
    const size = layer.send(makeResponse(request), flow, never)
    const answer = await phone.datagrams.next()
    t.equal(answer.text.length, size)
    t.match(answer, { text: /^SIP\/2\.0 200 Answer\r\n/, port: port('udp') })
  },
)

void t.test('peers that would be looked for in the same place are told apart', async (t) => {
  const { layer, requests, port } = await startTransport(t)
  const bindTo = (at: number): Promise<dgram.Socket | undefined> =>
    new Promise((resolve) => {
      const socket = dgram.createSocket('udp4')
      socket.once('error', () => resolve(undefined))
      socket.bind(at, '127.0.0.1', () => resolve(socket))
    })
  // Ports a multiple of 4,096 apart share their slot; some of them may be somebody else's.
  const phones: dgram.Socket[] = []
  for (let at = 12_345; at < 65_536; at += 4_096) {
    const socket = await bindTo(at)
    if (socket) phones.push(socket)
  }
  t.teardown(() => phones.forEach((socket) => socket.close()))
  t.ok(phones.length > 2)
  for (let round = 0; round < 2; round++) {
    for (const phone of phones) {
      const answered = once(phone, 'message')
      phone.send(formatMessage(makeRequest()), port('udp'), '127.0.0.1')
      const { request, flow } = await requests.next()
      t.equal(flow.remotePort, phone.address().port)
      t.equal(layer.findFlow('udp', '127.0.0.1', phone.address().port), flow, 'one flow per peer')
      layer.send(makeResponse(request), flow, never)
      t.match(String((await answered)[0]), /^SIP\/2\.0 200 /)
    }
  }
})

void t.test('requests leave from the listening port, and their answers are heard', async (t) => {
  const { layer, responses, requests, port } = await startTransport(t)
  const phone = await openUdp(t)
  const flow = await layer.connect({
    protocol: 'udp',
    host: '127.0.0.1',
    port: phone.port,
    serverName: undefined,
  })
  layer.send(makeRequest(), flow, never)
  const arrived = await phone.datagrams.next()
  t.equal(arrived.port, port('udp'))
  const request = parseMessage(Buffer.from(arrived.text))
  if (request.kind !== 'request') return t.fail('no request')
  phone.send(formatMessage(makeResponse(request)), port('udp'))
  const { response, flow: back } = await responses.next()
  t.equal(response.status, 200)
  t.equal(back, flow, 'the same flow')
  // The peer now has a connected socket of its own; everybody else must still reach the listener.
  const others = await Promise.all(Array.from({ length: 20 }, () => openUdp(t)))
  for (const other of others) other.send(formatMessage(makeRequest()), port('udp'))
  const sources = new Set<number>()
  for (let count = 0; count < others.length; count++) sources.add((await requests.next()).flow.remotePort)
  t.equal(sources.size, 20)
  phone.send(formatMessage(makeRequest()), port('udp'))
  t.equal((await requests.next()).flow, flow)
})

void t.test('a closed port is reported through onError (ICMP)', async (t) => {
  const { layer } = await startTransport(t)
  const phone = await openUdp(t)
  await phone.close()
  const flow = await layer.connect({
    protocol: 'udp',
    host: '127.0.0.1',
    port: phone.port,
    serverName: undefined,
  })
  const error = await new Promise<Error>((resolve) => layer.send(makeRequest(), flow, resolve))
  t.match(error, { code: 'ECONNREFUSED' })
  t.equal(layer.counters().udpRefused, 1)
})

void t.test('refusals and answers are heard on every interface and over IPv6 as well', async (t) => {
  const hosts: [string, string][] = [['0.0.0.0', '127.0.0.1']]
  const hasIpv6 = Object.values(networkInterfaces()).some((list) =>
    list?.some(({ address }) => address === '::1'),
  )
  if (hasIpv6) hosts.push(['::1', '::1'], ['::', '::1'])
  for (const [bound, peer] of hosts) {
    const { layer, responses } = await startTransport(t, { listen: [listenOn('udp', { host: bound })] })
    const phone = dgram.createSocket(peer === '::1' ? 'udp6' : 'udp4')
    phone.bind(0, peer)
    await once(phone, 'listening')
    const { port } = phone.address()
    const flow = await layer.connect({ protocol: 'udp', host: peer, port, serverName: undefined })
    t.equal(flow.localHost, peer, bound)
    const request = makeRequest()
    layer.send(request, flow, never)
    const [, source] = (await once(phone, 'message')) as [Buffer, dgram.RemoteInfo]
    t.equal(source.port, layer.listeners[0]?.port)
    phone.send(formatMessage(makeResponse(request)), source.port, source.address)
    t.equal((await responses.next()).flow, flow)
    await new Promise<void>((resolve) => phone.close(resolve))
    t.match(
      await new Promise<Error>((resolve) => layer.send(request, flow, resolve)),
      { code: 'ECONNREFUSED' },
      bound,
    )
  }
})

void t.test('a refusal after the peer has answered is not blamed on what it answered', async (t) => {
  const { layer, responses, port } = await startTransport(t)
  const phone = await openUdp(t)
  const flow = await layer.connect({
    protocol: 'udp',
    host: '127.0.0.1',
    port: phone.port,
    serverName: undefined,
  })
  const request = makeRequest()
  layer.send(request, flow, () => t.fail('the first request was answered'))
  await phone.datagrams.next()
  phone.send(formatMessage(makeResponse(request)), port('udp'))
  await responses.next()
  await phone.close()
  t.match(await new Promise<Error>((resolve) => layer.send(makeRequest(), flow, resolve)), {
    code: 'ECONNREFUSED',
  })
})

void t.test('connected sockets are closed when no transaction can need them', async (t) => {
  const { layer, clock } = await startTransport(t)
  const phone = await openUdp(t)
  const flow = await layer.connect({
    protocol: 'udp',
    host: '127.0.0.1',
    port: phone.port,
    serverName: undefined,
  })
  layer.send(makeRequest(), flow, never)
  await phone.datagrams.next()
  clock.advance(70_000)
  await phone.close()
  // A response is no reason to open one: without it the refusal stays unknown, and nothing is reported.
  layer.send(makeResponse(makeRequest()), flow, () => t.fail('nothing connected, nothing to hear'))
  const probe = await openUdp(t)
  const other = await layer.connect({
    protocol: 'udp',
    host: '127.0.0.1',
    port: probe.port,
    serverName: undefined,
  })
  layer.send(makeRequest(), other, never)
  await probe.datagrams.next()
  t.equal(layer.counters().udpRefused, 0)
})

void t.test('blank datagrams only keep the path open', async (t) => {
  const { layer, requests, port } = await startTransport(t)
  const phone = await openUdp(t)
  for (const blank of ['\r\n\r\n', '\r\n', '\0\0\0\0', '']) phone.send(blank, port('udp'))
  phone.send(formatMessage(makeRequest()), port('udp'))
  await requests.next()
  t.equal(layer.counters().keepAlives, 4)
  t.equal(layer.counters().malformedRequests, 0)
})

void t.test('a request for a multicast group is left to whoever serves the group', async (t) => {
  const { layer, requests, port } = await startTransport(t)
  const phone = await openUdp(t)
  const good = formatMessage(makeRequest()).toString()
  for (const uri of ['sip:MAC001565f4f9e1@224.0.1.75', 'sip:224.0.1.75:5060', 'sip:a@239.1.2.3;x=y'])
    phone.send(good.replace('OPTIONS sip:box.local', `OPTIONS ${uri}`), port('udp'))
  const others = ['sip:a@223.0.0.1', 'sip:a@22.4.0.1', 'sip:224.0.1.75@box.local', 'sip:224.0.1.75.example']
  for (const uri of others) phone.send(good.replace('OPTIONS sip:box.local', `OPTIONS ${uri}`), port('udp'))
  for (let left = others.length; left > 0; left--) await requests.next()
  t.equal(layer.counters().multicastRequests, 3)
  t.equal(phone.datagrams.all.length, 0, 'and nothing is answered')
})

void t.test('malformed requests are answered when enough stands, responses never', async (t) => {
  const { layer, requests, port } = await startTransport(t)
  const phone = await openUdp(t)
  const good = formatMessage(makeRequest()).toString()
  phone.send(good.replace('OPTIONS sip:box.local', 'OPTIONS <sip:box.local>'), port('udp'))
  const answer = (await phone.datagrams.next()).text
  t.match(answer, /^SIP\/2\.0 400 Bad Request-URI\r\n/)
  t.match(answer, new RegExp(`received=127\\.0\\.0\\.1;rport=${phone.port}`))
  t.match(answer, /\r\nTo: <sip:b@box\.local>;tag=[0-9a-f]+\r\n/)
  phone.send(good.replaceAll('SIP/2.0', 'SIP/7.0'), port('udp'))
  t.match((await phone.datagrams.next()).text, /^SIP\/2\.0 505 /)
  phone.send(good.replaceAll('OPTIONS', 'ACK').replace('ACK sip:', 'ACK <sip:'), port('udp'))
  phone.send('SIP/2.0 999 nonsense\r\n\r\n', port('udp'))
  phone.send('nonsense with enough bytes', port('udp'))
  phone.send(good.replace(/Via: [^\r]*/, 'Via: SIP/2.0 nowhere'), port('udp'))
  phone.send(good, port('udp'))
  await requests.next()
  t.match(layer.counters(), { malformedRequests: 5, malformedResponses: 1, malformedAnswered: 2 })
  t.equal(phone.datagrams.all.length, 2)
})

void t.test('messages over the limit are answered 513', async (t) => {
  const { layer, port } = await startTransport(t)
  const phone = await openUdp(t)
  phone.send(formatMessage(makeRequest({ body: 'x'.repeat(8000) })), port('udp'))
  t.match((await phone.datagrams.next()).text, /^SIP\/2\.0 513 Message Too Large\r\n/)
  phone.send(formatMessage(makeRequest({ headers: ['X-Long', 'x'.repeat(5000)] })), port('udp'))
  t.match((await phone.datagrams.next()).text, /^SIP\/2\.0 513 Header Section Too Large\r\n/)
  t.equal(layer.counters().oversizedMessages, 2)
})

void t.test('nobody else may say whose certificate was verified', async (t) => {
  const { layer, requests, port } = await startTransport(t)
  const phone = await openUdp(t)
  const forged = makeRequest({ headers: ['x-peer-certificate-names', 'sip.pstnhub.microsoft.com'] })
  phone.send(formatMessage(forged), port('udp'))
  const { request } = await requests.next()
  t.notMatch(request.headers.flat.join('|'), /certificate/i)
  t.match(request.headers.get('Via'), /received=/)
  t.equal(layer.counters().forgedPeerNames, 1)
})

void t.test('a user that throws loses one message, not the process', async (t) => {
  let calls = 0
  const { layer, requests, port } = await startTransport(
    t,
    {},
    {
      onResponse: () => {
        calls++
        throw new Error('defect')
      },
    },
  )
  const phone = await openUdp(t)
  phone.send(formatMessage(makeResponse(makeRequest())), port('udp'))
  phone.send(formatMessage(makeRequest()), port('udp'))
  await requests.next()
  t.equal(calls, 1)
  t.equal(layer.counters().userFailures, 1)
})

void t.test('a listener on every interface knows its address toward each peer', async (t) => {
  const { requests, port } = await startTransport(t, { listen: [listenOn('udp', { host: '0.0.0.0' })] })
  const phone = await openUdp(t)
  phone.send(formatMessage(makeRequest()), port('udp'))
  t.match((await requests.next()).flow, { localHost: '127.0.0.1', advertisedHost: '127.0.0.1' })
  const named = await startTransport(t, {
    listen: [listenOn('udp', { host: '0.0.0.0', advertisedHost: 'box.example.org' })],
  })
  phone.send(formatMessage(makeRequest()), named.port('udp'))
  t.match((await named.requests.next()).flow, { localHost: '127.0.0.1', advertisedHost: 'box.example.org' })
  t.match(named.layer.listeners, [{ advertisedHost: 'box.example.org', advertisedPort: named.port('udp') }])
})

void t.test('a taken port is named, and what was bound before is given back', async (t) => {
  const taken = dgram.createSocket('udp4')
  taken.bind(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address()
  const options = (listen: ReturnType<typeof listenOn>[]) => ({
    listen,
    outboundTls: [],
    limits: testLimits,
    clock: new FakeClock(),
    random: systemRandom,
    logger: silentLogger,
  })
  const user = { onRequest: () => undefined, onResponse: () => undefined, onFlowClosed: () => undefined }
  const layer = createTransportLayer(options([listenOn('tcp'), listenOn('udp', { port })]))
  await t.rejects(layer.start(user), {
    code: 'PORT_IN_USE',
    details: { protocol: 'udp', host: '127.0.0.1', port },
  })
  t.same(layer.listeners, [])
  // Two layers of this very process must not share a port unnoticed either.
  const first = createTransportLayer(options([listenOn('udp')]))
  await first.start(user)
  t.teardown(() => first.stop())
  const shared = first.listeners[0]?.port ?? 0
  await t.rejects(createTransportLayer(options([listenOn('udp', { port: shared })])).start(user), {
    code: 'PORT_IN_USE',
  })
})

void t.test('after stop a flow is closed and says so', async (t) => {
  const { layer, clock } = await startTransport(t)
  const phone = await openUdp(t)
  const flow = await layer.connect({
    protocol: 'udp',
    host: '127.0.0.1',
    port: phone.port,
    serverName: undefined,
  })
  await layer.stop()
  t.equal(flow.closed, true)
  t.match(await new Promise<Error>((resolve) => layer.send(makeRequest(), flow, resolve)), /closed/)
  t.equal(clock.pending, 0, 'no timer is left')
  await t.rejects(layer.connect({ protocol: 'udp', host: '127.0.0.1', port: 9, serverName: undefined }))
})
