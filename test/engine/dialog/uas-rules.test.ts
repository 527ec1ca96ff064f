import t from 'tap'
import { composeRequest } from '#src/engine/dialog/compose-request.ts'
import { dialogFromRequest, routing } from '#src/engine/dialog/dialog-state.ts'
import { inspectRequest } from '#src/engine/dialog/inspect-request.ts'
import { parseReplaces } from '#src/engine/dialog/replaces.ts'
import { SipHeaders } from '#src/sip/message.ts'
import { startBareEngine, portOf, startTestEngine } from '#test/support/start-engine.ts'
import { until } from '#test/support/until.ts'
import { answeredCall } from '../support/established.ts'
import { fakeFlow } from '../support/fake-transport.ts'
import { RawPeer, sdp, toTagOf } from '../support/raw-peer.ts'

void t.test('405 says what is served; what is gone for the moment is 503 (RFC 3261 8.2.1)', async (t) => {
  const bare = await startBareEngine(t)
  const lonely = await RawPeer.open(t, portOf(bare, 'udp'))
  lonely.send(lonely.request('INVITE'), sdp)
  t.equal((await lonely.nextResponse()).status, 503, 'nobody is there at all')

  const { srf, engine, udpPort } = await startTestEngine(t)
  srf.use('invite', (_req, res) => res.send(486))
  const door = engine.openDirectDoor()
  door.serve('REGISTER', () => t.fail('the door is closed'))
  const peer = await RawPeer.open(t, udpPort)
  const table: [string, number, string | undefined][] = [
    ['MESSAGE', 405, 'ACK, BYE, CANCEL, INVITE, PRACK, REGISTER, UPDATE'],
    ['DANCE', 501, undefined],
  ]
  for (const [method, status, allow] of table) {
    peer.send(peer.request(method, { callId: method }))
    const refused = await peer.nextResponse()
    t.equal(refused.status, status)
    t.equal(refused.headers.get('Allow'), allow)
  }
  t.equal(table.length, 2)
  door.close()
  peer.send(peer.request('REGISTER', { callId: 'r' }))
  t.equal((await peer.nextResponse()).status, 503, 'it was there, it may come back')
})

void t.test('URI schemes and extensions (RFC 3261 8.2.2.1, 8.2.2.3)', async (t) => {
  const verdict = (
    uri: string,
    flat: string[] = [],
    extensions?: string[],
  ): number | string[] | undefined => {
    const headers = new SipHeaders(['Call-ID', 'c', 'From', '<sip:a@b>;tag=1', ...flat])
    const request = { kind: 'request' as const, method: 'OPTIONS', uri, headers, body: Buffer.alloc(0) }
    const refusal = inspectRequest(request, extensions && new Set(extensions))
    return refusal && (refusal.fields.length > 0 ? [...refusal.fields] : refusal.status)
  }
  for (const uri of ['sip:a@b', 'SIPS:a@b', 'tel:+49', 'urn:service:sos', 'im:a@b', 'pres:a@b']) {
    t.equal(verdict(uri), undefined, uri)
  }
  for (const uri of ['http://a', 'nobodyKnowsThisScheme:x', 'mailto:a@b']) t.equal(verdict(uri), 416, uri)
  const require = ['Require', '100rel, foo , Timer', 'Require', 'bar']
  t.equal(verdict('sip:a@b', require), undefined, 'the application judges')
  t.same(verdict('sip:a@b', require, []), ['Unsupported', 'foo', 'Unsupported', 'bar'])
  t.same(verdict('sip:a@b', require, ['foo']), ['Unsupported', 'bar'])
  t.equal(verdict('sip:a@b', require, ['foo', 'bar']), undefined)
  t.equal(verdict('sip:a@b', ['Require', 'path,outbound,norefersub,replaces'], []), undefined)

  const { srf, udpPort } = await startTestEngine(t, { extensions: ['precondition'] })
  srf.use('invite', (_req, res) => res.send(486))
  const peer = await RawPeer.open(t, udpPort)
  peer.send(peer.request('INVITE', { extra: ['Require: precondition, answermode'] }), sdp)
  const refused = await peer.nextResponse()
  t.same([refused.status, refused.headers.getAll('Unsupported')], [420, ['answermode']])
})

void t.test('a merged request gets 482 (RFC 3261 8.2.2.2)', async (t) => {
  const { srf, udpPort, engine } = await startTestEngine(t)
  let calls = 0
  srf.use('invite', (_req, res) => {
    calls++
    res.send(180)
  })
  const peer = await RawPeer.open(t, udpPort)
  peer.send(peer.request('INVITE', { branch: 'z9hG4bKone' }), sdp)
  await peer.nextResponse(180)
  peer.send(peer.request('INVITE', { branch: 'z9hG4bKtwo' }), sdp)
  t.equal((await peer.nextResponse()).status, 482)
  peer.send(peer.request('INVITE', { branch: 'z9hG4bKthree', callId: 'other' }), sdp)
  t.equal((await peer.nextResponse()).status, 180)
  t.equal(calls, 2)
  t.equal(engine.counters()['mergedRequests'], 1)
})

