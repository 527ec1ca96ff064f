import t from 'tap'
import type { SipMessage } from '#src/sip/message.ts'
import { RawPeer, sdp } from '#test/engine/support/raw-peer.ts'
import { freePort } from '#test/peers/free-port.ts'
import { startSipp } from '#test/peers/sipp.ts'
import { answerScenario, plainCallScenario } from '#test/peers/sipp-scenarios.ts'
import { startTestEngine } from '#test/support/start-engine.ts'
import { until } from '#test/support/until.ts'
import { answerInvite, calleeOf, proxyWorld, type ProxyWorld } from './world.ts'

/** A call through the proxy; what comes back is our Record-Route. */
async function connected(world: ProxyWorld): Promise<string> {
  const { caller } = world
  caller.send(caller.request('INVITE', { callId: 'call' }), sdp)
  await answerInvite(calleeOf(world, 0), 200, 'callee')
  const ok = await caller.nextResponse(200)
  return ok.headers.get('Record-Route') ?? ''
}

const isMethod =
  (method: string, viaCount: number) =>
  (message: SipMessage): boolean =>
    message.kind === 'request' &&
    message.method === method &&
    message.headers.getAll('Via').length === viaCount

void t.test(
  'what follows in the call comes through us, both ways, and never to the application',
  async (t) => {
    const world = await proxyWorld(t, { remainInDialog: true })
    world.srf.use('bye', () => t.fail('the application was asked'))
    const { caller } = world
    const callee = calleeOf(world, 0)
    const route = await connected(world)
    t.match(route, /^<sip:127\.0\.0\.1:\d+;lr;proof=[\w-]+>$/)
    const toCallee = { uri: `sip:peer@127.0.0.1:${callee.port}`, callId: 'call', toTag: 'callee' }
    caller.send(caller.request('ACK', { ...toCallee, contact: null, extra: [`Route: ${route}`] }))
    const ack = await callee.nextRequest('ACK')
    t.notOk(ack.headers.has('Route'), 'our own Route is taken off')
    t.equal(ack.headers.get('Max-Forwards'), '69')
    t.equal(ack.headers.getAll('Via').length, 2)
    caller.send(caller.request('INVITE', { ...toCallee, sequence: 2, extra: [`Route: ${route}`] }), sdp)
    const again = await callee.nextRequest('INVITE')
    callee.send(callee.answer(again, 488, 'Not Acceptable Here'))
    t.equal((await caller.nextResponse(488)).headers.get('CSeq'), '2 INVITE')
    const back = callee.request('BYE', {
      uri: `sip:peer@127.0.0.1:${caller.port}`,
      callId: 'call',
      fromTag: 'callee',
      toTag: 'peer-tag',
      contact: null,
      extra: [`Route: ${route}`, `Route: <sip:127.0.0.1:${caller.port};lr;proof=none>`],
    })
    callee.send(back)
    const bye = await caller.nextRequest('BYE')
    t.same(bye.headers.getAll('Route').length, 1, 'a Route of others stays')
    caller.send(caller.answer(bye, 200, 'OK'))
    t.equal((await callee.nextResponse(200)).headers.get('CSeq'), '1 BYE')
    t.equal(world.engine.counters()['proxiedAlive'], 0)
  },
)

void t.test(
  'a strict router before us is understood (RFC 3261 16.4), one behind us served (16.6-6)',
  async (t) => {
    const world = await proxyWorld(t, { remainInDialog: true })
    const { caller } = world
    const callee = calleeOf(world, 0)
    const route = await connected(world)
    const ours = route.slice(1, -1)
    const target = `sip:peer@127.0.0.1:${callee.port}`
    const parts = { callId: 'call', toTag: 'callee', contact: null }
    caller.send(caller.request('INFO', { ...parts, uri: ours, sequence: 2, extra: [`Route: <${target}>`] }))
    const info = await callee.nextRequest('INFO')
    t.equal(info.uri, target)
    t.notOk(info.headers.has('Route'))
    const strict = `sip:strict@127.0.0.1:${callee.port}`
    const extra = [`Route: ${route}`, `Route: <${strict}>`]
    caller.send(caller.request('INFO', { ...parts, uri: 'sip:far@192.0.2.1', sequence: 3, extra }))
    const second = await callee.next((m) => m.kind === 'request' && m.headers.get('CSeq') === '3 INFO')
    t.equal(second.kind === 'request' && second.uri, strict)
    t.same(second.headers.getAll('Route'), ['<sip:far@192.0.2.1>'])
  },
)

