import t from 'tap'
import { systemClock } from '#src/base/clock.ts'
import { systemRandom } from '#src/base/random.ts'
import type { MediaRelay } from '#src/media/media-relay.ts'
import { asList, asText, NgClient } from '#src/media/rtpengine/ng-client.ts'
import { createRtpengineRelay } from '#src/media/rtpengine/rtpengine-relay.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { startRtpengine, type RunningRtpengine } from '#test/support/rtpengine.ts'
import { MediaPeer, until } from '../media-peer.ts'
import { call, codeOf, relayContract, toward } from '../relay-contract.ts'

type Test = typeof t

const engine = await startRtpengine({
  portMin: 23_000,
  portMax: 23_199,
  args: ['--num-threads=1', '--endpoint-learning=immediate'],
})
t.teardown(() => engine.stop())

async function relayOf(t: Test, running: RunningRtpengine, watchEveryMs = 10_000): Promise<MediaRelay> {
  const relay = createRtpengineRelay({
    host: running.host,
    port: running.port,
    clock: systemClock,
    random: systemRandom,
    logger: new MemoryLogger(),
    watchEveryMs,
  })
  await relay.start()
  t.teardown(() => relay.stop())
  return relay
}

relayContract(t, { relay: (t) => relayOf(t, engine) })

t.test('ports run out with a code, and come back with delete', async (t) => {
  const small = await startRtpengine({ portMin: 23_400, portMax: 23_407, args: ['--num-threads=1'] })
  t.teardown(() => small.stop())
  const relay = await relayOf(t as Test, small)
  const caller = await MediaPeer.open(t)
  const offer = (sessionId: string): Promise<string> =>
    codeOf(relay.offer({ sessionId, from: 'caller', sdp: caller.sdp(), toward: toward('RTP/AVP') }))
  const results = []
  for (let count = 0; count < 6; count++) results.push(await offer(`s${count}`))
  t.equal(results[0], 'none')
  t.equal(results.at(-1), 'MEDIA_PORTS_EXHAUSTED')
  const before = await relay.totals()
  t.equal(before.portsTotal, 8)
  await relay.delete('s0')
  t.ok((await relay.totals()).portsInUse < before.portsInUse)
  t.equal(await offer('again'), 'none')
})

t.test('a hold by c=0.0.0.0 is told by direction, with a real address', async (t) => {
  const relay = await relayOf(t as Test, engine)
  const { sessionId, caller, towardCallee } = await call(t as Test, relay)
  const sdp = caller.sdp({ address: '0.0.0.0' })
  const hold = await relay.offer({ sessionId, from: 'caller', sdp, toward: towardCallee })
  t.match(hold, /a=sendonly/)
  t.notMatch(hold, '0.0.0.0')
})

t.test('an rtpengine that restarts is noticed and its lost sessions are reported', async (t) => {
  const own = await startRtpengine({ portMin: 23_500, portMax: 23_599, args: ['--num-threads=1'] })
  t.teardown(() => own.stop())
  const relay = await relayOf(t as Test, own, 50)
  const { sessionId } = await call(t as Test, relay)
  const ended: string[] = []
  relay.on('sessionEnded', (fact) => ended.push(fact.sessionId))
  t.equal((await relay.totals()).sessions, 1)
  const reply = await deleteAll(own)
  t.match(reply, 'ok')
  await until(() => ended.length > 0)
  t.same(ended, [sessionId])
  t.equal(await relay.delete(sessionId), undefined)
})

t.test('an rtpengine that is not there is an error with advice, after several tries', async (t) => {
  const gone = await startRtpengine({ portMin: 23_600, portMax: 23_609 })
  await gone.stop()
  const relay = createRtpengineRelay({
    host: gone.host,
    port: gone.port,
    clock: { ...systemClock, setTimer: (_delayMs, callback) => systemClock.setTimer(1, callback) },
    random: systemRandom,
    logger: new MemoryLogger(),
  })
  await t.rejects(relay.start(), { code: 'MEDIA_FAILED', advice: /listen-ng/ })
})

/** Deletes every call behind the relay's back, as a restart would. */
async function deleteAll(running: RunningRtpengine): Promise<string> {
  const client = new NgClient({ ...running, clock: systemClock, random: systemRandom })
  await client.start()
  try {
    const listed = await client.request({ command: 'list', limit: '100' })
    let result = ''
    for (const callId of asList(listed.calls)) {
      const reply = await client.request({ command: 'delete', 'call-id': asText(callId), 'delete delay': 0 })
      result = asText(reply.result)
    }
    return result
  } finally {
    client.stop()
  }
}