void t.test('an early CANCEL, before any answer of the application', async (t) => {
  const { srf, udpPort, engine } = await startTestEngine(t)
  const reasons: unknown[] = []
  srf.use('invite', (req) => {
    const on = req.on.bind(req) as unknown as (
      event: string,
      then: (cancel: { get(name: string): string }) => void,
    ) => void
    on('cancel', (cancel) => reasons.push(cancel.get('Reason')))
  })
  const peer = await RawPeer.open(t, udpPort)
  const why = 'SIP;cause=200;text="Call completed elsewhere"'
  peer.send(peer.request('INVITE', { branch: 'z9hG4bKearly' }), sdp)
  peer.send(peer.request('CANCEL', { branch: 'z9hG4bKearly', contact: null, extra: [`Reason: ${why}`] }))
  const answers = [await peer.nextResponse(), await peer.nextResponse()]
  t.same(answers.map(({ status, headers }) => `${status} ${headers.get('CSeq')}`).sort(), [
    '200 1 CANCEL',
    '487 1 INVITE',
  ])
  await until(() => reasons.length > 0)
  t.same(reasons, [why], 'RFC 3326')
  t.equal(engine.counters()['dialogsAlive'], 0)
})

void t.test('Replaces is read whole (RFC 3891 6.1)', async (t) => {
  t.same(parseReplaces('98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff'), {
    callId: '98732@sip.example.com',
    toTag: 'ff87ff',
    fromTag: 'r33th4x0r',
    earlyOnly: false,
  })
  t.equal(parseReplaces('12;to-tag=12345;from-tag=54321;early-only')?.earlyOnly, true)
  for (const value of ['12', '12;to-tag=1', '12;from-tag=1', ';to-tag=1;from-tag=2', '']) {
    t.equal(parseReplaces(value), undefined, value)
  }
})

void t.test('Replaces: the application is told which of its dialogs is meant', async (t) => {
  const { srf, udpPort } = await startTestEngine(t)
  const named: unknown[] = []
  srf.use('invite', (req, res) => {
    named.push(req.get('X-Replaced-Dialog'))
    res.send(named.length === 1 ? 200 : 486, named.length === 1 ? { body: sdp } : {})
  })
  const peer = await RawPeer.open(t, udpPort)
  peer.send(peer.request('INVITE'), sdp)
  const toTag = toTagOf(await peer.nextResponse(200))
  peer.send(peer.request('ACK', { toTag }))
  const other = await RawPeer.open(t, udpPort)
  const invites = [
    [`Replaces: call-1;to-tag=${toTag};from-tag=peer-tag`],
    ['Replaces: unknown;to-tag=1;from-tag=2', 'X-Replaced-Dialog: forged'],
    ['X-Replaced-Dialog: forged'],
  ]
  for (const [index, extra] of invites.entries()) {
    other.send(other.request('INVITE', { callId: `new-${index}`, extra }), sdp)
    await other.nextResponse(486)
  }
  t.same(named, [undefined, 'call-1;from-tag=peer-tag', undefined, undefined])
})

void t.test('Replaces judged by the engine (RFC 3891 3)', async (t) => {
  const { ok, udpPort, srf } = await answeredCall(t, {}, { replaces: 'engine' })
  const toTag = toTagOf(ok)
  const other = await RawPeer.open(t, udpPort)
  const mine = `call-1;to-tag=${toTag};from-tag=peer-tag`
  const table: [string[], number][] = [
    [['Replaces: nobody;to-tag=1;from-tag=2'], 481],
    [[`Replaces: call-1;to-tag=peer-tag;from-tag=${toTag}`], 481],
    [[`Replaces: ${mine};early-only`], 486],
    [[`Replaces: ${mine}`, 'Join: x;to-tag=1;from-tag=2'], 400],
    [[`Replaces: ${mine}`, `Replaces: ${mine}`], 400],
    [['Replaces: nonsense'], 400],
    [[`Replaces: ${mine}`], 200],
  ]
  for (const [index, [extra, status]] of table.entries()) {
    other.send(other.request('INVITE', { callId: `r-${index}`, extra }), sdp)
    t.equal((await other.nextResponse()).status, status, extra.join())
  }
  t.equal(table.length, 7)
  // A call that rings here was not begun by us: nobody may take it.
  srf.use('message', (_req, res) => res.send(200))
  other.send(other.request('MESSAGE', { callId: 'm', extra: [`Replaces: ${mine}`] }))
  t.equal((await other.nextResponse()).status, 400, 'in INVITE only')
})