void t.test('nobody relays through us without a call that was let through', async (t) => {
  const world = await proxyWorld(t, { remainInDialog: true })
  const { caller } = world
  const callee = calleeOf(world, 0)
  const route = await connected(world)
  const victim = await RawPeer.open(t, world.udpPort)
  const forged = [
    route.replace(/proof=[\w-]+/, 'proof=AAAAAAAAAAAAAAAAAAAA'),
    `<sip:127.0.0.1:${world.udpPort};lr>`,
    route,
  ]
  for (const [index, value] of forged.entries()) {
    // The last one is genuine, and of another call.
    caller.send(
      caller.request('INFO', {
        uri: `sip:127.0.0.1:${victim.port}`,
        callId: `stolen-${index}`,
        toTag: 'callee',
        contact: null,
        extra: [`Route: ${value}`],
      }),
    )
    const refused = await caller.next(
      (m) => m.kind === 'response' && m.headers.get('Call-ID') === `stolen-${index}` && m.status > 100,
    )
    t.equal(refused.kind === 'response' && refused.status, 481)
  }
  t.equal(victim.received.length, 0)
  t.ok(callee.received.length > 0)
})

void t.test(
  'REGISTER gets our Path, and requests along it reach the phone (RFC 3327, RFC 5626 5.3)',
  async (t) => {
    const world = await proxyWorld(t, { remainInDialog: true, methods: ['register'] })
    const phone = world.caller
    const registrar = calleeOf(world, 0)
    phone.send(phone.request('REGISTER'))
    const register = await registrar.nextRequest('REGISTER')
    const path = register.headers.get('Path') ?? ''
    t.match(path, /^<sip:p[\w-]+@127\.0\.0\.1:\d+;lr;ob;proof=/)
    t.equal(register.headers.get('Require'), 'path')
    registrar.send(registrar.answer(register, 200, 'OK', 'reg', [`Path: ${path}`]))
    await phone.nextResponse(200)
    const uri = 'sip:phone@behind-nat.invalid'
    registrar.send(registrar.request('INVITE', { uri, callId: 'to-phone', extra: [`Route: ${path}`] }), sdp)
    const invite = await phone.next(isMethod('INVITE', 2))
    t.equal(invite.kind === 'request' && invite.uri, uri)
    t.ok(invite.headers.has('Record-Route'), 'later requests find the way as well')
  },
)

for (const transport of ['u1', 't1'] as const) {
  void t.test(
    `SIPp calls SIPp through the proxy, caller by ${transport === 'u1' ? 'UDP' : 'TCP'}`,
    async (t) => {
      const { srf, engine, udpPort, tcpPort } = await startTestEngine(t)
      const calleePort = await freePort()
      const deafPort = await freePort()
      const callee = startSipp({ scenario: answerScenario({ srtp: false }), localPort: calleePort })
      t.teardown(() => callee.stop())
      const proxy = srf as unknown as { proxyRequest(...values: unknown[]): Promise<{ connected: boolean }> }
      let up = 0
      srf.use('invite', (request) => {
        const targets = [`sip:127.0.0.1:${deafPort};transport=tcp`, `sip:127.0.0.1:${calleePort}`]
        void proxy
          .proxyRequest(request, targets, { remainInDialog: true })
          .then(({ connected }) => (up += connected ? 1 : 0))
      })
      const result = await startSipp({
        scenario: plainCallScenario({ talkMs: 100 }),
        localPort: await freePort(),
        target: `127.0.0.1:${transport === 'u1' ? udpPort : tcpPort}`,
        transport,
        rate: 40,
        calls: 80,
      }).done
      t.equal(result.failed, 0, result.errors.slice(-500))
      t.equal(result.successful, 80)
      t.equal(up, 80)
      t.equal(engine.counters()['proxiedAlive'], 0)
      t.equal(engine.counters()['dialogsAlive'], 0)
      const { failed, successful } = await callee.stop()
      t.same({ failed, successful }, { failed: 0, successful: 80 })
      await until(() => engine.counters()['requestsServing'] === 0)
    },
  )
}
