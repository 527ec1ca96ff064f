import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { defaultGuard, defaultOverload } from '#src/engine/guard/options.ts'
import { startBareEngine, startTestEngine, portOf } from '#test/support/start-engine.ts'
import { until } from '#test/support/until.ts'

const guard = { ...defaultGuard, exemptLoopback: false, floodPerSecond: 50, floodBurst: 100 }

async function open(t: Test, address: string): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.bind(0, address)
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  return socket
}

let number = 0
const ask = (method: string, user: string, userAgent = 'Phone'): string =>
  [
    `${method} sip:${user}@127.0.0.1 SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.9;rport;branch=z9hG4bK${++number}`,
    `From: <sip:a@127.0.0.9>;tag=${number}`,
    `To: <sip:${user}@127.0.0.1>`,
    `Call-ID: ${number}@127.0.0.9`,
    `CSeq: 1 ${method}`,
    'Contact: <sip:a@127.0.0.9>',
    `User-Agent: ${userAgent}`,
    'Content-Length: 0\r\n\r\n',
  ].join('\r\n')

t.test('an engine without guard and overload control has neither, and takes everything', async (t) => {
  const engine = await startBareEngine(t)
  t.equal(engine.guard, undefined)
  t.equal(engine.overload, undefined)
  t.notOk('bansMade' in engine.counters())
})

t.test('dialling where nobody is shuts out, over whatever application', async (t) => {
  const { engine, srf, udpPort } = await startTestEngine(t, { guard })
  srf.invite((_request, response) => response.send(404))
  srf.use('options', (_request: unknown, response: { send(status: number): void }) => response.send(200))
  const dialler = await open(t, '127.0.0.21')
  for (let user = 0; user < 25; user++) dialler.send(ask('INVITE', `00${user}`), udpPort, '127.0.0.1')
  await until(() => engine.guard?.bans().length === 1)
  t.match(engine.guard?.bans(), [{ address: '127.0.0.21', cause: 'nobody', sample: /^INVITE sip:00/ }])

  const phone = await open(t, '127.0.0.22')
  for (let count = 0; count < 25; count++) phone.send(ask('OPTIONS', `00${count}`), udpPort, '127.0.0.1')
  for (let count = 0; count < 60; count++) phone.send(ask('INVITE', '100'), udpPort, '127.0.0.1')
  await until(() => (engine.counters()['messagesReceived'] ?? 0) >= 100)
  t.equal(engine.guard?.bans().length, 1, 'who redials one wrong number, or is answered, is not')
})

t.test('malformed messages over a connection close the door to its address, and to no other', async (t) => {
  const engine = await startBareEngine(t, { guard })
  const port = portOf(engine, 'tcp')
  const talk = async (from: string): Promise<boolean> => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: from })
    socket.on('error', () => undefined)
    t.teardown(() => socket.destroy())
    socket.write('\r\n\r\n')
    return new Promise((resolve) => {
      socket.once('data', () => resolve(true))
      socket.once('close', () => resolve(false))
    })
  }
  for (let count = 0; count < 40 && engine.guard?.bans().length === 0; count++) {
    const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.23' })
    socket.on('error', () => undefined)
    socket.write('NONSENSE\r\nContent-Length: x\r\n\r\n')
    socket.resume()
    await new Promise((resolve) => socket.once('close', resolve))
  }
  t.match(engine.guard?.bans(), [{ address: '127.0.0.23', cause: 'malformed', reach: 'all' }])
  t.equal(await talk('127.0.0.23'), false)
  t.equal(await talk('127.0.0.24'), true)
  t.equal(engine.guard?.unban('127.0.0.23'), true)
  t.equal(await talk('127.0.0.23'), true)
  t.equal(engine.counters()['guardConnectionsRefused'], 1)
})

t.test('a flood over TCP loses its connection', async (t) => {
  const engine = await startBareEngine(t, { guard })
  const socket = connect({ port: portOf(engine, 'tcp'), host: '127.0.0.1', localAddress: '127.0.0.25' })
  socket.on('error', () => undefined)
  // Reset or ended, either is the door.
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.resume()
  socket.write(Array.from({ length: 500 }, () => ask('OPTIONS', '1').replace('UDP', 'TCP')).join(''))
  await closed
  t.match(engine.guard?.bans(), [{ address: '127.0.0.25', cause: 'flood', reach: 'all' }])
})

t.test(
  'caps of transactions and dialogs are the engine’s too, and each refusal has its counter',
  async (t) => {
    const overload = { ...defaultOverload, maxServerTransactions: 10 }
    const engine = await startBareEngine(t, { overload })
    const phone = await open(t, '127.0.0.26')
    const statuses: string[] = []
    phone.on('message', (bytes) => statuses.push(bytes.toString('latin1', 8, 11)))
    for (let count = 0; count < 30; count++)
      phone.send(ask('MESSAGE', '1'), portOf(engine, 'udp'), '127.0.0.1')
    await until(() => statuses.length === 30)
    const counters = engine.counters()
    t.equal(counters['serverTransactionsAlive'], 10)
    t.equal(counters['refusedByServerTransactions'], 20)
    t.same(new Set(statuses), new Set(['503']), 'no application, or no room')
  },
)
