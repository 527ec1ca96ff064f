import { spawn } from 'node:child_process'
import dgram from 'node:dgram'
import t, { type Test } from 'tap'
import { systemClock, type Clock } from '#src/base/clock.ts'
import { Lifetime } from '#src/base/lifetime.ts'
import { systemRandom } from '#src/base/random.ts'
import { canRender } from '#src/devices/render.ts'
import { formatPnpNotify, formatPnpOk, readPnpSubscribe } from '#src/provisioning/pnp/pnp-message.ts'
import { PnpServer } from '#src/provisioning/pnp/pnp-server.ts'
import { openPnpSockets } from '#src/provisioning/pnp/pnp-sockets.ts'
import { startPnp } from '#src/provisioning/pnp/start-pnp.ts'
import { freePort } from '#test/peers/free-port.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { until } from '#test/support/until.ts'
import { TestProvisioning, boxAddress } from './provisioning-fixture.ts'

/** What a Yealink W52P sends, with another model's name where a test wants a phone that the box configures. */
function subscribe(change: { model?: string; port?: number; mac?: string; callId?: string } = {}): Buffer {
  const { model = 'T46S', port = 5059, mac = '001565f4f9e1', callId = '1884424486@192.0.2.20' } = change
  return Buffer.from(
    [
      `SUBSCRIBE sip:MAC${mac}@224.0.1.75 SIP/2.0`,
      `Via: SIP/2.0/UDP 192.0.2.20:${port};branch=z9hG4bK3012711880`,
      `From: <sip:MAC${mac}@224.0.1.75>;tag=3205498281`,
      `To: <sip:MAC${mac}@224.0.1.75>`,
      `Call-ID: ${callId}`,
      'CSeq: 1 SUBSCRIBE',
      `Contact: <sip:MAC${mac}@192.0.2.20:${port}>`,
      'Max-Forwards: 70',
      `User-Agent: Yealink ${model === 'W52P' ? '' : 'SIP-'}${model} 66.86.0.15`,
      'Expires: 0',
      `Event: ua-profile;profile-type="device";vendor="Yealink";model="${model}";version="66.86.0.15"`,
      'Accept: application/url',
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n'),
  )
}

t.test('the phone’s SUBSCRIBE is read, 200 and NOTIFY are what it takes', async (t) => {
  const read = readPnpSubscribe(subscribe())
  if (!read) throw new Error('not read')
  t.match(read, { vendor: 'Yealink', model: 'T46S', version: '66.86.0.15', callId: '1884424486@192.0.2.20' })
  const ok = formatPnpOk(read, { host: '192.0.2.20', port: 5059 }, 'our-tag')?.toString() ?? ''
  t.match(ok, /^SIP\/2\.0 200 OK\r\n/)
  t.match(
    ok,
    /Via: SIP\/2\.0\/UDP 192\.0\.2\.20:5059;branch=z9hG4bK3012711880;received=192\.0\.2\.20;rport=5059\r\n/,
  )
  t.match(ok, /To: <sip:MAC001565f4f9e1@224\.0\.1\.75>;tag=our-tag\r\n/)
  const notify = formatPnpNotify(read, {
    url: 'http://192.0.2.1:8080/',
    to: { host: '192.0.2.20', port: 5059 },
    from: { host: '192.0.2.1', port: 40000 },
    branch: 'z9hG4bKx',
  }).toString()
  t.match(notify, /^NOTIFY sip:MAC001565f4f9e1@192\.0\.2\.20:5059 SIP\/2\.0\r\n/)
  for (const line of [
    'Via: SIP/2.0/UDP 192.0.2.1:40000;branch=z9hG4bKx;rport',
    'From: <sip:MAC001565f4f9e1@224.0.1.75>;tag=3205498281',
    'Call-ID: 1884424486@192.0.2.20',
    'CSeq: 2 NOTIFY',
    'Event: ua-profile;profile-type="device";vendor="Yealink";model="T46S";version="66.86.0.15"',
    'Subscription-State: terminated;reason=timeout',
    'Content-Type: application/url',
    'Content-Length: 22',
  ])
    t.ok(notify.includes(`\r\n${line}\r\n`), line)
  t.match(notify, /\r\n\r\nhttp:\/\/192\.0\.2\.1:8080\/$/)
})

t.test('what else the group carries is not read', async (t) => {
  const good = subscribe().toString()
  const others = [
    '',
    'M-SEARCH * HTTP/1.1\r\n\r\n',
    good.replaceAll('SUBSCRIBE', 'REGISTER'),
    good.replace('ua-profile', 'message-summary'),
    good.replace(/Event: .*\r\n/, ''),
    good.replace(/Call-ID: .*\r\n/, ''),
    good.replace(/From: .*\r\n/, ''),
    good.replace('vendor=', `x="${'y'.repeat(400)}";vendor=`),
    good + 'x'.repeat(5000),
    good.slice(0, 200),
  ]
  for (const [index, text] of others.entries())
    t.equal(readPnpSubscribe(Buffer.from(text)), undefined, `${index}`)
  t.ok(readPnpSubscribe(Buffer.from(good.replace(/vendor=.*/, 'vendor'))), 'parameters may be missing')
  const odd = readPnpSubscribe(Buffer.from(good.replace(/Contact: .*\r\n/, 'Contact: <sip:a b@c>\r\n')))
  const to = { host: '192.0.2.20', port: 5059 }
  const notify = odd && formatPnpNotify(odd, { url: 'http://x/', to, from: to, branch: 'z' }).toString()
  t.match(
    notify ?? 'NOTIFY sip:192.0.2.20:5059',
    /^NOTIFY sip:192\.0\.2\.20:5059/,
    'no contact goes unchecked into a start line',
  )
})

/** A server whose datagrams a test sees. */
function startServer(t: Test, clock: Clock, wants: () => boolean = () => true) {
  const sent: { text: string; host: string; port: number }[] = []
  const server = new PnpServer({
    wants: (device) => wants() && canRender(device.family),
    urlFor: (peer) => Promise.resolve(`http://toward-${peer}:8080/`),
    send: (bytes, { host, port }) => void sent.push({ text: bytes.toString(), host, port }),
    addressToward: () => Promise.resolve({ host: '192.0.2.1', port: 40000 }),
    clock,
    random: systemRandom,
    logger: new MemoryLogger(),
  })
  t.teardown(() => server.stop())
  const phone = { host: '192.0.2.20', port: 5059 }
  return { server, sent, phone, notifies: () => sent.filter(({ text }) => text.startsWith('NOTIFY')) }
}

t.test('the NOTIFY is repeated until it is answered, and not for ever', async (t) => {
  const clock = new FakeClock()
  const { server, phone, sent, notifies } = startServer(t, clock)
  await server.onGroup(subscribe(), phone)
  t.match(
    sent.map(({ text, host, port }) => `${text.slice(0, 11)} ${host}:${port}`),
    ['SIP/2.0 200 192.0.2.20:5059', 'NOTIFY sip: 192.0.2.20:5059'],
  )
  t.match(notifies()[0]?.text, 'http://toward-192.0.2.20:8080/')
  await server.onGroup(subscribe(), phone)
  t.equal(notifies().length, 1, 'a repeated SUBSCRIBE gets its 200 only')
  await clock.run(500)
  t.equal(notifies().length, 2)
  const answer = notifies()[0]?.text.replace(/^NOTIFY.*/, 'SIP/2.0 200 OK') ?? ''
  server.onAnswer(Buffer.from(answer.replace('SIP/2.0 200 OK', 'SIP/2.0 100 Trying')))
  server.onAnswer(Buffer.from('nonsense'))
  t.equal(server.openCount, 1)
  server.onAnswer(Buffer.from(answer))
  t.equal(server.openCount, 0)
  await clock.run(60_000, 1000)
  t.equal(notifies().length, 2)

  await server.onGroup(subscribe({ callId: 'second' }), phone)
  await clock.run(60_000, 500)
  t.equal(notifies().length, 2 + 5, 'a forged source is not hammered')
  t.equal(clock.pending, 0)
})

t.test('silence for others, and for whoever asks too often', async (t) => {
  const clock = new FakeClock()
  const { server, phone, sent } = startServer(t, clock)
  await server.onGroup(subscribe({ model: 'W52P' }), phone)
  t.strictSame(sent, [], 'no files of its kind')
  const poly = subscribe().toString().replace('"Yealink";model="T46S"', '"Polycom";model="VVX_450"')
  await server.onGroup(Buffer.from(poly), phone)
  t.strictSame(sent, [], 'it contradicts itself')
  for (let index = 0; index < 30; index++) await server.onGroup(subscribe({ callId: `c${index}` }), phone)
  t.equal(sent.filter(({ text }) => text.startsWith('SIP/2.0 200')).length, 10, 'of twelve in a minute')
  const none = startServer(t, clock, () => false)
  await none.server.onGroup(subscribe(), phone)
  t.strictSame(none.sent, [])
})

t.test('forged addresses do not multiply what the box answers and notes', async (t) => {
  const clock = new FakeClock()
  let asked = 0
  const { server, sent } = startServer(t, clock, () => {
    asked++
    return false
  })
  for (let index = 0; index < 5_000; index++) {
    await server.onGroup(subscribe(), { host: `198.51.${index >> 8}.${index & 255}`, port: 5059 })
  }
  t.equal(asked, 3_000)
  clock.advance(60_000)
  await server.onGroup(subscribe(), { host: '192.0.2.20', port: 5059 })
  t.equal(asked, 3_001)
  t.strictSame(sent, [])
})

t.test('who is told: new phones, and known ones that may be handed over', async (t) => {
  const box = new TestProvisioning(t)
  const mac = '805ec0a1b2c3'
  const device = { family: 'yealink', vendor: 'Yealink', model: 'T46S', mac, conflict: undefined } as never
  t.equal(box.provisioning.wants(device, '192.0.2.10'), true)
  const { own } = await box.plugIn(mac)
  await box.askSecure(`${own}${mac}.cfg`)
  t.equal(box.provisioning.wants(device, '192.0.2.10'), false, 'it has an address of its own')
  t.match(box.provisioning.found.refused(), [{ from: '192.0.2.10', why: 'handed-over' }])
  await box.provisioning.found.allowAgain(box.deviceId(mac), 'admin')
  t.equal(box.provisioning.wants(device, '192.0.2.10'), true)
  box.settings.provisioning.enabled = false
  t.equal(box.provisioning.wants(device, '192.0.2.10'), false)
})

t.test('over a real group, asked by socat with the bytes of a phone', async (t) => {
  const port = await freePort()
  const group = { address: '224.0.1.75', port }
  // The SIP engine's socket on all addresses, which the port is shared with.
  const engine = dgram.createSocket({ type: 'udp4', reusePort: true })
  await new Promise<void>((resolve) => engine.bind({ port, address: '0.0.0.0', exclusive: true }, resolve))
  t.teardown(() => engine.close())
  const logger = new MemoryLogger()
  const lifetime = new Lifetime('test', logger)
  t.teardown(() => lifetime.stop())
  const joined: string[] = []
  await startPnp({
    listen: '127.0.0.1',
    group,
    box: () => boxAddress,
    localAddressToward: () => Promise.resolve('127.0.0.1'),
    wants: () => true,
    onJoined: (addresses) => joined.push(...addresses),
    lifetime,
    clock: systemClock,
    random: systemRandom,
    logger,
  })
  t.strictSame(joined, ['127.0.0.1'])
  const phonePort = await freePort()
  const socat = spawn('socat', [
    '-t5',
    '-b65536',
    '-',
    `UDP4-DATAGRAM:${group.address}:${port},bind=127.0.0.1:${phonePort},ip-multicast-if=127.0.0.1`,
  ])
  t.teardown(() => socat.kill())
  let heard = ''
  socat.stdout.on('data', (chunk: Buffer) => (heard += chunk.toString()))
  socat.stdin.write(subscribe({ port: phonePort }))
  await until(() => heard.includes('application/url') && heard.includes('http://127.0.0.1:8080/'))
  t.match(heard, /^SIP\/2\.0 200 OK\r\n/)
  t.match(heard, /NOTIFY sip:MAC001565f4f9e1@192\.0\.2\.20/)
})

t.test('a port that another program holds alone is named, with what else can be done', async (t) => {
  const taken = dgram.createSocket('udp4')
  await new Promise<void>((resolve) => taken.bind({ port: 0, address: '0.0.0.0', exclusive: true }, resolve))
  t.teardown(() => taken.close())
  const { port } = taken.address()
  const traffic = { onGroup: () => undefined, onAnswer: () => undefined, onError: () => undefined }
  await t.rejects(openPnpSockets({ listen: '127.0.0.1', group: { address: '224.0.1.75', port } }, traffic), {
    code: 'PORT_IN_USE',
    advice: /DHCP option 66/,
  })
})
