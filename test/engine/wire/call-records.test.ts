import t, { type Test } from 'tap'
import { CallRecords } from '#src/engine/wire/call-records.ts'
import { SipHeaders, type SipRequest } from '#src/sip/message.ts'
import { connectEmbedded } from '#src/pbx/connect-srf.ts'
import { RawPeer, sdp, toTagOf } from '#test/engine/support/raw-peer.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { startTestEngine, type TestEngine } from '#test/support/start-engine.ts'
import { until } from '#test/support/until.ts'

interface World extends TestEngine {
  peer: RawPeer
  clock: FakeClock
  records: string[]
  /** Takes the application away. */
  lose: () => void
}

/** An engine with one application for calls and two that collect records, which take turns. */
async function world(t: Test): Promise<World> {
  const clock = new FakeClock()
  const engine = await startTestEngine(t, { clock })
  const records: string[] = []
  for (let reader = 0; reader < 2; reader++) {
    const srf = await connectEmbedded(engine.engine.openMemoryLink())
    t.teardown(() => srf.disconnect())
    const on = srf.on.bind(srf) as (event: string, hear: (...values: unknown[]) => void) => void
    on('cdr:attempt', (source) => records.push(`attempt ${String(source)}`))
    on('cdr:start', (source, _time, role) => records.push(`start ${String(source)} ${String(role)}`))
    on('cdr:stop', (source, _time, reason) => records.push(`stop ${String(source)} ${String(reason)}`))
  }
  await until(() => engine.engine.counters()['recordRoutes'] === 6)
  const link = engine.engine.openMemoryLink()
  const srf = await connectEmbedded(link)
  const peer = await RawPeer.open(t, engine.udpPort)
  return { ...engine, srf, clock, records, peer, lose: () => link.close() }
}

const branch = 'z9hG4bKrecorded'

/** Takes the call and returns the To tag, the ACK already sent. */
async function connectCall({ srf, peer }: World, acknowledge = true): Promise<string> {
  srf.use(
    'invite',
    (request, response) => void srf.createUAS(request, response, { localSdp: sdp }).catch(() => 0),
  )
  peer.send(peer.request('INVITE', { branch }), sdp)
  const tag = toTagOf(await peer.nextResponse(200))
  if (acknowledge) peer.send(peer.request('ACK', { toTag: tag }))
  return tag
}

