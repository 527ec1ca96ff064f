import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t, { type Test } from 'tap'
import { systemClock } from '#src/base/clock.ts'
import { silentLogger } from '#src/base/logger.ts'
import { HomerExport, type HomerTarget } from '#src/engine/trace/homer-export.ts'
import { startKamailioCollector } from '#test/peers/kamailio-collector.ts'
import { freePort } from '#test/peers/free-port.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { until } from '#test/support/until.ts'
import { threadCpuMs } from '#test/support/cpu-time.ts'
import { message, sampleFlow, sampleSdp, sampleSecrets } from './sample-call.ts'

/** A collector that keeps what it gets. */
interface Collector {
  port: number
  packets: Buffer[]
}

async function startUdpCollector(t: Test): Promise<Collector> {
  const socket = createSocket('udp4')
  const packets: Buffer[] = []
  socket.on('message', (packet) => packets.push(packet))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  return { port: socket.address().port, packets }
}

async function startTcpCollector(t: Test, onSocket?: (socket: Socket) => void): Promise<Collector> {
  const packets: Buffer[] = []
  const server = createServer((socket) => {
    t.teardown(() => socket.destroy())
    if (onSocket) {
      onSocket(socket)
      return
    }
    let waiting = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      waiting = Buffer.concat([waiting, chunk])
      while (waiting.length >= 6 && waiting.length >= waiting.readUInt16BE(4)) {
        packets.push(waiting.subarray(0, waiting.readUInt16BE(4)))
        waiting = waiting.subarray(waiting.readUInt16BE(4))
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { port: (server.address() as AddressInfo).port, packets }
}

function exporter(t: Test, clock = systemClock): HomerExport {
  const homer = new HomerExport({ clock, logger: silentLogger, secretCodes: ['*55*'] })
  t.teardown(() => homer.stop())
  return homer
}

const toward = (port: number, change: Partial<HomerTarget> = {}): HomerTarget => ({
  host: '127.0.0.1',
  port,
  protocol: 'udp',
  captureId: 2001,
  unmasked: false,
  ...change,
})

const invite = message('INVITE sip:x@y SIP/2.0', { callId: 'c1', cseq: '1 INVITE' }, [], sampleSdp)
const phone = sampleFlow('udp', { host: '192.0.2.1', port: 5060 }, { host: '192.0.2.10', port: 5062 })
const teams = sampleFlow('tls', { host: '2001:db8::1', port: 45_061 }, { host: '2001:db8::7', port: 5061 })

t.test(
  'Kamailio as collector reads every field: method, ends, transport, family, time, capture id',
  async (t) => {
    const kamailio = await startKamailioCollector()
    t.teardown(() => kamailio.stop())
    const homer = exporter(t)
    homer.setTarget(toward(kamailio.port, { captureId: 4711 }))
    const beforeUs = Date.now() * 1000
    homer.take(invite, false, phone)
    homer.take(message('BYE sip:x@y SIP/2.0', { callId: 'c2', cseq: '2 BYE' }), true, teams)
    await until(() => kamailio.collected().length === 2)
    const [first, second] = kamailio.collected()
    t.match(first, {
      method: 'INVITE',
      callId: 'c1',
      source: '192.0.2.10 5062',
      destination: '192.0.2.1 5060',
    })
    t.match(first, { transport: 1, family: 2, node: 'homer01:4711' })
    t.match(second, { method: 'BYE', source: '2001:db8::1 45061', destination: '2001:db8::7 5061' })
    t.match(second, { transport: 2, family: 10, node: 'homer01:4711' })
    for (const one of [first, second]) {
      const atUs = one?.atUs ?? 0
      t.ok(atUs >= beforeUs - 1000 && atUs <= (Date.now() + 1) * 1000, 'the time is that of the message')
      for (const secret of sampleSecrets) t.notOk(one?.message.includes(secret), 'masked')
    }
    t.match(first?.message, /a=sendrecv/, 'the message is whole')
  },
)

t.test('over TCP the same packets come, one after the other', async (t) => {
  const udp = await startUdpCollector(t)
  const tcp = await startTcpCollector(t)
  const clock = new FakeClock()
  const [one, two] = [exporter(t, clock), exporter(t, clock)]
  one.setTarget(toward(udp.port))
  two.setTarget(toward(tcp.port, { protocol: 'tcp' }))
  for (const homer of [one, two]) {
    homer.take(invite, false, phone)
    homer.take(message('BYE sip:x@y SIP/2.0', { callId: 'c2', cseq: '2 BYE' }), true, teams)
  }
  await until(() => udp.packets.length === 2 && tcp.packets.length === 2)
  t.strictSame(tcp.packets, udp.packets)
})

t.test('unmasked when set so, and another collector takes over at once', async (t) => {
  const one = await startUdpCollector(t)
  const two = await startUdpCollector(t)
  const homer = exporter(t)
  homer.setTarget(toward(one.port))
  homer.take(invite, false, phone)
  await until(() => one.packets.length === 1)
  homer.setTarget(toward(two.port, { unmasked: true }))
  homer.take(invite, false, phone)
  await until(() => two.packets.length === 1)
  t.ok(two.packets[0]?.includes(sampleSecrets[2] as string))
  t.equal(one.packets.length, 1)
  homer.setTarget(undefined)
  t.notOk(homer.on)
})

t.test('a message of 64 KiB is cut to one packet', async (t) => {
  const collector = await startTcpCollector(t)
  const homer = exporter(t)
  homer.setTarget(toward(collector.port, { protocol: 'tcp' }))
  homer.take(
    message('MESSAGE sip:x@y SIP/2.0', { callId: 'c', cseq: '1 MESSAGE' }, [], 'm'.repeat(65_400)),
    true,
    teams,
  )
  await until(() => collector.packets.length === 1)
  t.equal(collector.packets[0]?.length, 65_507)
})

t.test('a collector that does not read costs copies, which are counted, and nothing else', async (t) => {
  const collector = await startTcpCollector(t, (socket) => socket.pause())
  const homer = exporter(t)
  homer.setTarget(toward(collector.port, { protocol: 'tcp', unmasked: true }))
  const big = message('MESSAGE sip:x@y SIP/2.0', { callId: 'c', cseq: '1 MESSAGE' }, [], 'm'.repeat(30_000))
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  for (let index = 0; index < 3_000 && (homer.counters().homerDropped ?? 0) === 0; index++) {
    homer.take(big, true, teams)
    if (index % 20 === 0) await turn()
  }
  t.ok((homer.counters().homerDropped ?? 0) > 0, 'some were dropped')
  t.ok((homer.counters().homerWaiting ?? 0) <= 140, 'at most 4 MiB wait')
  const beforeMs = threadCpuMs()
  for (let index = 0; index < 1_000; index++) homer.take(big, true, teams)
  t.ok(threadCpuMs() - beforeMs < 100, 'and taking one more costs nothing')
})

t.test('a collector that is not there is tried again, ever less often, and told as a problem', async (t) => {
  const clock = new FakeClock()
  const homer = exporter(t, clock)
  const port = await freePort()
  homer.setTarget(toward(port, { protocol: 'tcp' }))
  await until(() => homer.counters().homerConnectFailures === 1)
  t.match(homer.problem, /ECONNREFUSED/)
  clock.advance(1_000)
  await until(() => homer.counters().homerConnectFailures === 2)
  clock.advance(1_999)
  t.equal(homer.counters().homerConnectFailures, 2)
  const back = createServer((socket) => t.teardown(() => socket.destroy()))
  back.listen(port, '127.0.0.1')
  await once(back, 'listening')
  t.teardown(() => back.close())
  homer.take(invite, false, phone)
  clock.advance(1)
  await until(() => homer.counters().homerSent === 1)
  t.equal(homer.problem, undefined)
})

t.test('while a collector is gone no closed connection is kept for it', async (t) => {
  const homer = exporter(t)
  homer.setTarget(toward(await freePort(), { protocol: 'tcp' }))
  const kept = ((): WeakRef<object> => {
    const flow = sampleFlow('tcp', { host: '192.0.2.1', port: 5060 }, { host: '192.0.2.10', port: 5062 })
    homer.take(invite, false, flow)
    return new WeakRef(flow)
  })()
  t.equal(homer.counters().homerWaiting, 1)
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  // A WeakRef holds on until the turn in which it was made is over.
  await new Promise((resolve) => setTimeout(resolve, 20))
  collect()
  t.equal(kept.deref(), undefined)
})

t.test('a closed UDP port is counted', async (t) => {
  const collector = await startUdpCollector(t)
  const homer = exporter(t)
  homer.setTarget(toward(await freePort()))
  homer.take(invite, false, phone)
  await until(() => homer.counters().homerSent === 1)
  await until(() => {
    homer.take(invite, false, phone)
    return (homer.counters().homerRefused ?? 0) > 0
  })
  t.equal(collector.packets.length, 0)
})
