import type Srf from 'drachtio-srf'
import t, { type Test } from 'tap'
import { Subscriptions } from '#src/engine/dialog/subscriptions.ts'
import type { SipRequest } from '#src/sip/message.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { startTestEngine, type TestEngine } from '#test/support/start-engine.ts'
import { until } from '#test/support/until.ts'
import { ask, idOf } from '../support/ask.ts'
import { answeredCall, fromCallee, numberOf } from '../support/established.ts'
import { RawPeer, toTagOf } from '../support/raw-peer.ts'

const active = 'Subscription-State: active;expires=60'
const over = 'Subscription-State: terminated;reason=noresource'

interface Subscribed extends TestEngine {
  clock: FakeClock
  peer: RawPeer
  subscribe: SipRequest
  dialog: Srf.Dialog
}

/** The application has subscribed at the peer. */
async function subscribed(t: Test, event = 'dialog'): Promise<Subscribed> {
  const clock = new FakeClock()
  const world = await startTestEngine(t, { clock })
  const peer = await RawPeer.open(t, world.udpPort)
  const create = world.srf.createUAC.bind(world.srf) as (uri: string, options: object) => Promise<Srf.Dialog>
  const subscribing = create(`sip:bob@127.0.0.1:${peer.port}`, {
    method: 'SUBSCRIBE',
    headers: { Event: event, Expires: '60' },
  })
  const subscribe = await peer.nextRequest('SUBSCRIBE')
  peer.send(peer.answer(subscribe, 200, 'OK', 'bob', ['Expires: 60']))
  return { ...world, clock, peer, subscribe, dialog: await subscribing }
}

void t.test('subscriptions of one dialog end one by one, by word or by time (RFC 6665 4.5.1)', async (t) => {
  const clock = new FakeClock()
  let empty = 0
  const subscriptions = new Subscriptions(clock, () => empty++)
  subscriptions.keep('ours', 'dialog', 1000)
  subscriptions.keep('ours', 'dialog;id=2', 2000)
  subscriptions.keep('peers', 'dialog', 3000)
  t.equal(subscriptions.size, 3)
  subscriptions.keep('ours', 'dialog', 5000)
  clock.advance(2000)
  t.equal(subscriptions.size, 2, 'one by time')
  t.equal(subscriptions.has('ours', 'dialog;id=2'), false)
  subscriptions.end('ours', 'dialog;id=9')
  t.equal(subscriptions.size, 2, 'another id means another one')
  subscriptions.end('ours', 'dialog')
  t.equal(empty, 0)
  clock.advance(1000)
  t.equal(empty, 1)
  subscriptions.keep('ours', 'refer;id=7', 1000)
  t.ok(subscriptions.has('ours', 'refer'), 'RFC 3515 2.4.6: the first may be named without id')
  subscriptions.keep('ours', 'refer;id=8', 1000)
  t.notOk(subscriptions.has('ours', 'refer'), 'two cannot')
  for (let id = 0; id < 200; id++) subscriptions.keep('peers', `x;id=${id}`, 1000)
  t.equal(subscriptions.size, 64, 'a bound for what peers may open')
  subscriptions.stop()
  t.equal(clock.pending, 0)
})

void t.test('a dialog ends with the last of its subscriptions (RFC 5057 4.1)', async (t) => {
  const { peer, subscribe, dialog, engine, srf } = await subscribed(t)
  dialog.on('notify', (_req, res) => res.send(200))
  const more = ask(srf, undefined, {
    method: 'SUBSCRIBE',
    headers: { Event: 'presence', Expires: '60' },
    stackDialogId: idOf(dialog),
  })
  const second = await peer.nextRequest('SUBSCRIBE')
  t.equal(toTagOf(second), 'bob')
  peer.send(peer.answer(second, 200, 'OK', undefined, ['Expires: 60']))
  t.equal((await more).status, 200)
  peer.send(fromCallee(peer, subscribe, 'NOTIFY', 1, ['Event: dialog', over]))
  t.equal((await peer.nextResponse()).status, 200)
  t.equal(engine.counters()['dialogsAlive'], 1, 'presence goes on')
  peer.send(fromCallee(peer, subscribe, 'NOTIFY', 2, ['Event: dialog', active]))
  t.equal((await peer.nextResponse()).status, 481, 'nothing known of that one any more (RFC 6665 4.1.3)')
  peer.send(fromCallee(peer, subscribe, 'NOTIFY', 3, ['Event: presence', over]))
  t.equal((await peer.nextResponse()).headers.get('CSeq'), '3 NOTIFY')
  t.equal(engine.counters()['dialogsAlive'], 0)
})

void t.test('an expired subscription is forgotten, a refreshed one is not', async (t) => {
  const { peer, dialog, engine, srf, clock } = await subscribed(t)
  const refresh = ask(srf, undefined, {
    method: 'SUBSCRIBE',
    headers: { Event: 'dialog', Expires: '120' },
    stackDialogId: idOf(dialog),
  })
  const sent = await peer.nextRequest('SUBSCRIBE')
  peer.send(peer.answer(sent, 200, 'OK', undefined, ['Expires: 120']))
  await refresh
  clock.advance(120_000)
  t.equal(engine.counters()['dialogsAlive'], 1)
  clock.advance(32_000)
  t.equal(engine.counters()['dialogsAlive'], 0)
})