const cases: { name: string; play: (world: World) => Promise<void>; records: string[] }[] = [
  {
    name: 'refused by the application',
    async play({ srf, peer }) {
      srf.use('invite', (_request, response) => void response.send(486))
      peer.send(peer.request('INVITE', { branch }), sdp)
      await peer.nextResponse(486)
    },
    records: ['attempt network', 'stop application call-rejected'],
  },
  {
    name: 'given up by the caller',
    async play({ srf, peer }) {
      srf.use('invite', (_request, response) => void response.send(180))
      peer.send(peer.request('INVITE', { branch }), sdp)
      await peer.nextResponse(180)
      peer.send(peer.request('CANCEL', { branch, contact: null }))
      await peer.nextResponse(487)
    },
    records: ['attempt network', 'stop network call-canceled'],
  },
  {
    name: 'taken and ended by the caller',
    async play(world) {
      const toTag = await connectCall(world)
      world.peer.send(world.peer.request('BYE', { toTag, sequence: 2, contact: null }))
      await world.peer.nextResponse(200)
    },
    records: ['attempt network', 'start application uas', 'stop network normal-release'],
  },
  {
    name: 'never answered',
    async play({ srf, peer, clock }) {
      let seen = false
      srf.use('invite', () => void (seen = true))
      peer.send(peer.request('INVITE', { branch }), sdp)
      await until(() => seen)
      await clock.run(200_000, 10_000)
      await peer.nextResponse(408)
    },
    records: ['attempt network', 'stop application system-error-initiated-termination'],
  },
  {
    name: 'never acknowledged',
    async play(world) {
      await connectCall(world, false)
      world.clock.advance(32_000)
      await world.peer.nextRequest('BYE')
    },
    records: [
      'attempt network',
      'start application uas',
      'stop application system-error-initiated-termination',
    ],
  },
  {
    name: 'given up by a caller that never saw the 200',
    async play(world) {
      await connectCall(world, false)
      world.peer.send(world.peer.request('CANCEL', { branch, contact: null }))
      await world.peer.nextRequest('BYE')
    },
    records: ['attempt network', 'start application uas', 'stop application ackbye'],
  },
  {
    name: 'without refresh of its session',
    async play(world) {
      const { srf, peer, clock } = world
      srf.use('invite', (request, response) => {
        const headers = { 'Session-Expires': '90;refresher=uac', Require: 'timer' }
        void srf.createUAS(request, response, { localSdp: sdp, headers }).catch(() => 0)
      })
      const extra = ['Supported: timer', 'Session-Expires: 90;refresher=uac']
      peer.send(peer.request('INVITE', { branch, extra }), sdp)
      peer.send(peer.request('ACK', { toTag: toTagOf(await peer.nextResponse(200)) }))
      // What comes behind the ACK is answered when the ACK has been seen.
      peer.send(peer.request('BYE', { callId: 'other', toTag: 'none', contact: null }))
      await peer.nextResponse(481)
      clock.advance(90_000)
      await peer.nextRequest('BYE')
    },
    records: ['attempt network', 'start application uas', 'stop application session-expired'],
  },
  {
    name: 'made by the application',
    async play({ srf, peer }) {
      const making = srf.createUAC(`sip:bob@127.0.0.1:${peer.port}`, { localSdp: sdp })
      const invite = await peer.nextRequest('INVITE')
      peer.send(peer.answer(invite, 200, 'OK', 'bob'), sdp)
      const uac = await making
      void uac.destroy()
      peer.send(peer.answer(await peer.nextRequest('BYE'), 200, 'OK'))
    },
    records: ['attempt application', 'start network uac', 'stop application normal-release'],
  },
  {
    name: 'proxied',
    async play({ srf, peer, udpPort }) {
      srf.use('invite', (request) => {
        const proxy = srf as unknown as { proxyRequest(...values: unknown[]): Promise<unknown> }
        void proxy.proxyRequest(request, `sip:127.0.0.1:${peer.port}`, { remainInDialog: true })
      })
      peer.send(peer.request('INVITE', { branch }), sdp)
      const invite = await peer.nextRequest('INVITE')
      const route = invite.headers.get('Record-Route') ?? ''
      peer.send(peer.answer(invite, 200, 'OK', 'bob', [`Record-Route: ${route}`]), sdp)
      await peer.nextResponse(200)
      const uri = `sip:peer@127.0.0.1:${peer.port}`
      peer.send(peer.request('BYE', { uri, toTag: 'bob', sequence: 2, extra: [`Route: ${route}`] }))
      const bye = await peer.next(
        (message) =>
          message.kind === 'request' &&
          message.headers.getAll('Via').length === 2 &&
          message.method === 'BYE',
      )
      t.equal(bye.kind, 'request')
      t.ok(udpPort > 0)
    },
    records: [
      'attempt network',
      'start network proxy-uas',
      'start application proxy-uac',
      'stop network normal-release',
    ],
  },
  {
    name: 'of an application that is lost',
    async play(world) {
      await connectCall(world)
      await until(() => world.records.length === 2)
      world.lose()
      await world.peer.nextRequest('BYE')
    },
    records: ['attempt network', 'start application uas', 'stop application system-initiated-termination'],
  },
]

for (const { name, play, records } of cases) {
  void t.test(`a call ${name} leaves its records, each at one reader`, async (t) => {
    const all = await world(t)
    await play(all)
    await until(() => all.records.length >= records.length)
    t.same(all.records, records)
    t.equal(all.engine.counters()['recordsOpen'], 0)
  })
}

void t.test('all ten ways were tried', async (t) => {
  t.equal(cases.length, 10)
})

void t.test('calls whose BYE never passed do not keep the next ones out', async (t) => {
  const told: string[] = []
  const records = new CallRecords(new FakeClock(), 3)
  records.add('cdr:stop', {
    record: (_verb, _source, _detail, { headers }) => told.push(headers.get('Call-ID') ?? ''),
  })
  const request = (method: string, callId: string): SipRequest => ({
    kind: 'request',
    method,
    uri: 'sip:x@y',
    headers: new SipHeaders(['Call-ID', callId, 'From', '<sip:a@b>;tag=a', 'To', '<sip:x@y>']),
    body: Buffer.alloc(0),
  })
  for (const callId of ['1', '2', '3', '4']) {
    const ids = { transaction: callId, dialog: '' }
    const { headers, body } = request('INVITE', callId)
    records.given({}, ids, request('INVITE', callId), true)
    records.answered(ids, { kind: 'response', status: 200, reason: 'OK', headers, body })
  }
  t.equal(records.size, 3)
  for (const callId of ['1', '4']) records.passed(request('BYE', callId))
  t.same(told, ['4'])
})