void t.test('Replaces of ringing calls: ours may be taken, theirs may not', async (t) => {
  const { srf, udpPort } = await startTestEngine(t, { replaces: 'engine' })
  const ringing = new Promise<void>((resolve) => {
    srf.use('invite', (req, res) => {
      if (req.has('X-Replaced-Dialog')) res.send(486)
      else res.send(180)
      resolve()
    })
  })
  const peer = await RawPeer.open(t, udpPort)
  peer.send(peer.request('INVITE'), sdp)
  await ringing
  const toTag = toTagOf(await peer.nextResponse(180))
  peer.send(
    peer.request('INVITE', { callId: 'two', extra: [`Replaces: call-1;to-tag=${toTag};from-tag=peer-tag`] }),
    sdp,
  )
  t.equal((await peer.nextResponse()).status, 481)
  const calling = srf.createUAC(`sip:bob@127.0.0.1:${peer.port}`, { localSdp: sdp })
  calling.catch(() => undefined)
  const invite = await peer.nextRequest('INVITE')
  peer.send(peer.answer(invite, 180, 'Ringing', 'bob'))
  const ours = /tag=([^;]+)/.exec(invite.headers.get('From') ?? '')?.[1] ?? ''
  const replaces = `Replaces: ${invite.headers.get('Call-ID') ?? ''};to-tag=${ours};from-tag=bob;early-only`
  // The 180 is on its way: only once it is known can the call be taken.
  await until(() => true)
  peer.send(peer.request('OPTIONS', { callId: 'behind' }))
  await peer.nextResponse(405)
  peer.send(peer.request('INVITE', { callId: 'three', extra: [replaces] }), sdp)
  t.equal((await peer.nextResponse()).status, 486, 'the application decided')
  peer.send(peer.answer(invite, 486, 'Busy', 'bob'))
})

void t.test(
  'a body that is no UTF-8 is refused to whoever reads text, and passes the direct door',
  async (t) => {
    const { srf, udpPort, engine } = await startTestEngine(t)
    srf.use('message', (_req, res) => res.send(200))
    const bytes = Buffer.from([0x00, 0xff, 0xfe, 0x80, 0x0d, 0x0a])
    const got = new Promise<Buffer>((resolve) => {
      engine.openDirectDoor().serve('PUBLISH', ({ request, respond }) => {
        resolve(request.body)
        respond({ kind: 'response', status: 200, reason: '', headers: new SipHeaders(), body: bytes })
      })
    })
    const peer = await RawPeer.open(t, udpPort)
    const type = ['Content-Type: application/octet-stream']
    peer.sendBytes(peer.request('MESSAGE', { extra: type }), bytes)
    const refused = await peer.nextResponse()
    t.equal(refused.status, 415)
    t.equal(refused.headers.get('Accept'), '*/*;charset=UTF-8')
    peer.sendBytes(peer.request('PUBLISH', { callId: 'p', extra: type }), bytes)
    t.same((await peer.nextResponse(200)).body, bytes, 'back as well')
    t.same(await got, bytes)
  },
)

void t.test('sips asks for a sips Contact, and is not left again (RFC 3261 8.1.1.8, 12.1.1)', async (t) => {
  const { ok } = await answeredCall(t, { uri: 'sips:100@127.0.0.1' })
  t.match(ok.headers.get('Contact'), /^<sips:/)
  const flow = { ...fakeFlow('tls'), advertisedPort: 5061 }
  const identity = {
    callId: 'c',
    fromTag: 'f',
    sequence: 1,
    session: { policy: undefined, current: undefined, minSeS: 0 },
  }
  const contactOf = (uri: string, routes: string[], contact?: string): string | undefined => {
    const headers = new SipHeaders(contact === undefined ? [] : ['Contact', contact])
    const wanted = { kind: 'request' as const, method: 'INVITE', uri, headers, body: Buffer.alloc(0) }
    return composeRequest(wanted, flow, { ...identity, routes }, undefined).headers.get('Contact')
  }
  t.equal(contactOf('sip:b@c', []), '<sip:192.0.2.1:5061;transport=tls>')
  t.equal(contactOf('sips:b@c', []), '<sips:192.0.2.1:5061>')
  t.equal(contactOf('sip:b@c', ['<sips:edge.example.org;lr>']), '<sips:192.0.2.1:5061>')
  t.equal(contactOf('sips:b@c', [], '"Me" <sip:me@localhost>;q=1'), '"Me" <sips:me@192.0.2.1:5061>;q=1')
  const invite = new SipHeaders([
    'Call-ID',
    'c',
    'From',
    '<sip:a@b>;tag=1',
    'To',
    '<sip:b@c>',
    'CSeq',
    '1 INVITE',
  ])
  invite.append('Contact', '<sip:a@192.0.2.9>')
  const request = {
    kind: 'request' as const,
    method: 'INVITE',
    uri: 'sips:b@c',
    headers: invite,
    body: Buffer.alloc(0),
  }
  const state = dialogFromRequest(request, 'mine', 'confirmed')
  t.match(routing(state), { uri: 'sip:a@192.0.2.9', nextHop: 'sips:a@192.0.2.9' }, 'a careless Contact')
})
