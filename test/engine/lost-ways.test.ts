import t, { type Test } from 'tap'
import { startEngine } from '#src/engine/engine.ts'
import type { Dns } from '#src/engine/dns/dns-port.ts'
import { MergedRequests } from '#src/engine/dialog/merged-requests.ts'
import type { ServerTransaction } from '#src/engine/transaction/server-transaction.ts'
import { SipHeaders } from '#src/sip/message.ts'
import { connectEmbedded } from '#src/pbx/connect-srf.ts'
import { portOf, testEngineOptions } from '#test/support/start-engine.ts'
import { RawPeer, sdp } from './support/raw-peer.ts'

async function startWith(t: Test, dns: Dns) {
  const engine = await startEngine(testEngineOptions(), dns)
  const srf = await connectEmbedded(engine.openMemoryLink())
  let joined = true
  const leave = (): void => {
    if (joined) srf.disconnect()
    joined = false
  }
  t.teardown(async () => {
    leave()
    await engine.stop()
  })
  return { engine, srf, leave, peer: await RawPeer.open(t, portOf(engine, 'udp')) }
}

void t.test('a Contact that names a host nobody knows: ACK and BYE go back to the peer itself', async (t) => {
  const { srf, peer } = await startWith(t, {
    naptr: async () => [],
    srv: async () => [],
    addresses: async () => [],
  })
  const call = srf.createUAC(`sip:peer@127.0.0.1:${peer.port}`, { localSdp: sdp })
  const invite = await peer.nextRequest('INVITE')
  const ok = peer.answer(invite, 200, 'OK', 'peer-tag')
  peer.send(
    ok.map((line) => (line.startsWith('Contact:') ? 'Contact: <sip:peer@desk-17>' : line)),
    sdp,
  )
  t.equal((await peer.nextRequest('ACK')).uri, 'sip:peer@desk-17')
  const dialog = await call
  const ended: Promise<unknown> = Promise.resolve(dialog.destroy())
  peer.send(peer.answer(await peer.nextRequest('BYE'), 200, 'OK'))
  await ended
})

void t.test('what waits for its way when the application goes is never sent', async (t) => {
  const asked: (() => void)[] = []
  const slow = new Promise<string[]>((resolve) => asked.push(() => resolve(['127.0.0.1'])))
  const { engine, srf, leave, peer } = await startWith(t, {
    naptr: async () => [],
    srv: async () => [],
    addresses: () => slow,
  })
  srf.createUAC(`sip:peer@slow.test:${peer.port}`, { localSdp: sdp }).catch(() => undefined)
  t.equal(engine.counters()['requestsAsking'], 1)
  leave()
  t.equal(engine.counters()['requestsAsking'], 0)
  for (const answer of asked) answer()
  peer.send(peer.request('OPTIONS'))
  await peer.nextResponse(503)
  t.same(
    peer.received.map((message) => message.kind),
    ['response'],
    'no INVITE went out',
  )
})

void t.test('requests that are over are not remembered as merged for long', async (t) => {
  const merged = new MergedRequests()
  const make = (callId: string): ServerTransaction =>
    ({
      request: {
        method: 'INVITE',
        headers: new SipHeaders(['Call-ID', callId, 'From', '<sip:a@b>;tag=1', 'CSeq', '1 INVITE']),
      },
      state: 'proceeding',
      finalStatus: 0,
    }) as unknown as ServerTransaction
  const flood = Array.from({ length: 5000 }, (_, index) => make(`flood ${index}`))
  const admit = (transaction: ServerTransaction): boolean => {
    const key = merged.admit(transaction)
    if (key !== undefined) merged.remember(key, transaction)
    return key !== undefined
  }
  t.ok(flood.every(admit))
  t.equal(merged.size, 5000, 'what is open is known')
  t.equal(admit(make('flood 17')), false)
  for (const transaction of flood) Object.assign(transaction, { state: 'terminated' })
  for (let index = 0; index < 5200; index++) {
    const transaction = make(`normal ${index}`)
    admit(transaction)
    Object.assign(transaction, { state: 'terminated' })
  }
  t.ok(merged.size < 200, `${merged.size} are left`)
})
