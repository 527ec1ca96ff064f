import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import type { SipResponse } from '#src/sip/message.ts'
import type { EngineOptions } from '#src/engine/options.ts'
import type { Engine } from '#src/engine/engine.ts'
import { freePort } from '#test/peers/free-port.ts'
import { startSipp } from '#test/peers/sipp.ts'
import { answerScenario } from '#test/peers/sipp-scenarios.ts'
import { portOf, startBareEngine } from '#test/support/start-engine.ts'
import { until } from '#test/support/until.ts'
import { RawPeer, sdp, toTagOf } from './support/raw-peer.ts'

const secret = 'of both processes'

const head = (method: string, sequence: number, to: string): string => `
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: <sip:caller@[remote_ip]>;tag=[pid]t[call_number]
To: <sip:callee@[remote_ip]>${to}
Call-ID: [call_id]
CSeq: ${sequence} ${method}
Contact: <sip:caller@[local_ip]:[local_port]>`

// Each call says how it went: refused, ended by the far end, or ended by itself.
const caller = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="caller">
<send retrans="500"><![CDATA[
INVITE sip:callee@[remote_ip]:[remote_port] SIP/2.0${head('INVITE', 1, '')}
Content-Type: application/sdp
Content-Length: [len]

${sdp.replaceAll('\r\n', '\n')}]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="503" optional="true" next="refused"/>
<recv response="200" rrs="true"/>
<send><![CDATA[
ACK [next_url] SIP/2.0${head('ACK', 1, '[peer_tag_param]')}
[routes]
Content-Length: 0

]]></send>
<recv request="BYE" timeout="1500" ontimeout="hangup"/>
<nop><action><log message="ended"/></action></nop>
<send next="done"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
<label id="hangup"/>
<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0${head('BYE', 2, '[peer_tag_param]')}
[routes]
Content-Length: 0

]]></send>
<recv request="BYE" optional="true"/>
<recv response="481" optional="true" next="done"/>
<recv response="200" next="hungup"/>
<label id="refused"/>
<send><![CDATA[
ACK sip:callee@[remote_ip]:[remote_port] SIP/2.0
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
<nop next="done"><action><log message="refused"/></action></nop>
<label id="hungup"/>
<nop><action><log message="hung up"/></action></nop>
<label id="done"/>
<nop/>
</scenario>`

const register = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="register">
<send retrans="500"><![CDATA[
REGISTER sip:[remote_ip]:[remote_port] SIP/2.0${head('REGISTER', 1, '')}
Content-Length: 0

]]></send>
<recv response="503" optional="true" next="refused"/>
<recv response="200" next="done"/>
<label id="refused"/>
<nop><action><log message="refused"/></action></nop>
<label id="done"/>
<nop/>
</scenario>`

interface App {
  child: ChildProcess
  calls: () => number
  died: Promise<void>
}

async function startApp(t: Test, engine: Engine, tag: string, calleePort: number): Promise<App> {
  const program = new URL('./support/loss-app.ts', import.meta.url).pathname
  const args = [program, String(engine.door?.port), secret, tag, String(calleePort)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const died = new Promise<void>((resolve) => child.on('exit', () => resolve()))
  t.teardown(async () => {
    child.kill('SIGKILL')
    await died
  })
  let ready = false
  let calls = 0
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === 'READY') ready = true
    else if (line === 'call') calls++
    else t.fail(`the application says: ${line}`)
  })
  await until(() => ready)
  return { child, calls: () => calls, died }
}

async function startAll(
  t: Test,
  applicationLoss: NonNullable<EngineOptions['applicationLoss']>,
): Promise<{ engine: Engine; udpPort: number; calleePort: number; callee: ReturnType<typeof startSipp> }> {
  const engine = await startBareEngine(t, { door: { host: '127.0.0.1', port: 0, secret }, applicationLoss })
  const calleePort = await freePort()
  const callee = startSipp({ scenario: answerScenario({ srtp: false }), localPort: calleePort })
  t.teardown(() => callee.stop())
  return { engine, udpPort: portOf(engine, 'udp'), calleePort, callee }
}

async function answerTo(peer: RawPeer, method: string): Promise<SipResponse> {
  const message = await peer.next(
    ({ kind, headers }) => kind === 'response' && headers.get('CSeq')?.endsWith(method) === true,
  )
  return message as SipResponse
}

const alive = ['dialogsAlive', 'requestsServing', 'requestsAsking', 'proxiedAlive'] as const

async function nothingStays(t: Test, engine: Engine): Promise<void> {
  const left = (): number => alive.reduce((sum, name) => sum + (engine.counters()[name] ?? NaN), 0)
  await until(() => left() === 0)
  t.equal(left(), 0, 'nothing stays behind')
}