void t.test(
  'a refresh refused by 481 ends the subscription, by 503 it does not (RFC 6665 4.1.2.2)',
  async (t) => {
    const { peer, dialog, engine, srf } = await subscribed(t)
    for (const [status, alive] of [
      [503, 1],
      [481, 0],
    ] as const) {
      const refresh = ask(srf, undefined, {
        method: 'SUBSCRIBE',
        headers: { Event: 'dialog' },
        stackDialogId: idOf(dialog),
      })
      peer.send(peer.answer(await peer.nextRequest('SUBSCRIBE'), status, 'No'))
      t.equal((await refresh).status, status)
      t.equal(engine.counters()['dialogsAlive'], alive)
    }
  },
)

void t.test(
  'a SUBSCRIBE that forks: each NOTIFY with a new tag makes its dialog (RFC 6665 4.4.1)',
  async (t) => {
    const { peer, subscribe, dialog, engine, srf, clock } = await subscribed(t)
    const seen: string[] = []
    dialog.on('notify', (req, res) => {
      seen.push(String((req as unknown as SipLike).get('From')))
      res.send(200)
    })
    peer.send(fromCallee(peer, subscribe, 'NOTIFY', 70, ['Event: dialog', active], undefined, 'carol'))
    t.equal((await peer.nextResponse()).status, 200)
    t.equal(engine.counters()['dialogsAlive'], 2)
    t.match(seen, [/carol/])
    const wrong = fromCallee(peer, subscribe, 'NOTIFY', 1, ['Event: presence', active], undefined, 'dave')
    peer.send(wrong)
    t.equal((await peer.nextResponse()).status, 481, 'for another event')
    // Each fork counts by itself and is refreshed by itself.
    const refresh = ask(srf, undefined, {
      method: 'SUBSCRIBE',
      headers: { Event: 'dialog', To: '<sip:bob@127.0.0.1>;tag=carol' },
      stackDialogId: idOf(dialog),
    })
    const sent = await peer.nextRequest('SUBSCRIBE')
    t.equal(toTagOf(sent), 'carol')
    t.equal(numberOf(sent), numberOf(subscribe) + 1)
    peer.send(peer.answer(sent, 200, 'OK', undefined, ['Expires: 60']))
    await refresh
    peer.send(fromCallee(peer, subscribe, 'NOTIFY', 71, ['Event: dialog', over], undefined, 'carol'))
    t.equal((await peer.nextResponse()).status, 200)
    t.equal(engine.counters()['dialogsAlive'], 1)
    clock.advance(32_000)
    peer.send(fromCallee(peer, subscribe, 'NOTIFY', 1, ['Event: dialog', active], undefined, 'late'))
    t.equal(
      (await peer.nextResponse()).status,
      481,
      'timer N: 64*T1 after the SUBSCRIBE nobody else is let in',
    )
  },
)

void t.test('NOTIFYs with tags of their own make no more dialogs than a request may fork into', async (t) => {
  const { peer, subscribe, dialog, engine } = await subscribed(t)
  dialog.on('notify', (_req, res) => res.send(200))
  const statuses: number[] = []
  for (let fork = 0; fork < 70; fork++) {
    const state = ['Event: dialog', active]
    peer.send(fromCallee(peer, subscribe, 'NOTIFY', 1, state, undefined, `fork-${fork}`))
    statuses.push((await peer.nextResponse()).status)
  }
  t.equal(engine.counters()['dialogsAlive'], 64)
  t.same([...new Set(statuses.slice(0, 63))], [200])
  t.same([...new Set(statuses.slice(63))], [481])
})

interface SipLike {
  get(name: string): string | undefined
}

