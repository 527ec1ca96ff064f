import { createServer } from 'node:net'
import t from 'tap'
import { SessionTimer } from '#src/engine/dialog/session-timer.ts'
import type { SipMessage } from '#src/sip/message.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { freePort } from '#test/peers/free-port.ts'
import { startTestEngine } from '#test/support/start-engine.ts'
import { until } from '#test/support/until.ts'
import { answeredCall, numberOf, placedCall } from '../support/established.ts'
import { RawPeer, sdp } from '../support/raw-peer.ts'

const weRefresh = ['Supported: timer', 'Session-Expires: 100;refresher=uas']
const allow = 'Allow: INVITE, ACK, BYE, CANCEL, UPDATE'
const agreed = ['Session-Expires: 100;refresher=uac', 'Require: timer']

void t.test('refresh at half time, the end min(32 s, a third) before expiry (RFC 4028 10)', async (t) => {
  const clock = new FakeClock()
  const seen: string[] = []
  const note = (what: string) => (): void => void seen.push(`${what} ${clock.monotonicMs()}`)
  const timer = new SessionTimer(clock, note('refresh'), note('expire'))
  timer.arm({ intervalS: 1800, refresher: 'us' })
  clock.advance(1_800_000)
  timer.arm({ intervalS: 90, refresher: 'peer' })
  clock.advance(90_000)
  t.same(seen, ['refresh 900000', 'expire 1768000', 'expire 1860000'])
  timer.arm({ intervalS: 90, refresher: 'us' })
  timer.retryAfter(1000)
  clock.advance(1000)
  t.equal(seen.at(-1), 'refresh 1891000')
  timer.arm(undefined)
  t.equal(timer.agreement, undefined)
  timer.retryAfter(10)
  t.equal(clock.pending, 0, 'a timer that is off stays off')
})

void t.test('we refresh by UPDATE without offer where the peer takes it (RFC 4028 7.4)', async (t) => {
  const { peer, clock, engine } = await answeredCall(t, { extra: [...weRefresh, allow] })
  for (const round of [1, 2]) {
    clock.advance(50_000)
    const refresh = await peer.nextRequest('UPDATE')
    t.equal(refresh.body.length, 0, `round ${round}`)
    t.equal(refresh.headers.get('Session-Expires'), '100;refresher=uac')
    t.equal(refresh.headers.get('Supported'), 'timer')
    peer.send(peer.answer(refresh, 200, 'OK', undefined, agreed))
    await until(() => (engine.counters()['messagesReceived'] ?? 0) === 2 + round)
  }
  clock.advance(50_000)
  const refused = await peer.nextRequest('UPDATE')
  peer.send(peer.answer(refused, 405, 'Method Not Allowed'))
  const again = await peer.nextRequest('INVITE')
  t.equal(again.body.toString(), sdp, 'a re-INVITE instead')
  t.ok(numberOf(again) > numberOf(refused))
  peer.send(peer.answer(again, 200, 'OK', undefined, agreed), sdp)
  await peer.nextRequest('ACK')
  t.equal(engine.counters()['dialogsAlive'], 1)
})

void t.test('the answer without Session-Expires switches the timer off (RFC 4028 7.2)', async (t) => {
  const { peer, clock, engine } = await answeredCall(t, { extra: weRefresh })
  clock.advance(50_000)
  const refresh = await peer.nextRequest('INVITE')
  peer.send(peer.answer(refresh, 200, 'OK'), sdp)
  await peer.nextRequest('ACK')
  clock.advance(1_000_000)
  t.equal(engine.counters()['dialogsAlive'], 1)
  t.equal(engine.counters()['sessionsExpired'], 0)
})

void t.test('491 to a refresh: tried again after the time of RFC 3261 14.1', async (t) => {
  const table = [
    { name: 'we made the Call-ID', least: 2100, most: 4000 },
    { name: 'the peer made it', least: 0, most: 2000 },
  ]
  for (const { name, least, most } of table) {
    const call =
      least > 0
        ? await placedCall(t, { headers: { 'Session-Expires': '100' }, extra: agreed })
        : await answeredCall(t, { extra: weRefresh })
    const { peer, clock, engine } = call
    clock.advance(50_000)
    const first = await peer.nextRequest('INVITE')
    const received = engine.counters()['messagesReceived'] ?? 0
    peer.send(peer.answer(first, 491, 'Request Pending', 'x'))
    await until(() => (engine.counters()['messagesReceived'] ?? 0) > received)
    await peer.nextRequest('ACK')
    clock.advance(least - 1)
    const sentBefore = peer.received.filter(({ kind }) => kind === 'request').length
    clock.advance(most - least + 1)
    const second = await peer.nextRequest('INVITE')
    t.equal(numberOf(second), numberOf(first) + 1, name)
    t.equal(sentBefore, peer.received.filter(({ kind }) => kind === 'request').length - 1, 'not sooner')
    peer.send(peer.answer(second, 200, 'OK', undefined, agreed), sdp)
    await peer.nextRequest('ACK')
  }
  t.equal(table.length, 2)
})