void t.test(
  'one of two processes is killed under load: the other goes on, calls of the dead one are ended',
  async (t) => {
    const { engine, udpPort, calleePort, callee } = await startAll(t, { dialogs: 'end' })
    const [first, second] = [
      await startApp(t, engine, 'one', calleePort),
      await startApp(t, engine, 'two', calleePort),
    ]
    const target = `127.0.0.1:${udpPort}`
    const calls = startSipp({ scenario: caller, localPort: await freePort(), target, rate: 40, calls: 120 })
    const registers = startSipp({
      scenario: register,
      localPort: await freePort(),
      target,
      rate: 100,
      calls: 400,
    })
    const slow = await RawPeer.open(t, udpPort)
    await until(() => first.calls() >= 15 && second.calls() >= 15)
    for (let number = 0; number < 6; number++) {
      slow.send(
        slow.request('INVITE', {
          uri: `sip:slow@${target}`,
          callId: `slow-${number}`,
          branch: `z9hG4bKs${number}`,
        }),
        sdp,
      )
    }
    await until(() => (engine.counters()['requestsServing'] ?? 0) >= 6)
    const upAtFirst = first.calls()
    first.child.kill('SIGKILL')
    await first.died
    const refused = (): Set<string | undefined> =>
      new Set(
        slow.received
          .filter((message) => message.kind === 'response' && message.status === 503)
          .map(({ headers }) => headers.get('Call-ID')),
      )
    await until(() => refused().size > 0)
    const [callResult, registerResult] = await Promise.all([calls.done, registers.done])
    t.equal(callResult.failed, 0, callResult.errors.slice(-300))
    t.equal(callResult.successful, 120)
    t.equal(registerResult.failed, 0, registerResult.errors.slice(-300))
    t.equal(registerResult.successful, 400)
    const count = (logs: readonly string[], word: string): number =>
      logs.filter((line) => line.includes(word)).length
    t.ok(upAtFirst > 0)
    t.ok(
      count(callResult.logs, 'ended') > 0,
      `${count(callResult.logs, 'ended')} calls of the dead one were ended by BYE`,
    )
    t.ok(count(callResult.logs, 'refused') <= 12, `${count(callResult.logs, 'refused')} were pending at it`)
    t.equal(
      count(registerResult.logs, 'refused'),
      0,
      'a REGISTER that waited at the dead one went to the other',
    )
    t.equal(
      count(callResult.logs, 'ended') + count(callResult.logs, 'refused') + count(callResult.logs, 'hung up'),
      120,
    )
    // The others wait at the living one, which never answers them.
    t.equal(refused().size + (engine.counters()['requestsServing'] ?? 0), 6)
    t.ok(refused().size < 6, `${refused().size} of the INVITEs that waited were at the dead one and got 503`)
    for (let number = 0; number < 6; number++) {
      slow.send(
        slow.request('CANCEL', {
          uri: `sip:slow@${target}`,
          callId: `slow-${number}`,
          branch: `z9hG4bKs${number}`,
          contact: null,
        }),
      )
    }
    await nothingStays(t, engine)
    const { failed } = await callee.stop()
    t.ok(failed <= 12, `${failed} calls were cancelled before the callee had answered`)
  },
)

void t.test('calls of a killed process wait for its return, or end when it does not come', async (t) => {
  const { engine, udpPort, calleePort, callee } = await startAll(t, { dialogs: { waitMs: 4000 } })
  const first = await startApp(t, engine, 'one', calleePort)
  const peer = await RawPeer.open(t, udpPort)
  const call = async (callId: string): Promise<string> => {
    peer.send(peer.request('INVITE', { callId, uri: `sip:callee@127.0.0.1:${udpPort}` }), sdp)
    const ok = await peer.nextResponse(200)
    peer.send(peer.request('ACK', { callId, toTag: toTagOf(ok) }))
    return toTagOf(ok)
  }
  const kept = await call('kept')
  const ended = await call('ended')
  await until(() => first.calls() === 2)
  t.equal(engine.counters()['dialogsAlive'], 4)
  await startApp(t, engine, 'two', calleePort)
  first.child.kill('SIGKILL')
  await first.died
  const info = (sequence: number): void =>
    peer.send(peer.request('INFO', { callId: 'kept', toTag: kept, sequence, contact: null }))
  await until(() => engine.counters()['routes'] === 3)
  info(2)
  const meanwhile = await answerTo(peer, 'INFO')
  t.equal(meanwhile.status, 503)
  t.ok(meanwhile.headers.has('Retry-After'))
  peer.send(peer.request('BYE', { callId: 'ended', toTag: ended, sequence: 2, contact: null }))
  t.equal((await answerTo(peer, 'BYE')).status, 200, 'BYE is always taken')
  t.equal(engine.counters()['dialogsAlive'], 3)
  // It comes back under its own name; the other process is left in peace.
  const again = await startApp(t, engine, 'one', calleePort)
  info(3)
  const answer = await answerTo(peer, 'INFO')
  t.equal(answer.status, 200)
  t.equal(answer.headers.get('X-App'), 'one')
  again.child.kill('SIGKILL')
  await again.died
  await until(() => engine.counters()['routes'] === 3)
  t.equal(engine.counters()['dialogsAlive'], 3, 'they wait')
  const bye = await peer.nextRequest('BYE')
  t.equal(bye.headers.get('Call-ID'), 'kept')
  t.match(bye.headers.get('Reason'), /Application gone/)
  peer.send(peer.answer(bye, 200, 'OK'))
  await nothingStays(t, engine)
  const { successful, failed } = await callee.stop()
  t.same({ successful, failed }, { successful: 2, failed: 0 }, 'both callees heard BYE')
})
