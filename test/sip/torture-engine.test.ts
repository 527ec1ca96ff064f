import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { FrameStream } from '#src/sip/frame-stream.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { startTestEngine } from '#test/support/start-engine.ts'
import { until } from '#test/support/until.ts'
import { semanticCases } from './torture/rfc4475-semantics.ts'
import { syntaxCases } from './torture/rfc4475-syntax.ts'
import { ipv6Cases } from './torture/rfc5118.ts'
import { bytesOf, type Outcome, type TortureCase } from './torture/torture-case.ts'

const all = [...syntaxCases, ...semanticCases, ...ipv6Cases]
const probeCall = 'after-the-torture'
// Longer than any transaction lives: the next message may use the branch of this one.
const forgottenMs = 200_000

let probes = 0

/** A request that is answered after whatever was sent before it on the same path. */
function probe(transport: 'UDP' | 'TCP'): string {
  probes++
  return [
    'OPTIONS sip:probe@127.0.0.1 SIP/2.0',
    `Via: SIP/2.0/${transport} 127.0.0.1:9;branch=z9hG4bKprobe${probes}`,
    'Max-Forwards: 70',
    'From: <sip:probe@127.0.0.1>;tag=p',
    'To: <sip:probe@127.0.0.1>',
    `Call-ID: ${probeCall}`,
    `CSeq: ${probes} OPTIONS`,
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n')
}

async function world(t: Test) {
  const clock = new FakeClock()
  const running = await startTestEngine(t, { clock })
  const seen: string[] = []
  for (const method of ['invite', 'register', 'options', 'message'] as const) {
    running.srf.use(method, (req, res) => {
      if (req.get('Call-ID') !== probeCall) seen.push(req.method)
      res.send(method === 'invite' ? 486 : 200)
    })
  }
  const udp = createSocket('udp4')
  await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve))
  t.teardown(() => udp.close())
  return { ...running, clock, seen, udp }
}

type World = Awaited<ReturnType<typeof world>>

function finals(messages: readonly string[]): number[] {
  return messages.map((message) => Number(message.slice(8, 11))).filter((status) => status >= 200)
}

function isProbeAnswer(message: string): boolean {
  return message.includes(`Call-ID: ${probeCall}\r\n`)
}

// Answers as text: a 400 repeats what was wrong, and no parser of ours would read that.

/** Sends by UDP, then a probe on the same socket: everything that came before its answer belongs to the message. */
async function overUdp(udp: UdpSocket, port: number, bytes: Buffer | undefined): Promise<string[]> {
  const heard: string[] = []
  await new Promise<void>((resolve) => {
    const onMessage = (datagram: Buffer): void => {
      const message = datagram.toString('latin1')
      if (!isProbeAnswer(message)) heard.push(message)
      else {
        udp.off('message', onMessage)
        resolve()
      }
    }
    udp.on('message', onMessage)
    if (bytes) udp.send(bytes, port, '127.0.0.1')
    udp.send(probe('UDP'), port, '127.0.0.1')
  })
  return heard
}

interface Connection {
  socket: Socket
  heard: string[]
  closed: boolean
}

async function dial(t: Test, port: number): Promise<Connection> {
  const socket = connect(port, '127.0.0.1')
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  t.teardown(() => socket.destroy())
  const connection: Connection = { socket, heard: [], closed: false }
  const frames = new FrameStream(
    { maxMessageBytes: 65_536, maxHeaderBytes: 65_536 },
    {
      onMessage: (bytes) => connection.heard.push(bytes.toString('latin1')),
      onPing: () => undefined,
      onError: () => undefined,
    },
  )
  socket.on('data', (chunk) => frames.push(chunk))
  socket.on('error', () => undefined)
  socket.on('close', () => (connection.closed = true))
  return connection
}

async function overTcp(t: Test, w: World, bytes: Buffer, outcome: Outcome): Promise<string[]> {
  const connection = await dial(t, w.tcpPort)
  connection.socket.write(bytes)
  if ((outcome.connection ?? 'open') === 'open') {
    connection.socket.write(probe('TCP'))
    await until(() => connection.heard.some(isProbeAnswer))
    t.notOk(connection.closed, 'the connection lives')
  } else if (outcome.connection === 'closed') {
    await until(() => connection.closed)
  } else {
    // What came whole is answered, the rest waits for more until the limit for half messages.
    await until(() => finals(connection.heard).length === outcome.answers.length)
    await until(() => {
      w.clock.advance(1000)
      return connection.closed
    })
  }
  connection.socket.destroy()
  return connection.heard.filter((message) => !isProbeAnswer(message))
}

async function judge(t: Test, w: World, one: TortureCase, outcome: Outcome, heard: string[]) {
  t.same(finals(heard), outcome.answers, 'what comes back')
  t.same(w.seen, outcome.seen ?? [], 'what the application saw')
  for (const message of heard) t.match(message, /^SIP\/2\.0 \d{3} /, 'responses and nothing else')
  // What stays of INVITEs ends by timer H, of others by J; then the branch is free again.
  w.clock.advance(forgottenMs)
  const counters = w.engine.counters()
  // Repeated refusals of INVITEs that nobody acknowledged are on their way; none of them is for the next message.
  await overUdp(w.udp, w.udpPort, undefined)
  w.seen.length = 0
  t.equal(counters['userFailures'], 0, `${one.name}: nothing threw`)
  for (const name of [
    'serverTransactionsAlive',
    'clientTransactionsAlive',
    'dialogsAlive',
    'requestsServing',
  ])
    t.equal(counters[name], 0, name)
}

void t.test('every message reaches a running engine over UDP', async (t) => {
  const w = await world(t)
  let judged = 0
  for (const one of all) {
    await t.test(`RFC ${one.rfc} ${one.section} ${one.name}`, async (t) => {
      await judge(t, w, one, one.udp, await overUdp(w.udp, w.udpPort, bytesOf(one)))
      judged++
    })
  }
  t.equal(judged, 49 + 12)
})

void t.test('every message reaches a running engine over TCP', async (t) => {
  const w = await world(t)
  let judged = 0
  for (const one of all) {
    await t.test(`RFC ${one.rfc} ${one.section} ${one.name}`, async (t) => {
      const outcome = one.tcp ?? one.udp
      await judge(t, w, one, outcome, await overTcp(t, w, bytesOf(one), outcome))
      judged++
    })
  }
  t.equal(judged, 49 + 12)
})
