import dgram from 'node:dgram'
import { once } from 'node:events'
import net from 'node:net'
import t, { type Test } from 'tap'
import { formatMessage } from '#src/sip/format-message.ts'
import type { SipRequest } from '#src/sip/message.ts'
import { parseMessage } from '#src/sip/parse-message.ts'
import { freePort } from '#test/peers/free-port.ts'
import { startSipp } from '#test/peers/sipp.ts'
import { startTestEngine } from '#test/support/start-engine.ts'
import { ask } from './support/ask.ts'
import { makeResponse } from './transport/harness.ts'

/** One host of a trunk, at an address of its own. */
async function startHost(
  t: Test,
  host: string,
  port: number,
  answer: (request: SipRequest) => number,
  headers: string[] = [],
) {
  const socket = dgram.createSocket('udp4')
  socket.bind(port, host)
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  const asked: string[] = []
  socket.on('message', (bytes, source) => {
    const request = parseMessage(bytes)
    if (request.kind !== 'request') return
    asked.push(request.method)
    const status = answer(request)
    if (status === 0 || request.method === 'ACK') return
    const response = makeResponse(request, status)
    response.headers.set('To', `${response.headers.get('To')};tag=${host}`)
    for (let index = 0; index < headers.length; index += 2)
      response.headers.append(headers[index] ?? '', headers[index + 1] ?? '')
    socket.send(formatMessage(response), source.port, source.address)
  })
  return asked
}

const hosts = ['127.0.0.31', '127.0.0.32', '127.0.0.33']
const staticHosts = hosts.map((address) => ({ name: 'trunk.test', address }))

void t.test(
  'after 503 the next host is asked, and the first is left alone for its Retry-After',
  async (t) => {
    const port = await freePort()
    let first = 503
    const asked = [
      await startHost(t, hosts[0] as string, port, () => first, ['Retry-After', '120 (restarting)']),
      await startHost(t, hosts[1] as string, port, () => 200),
      await startHost(t, hosts[2] as string, port, () => 200),
    ]
    const { srf } = await startTestEngine(t, { staticHosts })
    const uri = `sip:trunk.test:${port}`
    t.equal((await ask(srf, uri, { method: 'OPTIONS' })).status, 200)
    t.same(
      asked.map(({ length }) => length),
      [1, 1, 0],
    )
    first = 200
    t.equal((await ask(srf, uri, { method: 'OPTIONS' })).status, 200)
    t.same(
      asked.map(({ length }) => length),
      [1, 2, 0],
      'RFC 3261 21.5.4: not before its time is over',
    )
  },
)

void t.test('when every host says 503, that is what the application hears', async (t) => {
  const port = await freePort()
  for (const host of hosts) await startHost(t, host, port, () => 503)
  const { srf } = await startTestEngine(t, { staticHosts })
  t.equal((await ask(srf, `sip:trunk.test:${port}`, { method: 'OPTIONS' })).status, 503)
  // An INVITE too; each of the three refusals is acknowledged.
  await t.rejects(srf.createUAC(`sip:1@trunk.test:${port}`, { localSdp: 'v=0\r\n' }), /503/)
})

void t.test('another refusal is final: no other host is asked', async (t) => {
  const port = await freePort()
  await startHost(t, hosts[0] as string, port, () => 480)
  const second = await startHost(t, hosts[1] as string, port, () => 200)
  const { srf } = await startTestEngine(t, { staticHosts })
  t.equal((await ask(srf, `sip:trunk.test:${port}`, { method: 'OPTIONS' })).status, 480)
  t.same(second, [])
})

void t.test('a host that is gone costs its wait once', async (t) => {
  const port = await freePort()
  const second = await startHost(t, hosts[1] as string, port, () => 200)
  const { srf, engine } = await startTestEngine(t, { staticHosts })
  const uri = `sip:trunk.test:${port}`
  t.equal((await ask(srf, uri, { method: 'OPTIONS' })).status, 200)
  const refused = engine.counters()['udpRefused']
  t.equal(refused, 1, 'nothing listens at the first')
  t.equal((await ask(srf, uri, { method: 'OPTIONS' })).status, 200)
  t.equal(engine.counters()['udpRefused'], refused, 'the second request went straight to the second host')
  t.equal(second.length, 2)
})