void t.test('REFER in a call: NOTIFY flows in it, and outlives it (RFC 3515, RFC 5057)', async (t) => {
  const { peer, dialog, inDialog, engine, srf } = await answeredCall(t)
  // Byte for byte, and as long as real attended transfers make it.
  const target = `<sip:carol@192.0.2.7:5061;transport=tls?Replaces=${'a'.repeat(380)}%40host%3Bto-tag%3D1%3Bfrom-tag%3D2&X-y=%22z%22>`
  const referredBy =
    '"Alice, \\"A\\"" <sip:alice@example.org>;cid="20398823.2UWQFN309shb3@referrer.example.org"'
  const seen = new Promise<SipLike>((resolve) => {
    dialog.on('refer', (req, res) => {
      resolve(req)
      res.send(202)
    })
  })
  peer.send(inDialog('REFER', 2, [`Refer-To: ${target}`, `Referred-By: ${referredBy}`]))
  t.equal((await peer.nextResponse()).status, 202)
  const refer = await seen
  t.ok(target.length > 400)
  t.equal(refer.get('Refer-To'), target)
  t.equal(refer.get('Referred-By'), referredBy)
  const notify = (state: string): ReturnType<typeof ask> =>
    ask(srf, undefined, {
      method: 'NOTIFY',
      headers: { Event: 'refer;id=2', 'Subscription-State': state, 'Content-Type': 'message/sipfrag' },
      body: 'SIP/2.0 100 Trying',
      stackDialogId: idOf(dialog),
    })
  const trying = notify('active;expires=60')
  peer.send(peer.answer(await peer.nextRequest('NOTIFY'), 200, 'OK'))
  await trying
  // The transferring phone hangs up at once; the news of the transfer still reach it.
  peer.send(inDialog('BYE', 3))
  t.equal((await peer.nextResponse()).headers.get('CSeq'), '3 BYE')
  t.equal(engine.counters()['dialogsAlive'], 1)
  peer.send(inDialog('INFO', 4))
  t.equal((await peer.nextResponse()).status, 481, 'the call itself is over')
  peer.send(inDialog('BYE', 5))
  t.equal((await peer.nextResponse()).status, 481)
  const last = notify('terminated;reason=noresource')
  peer.send(peer.answer(await peer.nextRequest('NOTIFY'), 200, 'OK'))
  await last
  t.equal(engine.counters()['dialogsAlive'], 0)
})

void t.test('the last NOTIFY of a REFER never ends the call', async (t) => {
  const { peer, dialog, inDialog, engine, srf } = await answeredCall(t)
  for (const [sequence, referSub] of [
    [2, undefined],
    [3, 'false'],
  ] as const) {
    dialog.removeAllListeners('refer')
    dialog.on('refer', (_req, res) =>
      res.send(202, referSub === undefined ? {} : { headers: { 'Refer-Sub': referSub } }),
    )
    peer.send(inDialog('REFER', sequence, ['Refer-To: <sip:c@d>', 'Supported: norefersub']))
    const accepted = await peer.nextResponse(202)
    t.equal(accepted.headers.get('Refer-Sub'), referSub)
    if (referSub !== undefined) break
    const last = ask(srf, undefined, {
      method: 'NOTIFY',
      headers: { Event: 'Refer', 'Subscription-State': 'terminated' },
      stackDialogId: idOf(dialog),
    })
    peer.send(peer.answer(await peer.nextRequest('NOTIFY'), 200, 'OK'))
    await last
    t.equal(engine.counters()['dialogsAlive'], 1)
  }
  // RFC 4488: without a subscription nothing outlives the call.
  peer.send(inDialog('BYE', 4))
  await peer.nextResponse(200)
  t.equal(engine.counters()['dialogsAlive'], 0)
})

void t.test('REFER outside dialogs makes one, until its last NOTIFY (RFC 3515 2.4.4)', async (t) => {
  const { srf, udpPort, engine } = await startTestEngine(t)
  const dialogIds: string[] = []
  srf.use('refer', (_req, res) => {
    const send = res.send.bind(res) as (status: number, options: object, done: () => void) => void
    send(202, {}, () => undefined)
  })
  const peer = await RawPeer.open(t, udpPort)
  peer.send(peer.request('REFER', { extra: ['Refer-To: <sip:c@d>'], sequence: 93 }))
  const accepted = await peer.nextResponse(202)
  t.ok(accepted.headers.has('Contact'))
  t.equal(engine.counters()['dialogsAlive'], 1)
  dialogIds.push('call-1;from-tag=peer-tag')
  const last = ask(srf, undefined, {
    method: 'NOTIFY',
    headers: { Event: 'refer;id=93', 'Subscription-State': 'terminated' },
    stackDialogId: dialogIds[0] ?? '',
  })
  const notify = await peer.nextRequest('NOTIFY')
  t.equal(notify.headers.get('From'), accepted.headers.get('To'))
  peer.send(peer.answer(notify, 200, 'OK'))
  await last
  t.equal(engine.counters()['dialogsAlive'], 0)
})

void t.test('a subscriber that nobody answers is told no more (RFC 6665 4.2.2)', async (t) => {
  const clock = new FakeClock()
  const { srf, udpPort, engine } = await startTestEngine(t, { clock })
  srf.use('subscribe', (_req, res) => res.send(202, { headers: { Expires: '600' } }))
  const peer = await RawPeer.open(t, udpPort)
  peer.send(peer.request('SUBSCRIBE', { extra: ['Event: message-summary', 'Expires: 600'] }))
  await peer.nextResponse(202)
  t.equal(engine.counters()['dialogsAlive'], 1)
  const told = ask(srf, undefined, {
    method: 'NOTIFY',
    headers: { Event: 'message-summary', 'Subscription-State': 'active' },
    stackDialogId: 'call-1;from-tag=peer-tag',
  })
  await peer.nextRequest('NOTIFY')
  clock.advance(32_000)
  t.equal((await told).status, 408)
  await until(() => engine.counters()['dialogsAlive'] === 0)
})