void t.test('a way that is broken at the refresh does not end the call; it is tried again', async (t) => {
  const port = await freePort()
  const contact = `<sip:peer@127.0.0.1:${port};transport=tcp>`
  const { clock, engine } = await answeredCall(t, { extra: weRefresh, contact })
  clock.advance(50_000)
  await until(() => engine.counters()['connectFailures'] === 1)
  t.equal(engine.counters()['dialogsAlive'], 1)
  const server = createServer()
  t.teardown(() => server.close())
  const refresh = new Promise<string>((resolve) => {
    server.on('connection', (socket) => {
      t.teardown(() => socket.destroy())
      socket.once('data', (bytes) => resolve(bytes.toString()))
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  // Not a word of BYE, which would be the next to try that way.
  clock.advance(10_000)
  t.match(await refresh, /^INVITE /)
  t.equal(engine.counters()['sessionsExpired'], 0)
})

void t.test('422 to a refresh: once more with the Min-SE of the peer (RFC 4028 7.4)', async (t) => {
  const { peer, clock } = await answeredCall(t, { extra: weRefresh })
  clock.advance(50_000)
  peer.send(peer.answer(await peer.nextRequest('INVITE'), 422, 'Too Small', 'x', ['Min-SE: 240']))
  const again = await peer.nextRequest('INVITE')
  t.equal(again.headers.get('Session-Expires'), '240;refresher=uac')
  t.equal(again.headers.get('Min-SE'), '240')
  peer.send(peer.answer(again, 200, 'OK', undefined, ['Session-Expires: 240;refresher=uac']), sdp)
  const isAck = (message: SipMessage): boolean => message.headers.get('CSeq') === `${numberOf(again)} ACK`
  await peer.next(isAck)
  const before = peer.received.length
  clock.advance(119_000)
  t.equal(peer.received.length, before)
  clock.advance(1000)
  t.equal((await peer.nextRequest('INVITE')).headers.get('Min-SE'), '240', 'kept for the session')
})

void t.test('a refresh that nobody answers ends the call (RFC 4028 10)', async (t) => {
  const { peer, clock, ended, engine } = await answeredCall(t, {
    extra: ['Supported: timer', 'Session-Expires: 200;refresher=uas'],
  })
  clock.advance(100_000)
  await peer.nextRequest('INVITE')
  clock.advance(32_000)
  t.match((await peer.nextRequest('BYE')).headers.get('Reason'), /Session timer expired/)
  t.equal(await ended, 'Session timer expired')
  t.equal(engine.counters()['sessionsExpired'], 1)
})

void t.test('another refusal leaves the session until it expires', async (t) => {
  const { peer, clock, ended } = await answeredCall(t, { extra: weRefresh })
  clock.advance(50_000)
  peer.send(peer.answer(await peer.nextRequest('INVITE'), 500, 'Busy', 'x', ['Retry-After: 5']))
  await peer.nextRequest('ACK')
  clock.advance(5000)
  peer.send(peer.answer(await peer.nextRequest('INVITE'), 488, 'No', 'x'))
  await peer.nextRequest('ACK')
  clock.advance(13_000)
  t.match((await peer.nextRequest('BYE')).headers.get('Reason'), /Session timer expired/)
  t.equal(await ended, 'Session timer expired')
})

void t.test('422 to an INVITE of the application: sent again, the application sees the end', async (t) => {
  const { srf, udpPort } = await startTestEngine(t)
  const peer = await RawPeer.open(t, udpPort)
  const calling = srf.createUAC(`sip:bob@127.0.0.1:${peer.port}`, {
    localSdp: sdp,
    headers: { 'Session-Expires': '100', 'X-Kept': 'yes' },
  })
  const first = await peer.nextRequest('INVITE')
  t.equal(first.headers.get('Session-Expires'), '100')
  t.equal(first.headers.get('Supported'), 'timer', 'who asks says that it can')
  peer.send(peer.answer(first, 180, 'Ringing', 'early'))
  peer.send(peer.answer(first, 422, 'Too Small', 'early', ['Min-SE: 300']))
  await peer.nextRequest('ACK')
  const second = await peer.nextRequest('INVITE')
  t.equal(second.headers.get('Call-ID'), first.headers.get('Call-ID'))
  t.equal(second.headers.get('From'), first.headers.get('From'))
  t.equal(numberOf(second), numberOf(first) + 1)
  t.same(
    ['Session-Expires', 'Min-SE', 'X-Kept'].map((name) => second.headers.get(name)),
    ['300', '300', 'yes'],
  )
  t.not(second.headers.get('Via'), first.headers.get('Via'))
  peer.send(peer.answer(second, 422, 'Too Small', 'x', ['Min-SE: 400']))
  const third = await peer.nextRequest('INVITE')
  t.equal(third.headers.get('Min-SE'), '400', 'once per new Min-SE')
  const extra = ['Require: 100rel', 'RSeq: 1']
  peer.send(peer.answer(third, 183, 'Progress', 'bob', extra), sdp)
  const prack = await peer.nextRequest('PRACK')
  t.equal(prack.headers.get('RAck'), `1 ${numberOf(third)} INVITE`, 'RAck names the INVITE that went out')
  peer.send(peer.answer(prack, 200, 'OK'))
  peer.send(peer.answer(third, 200, 'OK', 'bob', ['Session-Expires: 400;refresher=uas']), sdp)
  t.equal(numberOf(await peer.nextRequest('ACK')), numberOf(third))
  const dialog = await calling
  t.equal(dialog.sip.remoteTag, 'bob')
})

void t.test('422 that says nothing new goes to the application', async (t) => {
  const { srf, udpPort, engine } = await startTestEngine(t)
  const peer = await RawPeer.open(t, udpPort)
  const call = (headers: Record<string, string>): Promise<number> =>
    srf.createUAC(`sip:bob@127.0.0.1:${peer.port}`, { localSdp: sdp, headers }).then(
      () => 0,
      (error: { status: number }) => error.status,
    )
  const table: [Record<string, string>, string[]][] = [
    [{ 'Session-Expires': '300' }, ['Min-SE: 300']],
    [{ 'Session-Expires': '300' }, []],
    [{}, ['Min-SE: 300']],
  ]
  for (const [headers, extra] of table) {
    const refused = call(headers)
    peer.send(peer.answer(await peer.nextRequest('INVITE'), 422, 'Too Small', 'x', extra))
    t.equal(await refused, 422)
    await peer.nextRequest('ACK')
  }
  t.equal(table.length, 3)
  t.equal(engine.counters()['dialogsAlive'], 0)
})

void t.test('422 outside dialogs when the box sets a minimum (RFC 4028 9)', async (t) => {
  const { srf, udpPort } = await startTestEngine(t, { sessionTimers: { minSeS: 300 } })
  srf.use('invite', (_req, res) => res.send(486))
  const peer = await RawPeer.open(t, udpPort)
  const table: [string[], number][] = [
    [['Supported: timer', 'Session-Expires: 200'], 422],
    [['Supported: timer', 'Session-Expires: 300'], 486],
    // Who does not know timers cannot be told; a proxy asked on its behalf.
    [['Session-Expires: 200'], 486],
  ]
  for (const [index, [extra, status]] of table.entries()) {
    peer.send(peer.request('INVITE', { callId: `min-${index}`, extra }), sdp)
    const refused = await peer.nextResponse()
    t.equal(refused.status, status)
    t.equal(refused.headers.get('Min-SE'), status === 422 ? '300' : undefined)
  }
  t.equal(table.length, 3)
})

void t.test('the box may ask for timers where the application says nothing', async (t) => {
  const sessionTimers = { minSeS: 120, defaultIntervalS: 600, defaultRefresher: 'uas' as const }
  const { invite, peer, clock, dialog } = await placedCall(t, {
    overrides: { sessionTimers },
    extra: ['Session-Expires: 600;refresher=uac', allow],
  })
  t.equal(invite.headers.get('Session-Expires'), '600;refresher=uas')
  t.equal(invite.headers.get('Min-SE'), '120')
  const held = dialog.modify('hold')
  const hold = await peer.nextRequest('INVITE')
  t.equal(hold.headers.get('Session-Expires'), '600;refresher=uac', 'a hold keeps the timer running')
  peer.send(peer.answer(hold, 200, 'OK', undefined, ['Session-Expires: 600;refresher=uac']), sdp)
  await peer.nextRequest('ACK')
  await held
  clock.advance(300_000)
  await peer.nextRequest('UPDATE')
})