/** SIPp that answers a MESSAGE and writes down over what it came and what its Via said. */
const answerMessage = `<?xml version="1.0" encoding="us-ascii"?>
<scenario name="message">
<recv request="MESSAGE"><action>
<ereg regexp="SIP/2.0/[A-Z]*" search_in="hdr" header="Via:" assign_to="via"/>
<log message="[transport] [$via]"/>
</action></recv>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
</scenario>`

function listener(port: number, transport: 'u1' | 't1', calls: number) {
  return startSipp({ scenario: answerMessage, localPort: port, transport, calls })
}

const message = (length: number) => ({
  method: 'MESSAGE',
  headers: { 'Content-Type': 'text/plain' },
  body: 'x'.repeat(length),
})

void t.test('a request too large for a datagram goes over TCP (RFC 3261 18.1.1), seen by SIPp', async (t) => {
  const port = await freePort()
  const { srf, engine } = await startTestEngine(t)
  const uri = `sip:127.0.0.1:${port}`
  const tcp = listener(port, 't1', 2)
  const udp = listener(port, 'u1', 2)
  await untilTcp(port)
  await untilUdp(srf, uri)
  t.equal((await ask(srf, uri, message(1400))).status, 200)
  t.equal((await ask(srf, uri, message(1400))).status, 200)
  const overTcp = await tcp.done
  t.same(overTcp.logs, ['TCP SIP/2.0/TCP', 'TCP SIP/2.0/TCP'])
  t.match(engine.counters(), { largeRequestsOverTcp: 2 })

  // What names its transport stays on it by default; and with nobody at TCP any more, UDP has to do.
  t.equal((await ask(srf, `${uri};transport=udp`, message(1400))).status, 200)
  t.same((await udp.done).logs.slice(1), ['UDP SIP/2.0/UDP'])
})

async function untilTcp(port: number): Promise<void> {
  for (;;) {
    const socket = net.connect({ port, host: '127.0.0.1' })
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (open) return
  }
}

// SIPp takes a moment to bind its port.
async function untilUdp(srf: Parameters<typeof ask>[0], uri: string): Promise<void> {
  while ((await ask(srf, `${uri};transport=udp`, message(1)).catch(() => ({ status: 0 }))).status !== 200) {
    await new Promise((resolve) => setImmediate(resolve))
  }
}

void t.test('without TCP at the peer it falls back to UDP, and remembers', async (t) => {
  const port = await freePort()
  const uri = `sip:127.0.0.1:${port}`
  const { srf, engine } = await startTestEngine(t)
  const udp = listener(port, 'u1', 3)
  await untilUdp(srf, uri)
  t.equal((await ask(srf, uri, message(1400))).status, 200)
  t.equal(engine.counters()['connectFailures'], 1)
  t.equal((await ask(srf, uri, message(1400))).status, 200)
  t.equal(engine.counters()['connectFailures'], 1, 'TCP is not tried again for a while')
  t.same((await udp.done).logs, Array(3).fill('UDP SIP/2.0/UDP'))
})

void t.test('it can be switched off, and on for every target', async (t) => {
  const port = await freePort()
  const seen = await startHost(t, '127.0.0.1', port, () => 200)
  const off = await startTestEngine(t, { largeRequests: 'udp' })
  t.equal((await ask(off.srf, `sip:127.0.0.1:${port}`, message(1400))).status, 200)
  t.equal(off.engine.counters()['connectFailures'], 0)
  const always = await startTestEngine(t, { largeRequests: 'tcp' })
  t.equal((await ask(always.srf, `sip:127.0.0.1:${port};transport=udp`, message(1400))).status, 200)
  t.equal(always.engine.counters()['connectFailures'], 1)
  t.equal((await ask(always.srf, `sip:127.0.0.1:${port};transport=udp`, message(100))).status, 200)
  t.equal(seen.length, 3)
})
