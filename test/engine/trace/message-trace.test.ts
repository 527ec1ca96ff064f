import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { MessageTrace } from '#src/engine/trace/message-trace.ts'
import { parseMessage } from '#src/sip/parse-message.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { message, playSampleCall, sampleFlow, sampleFlows, sampleParties } from './sample-call.ts'

const mebibyte = 1024 * 1024
const hourMs = 3_600_000
const box = { host: '192.0.2.1', port: 5060 }

function traceWith(maxBytes = mebibyte): { trace: MessageTrace; clock: FakeClock } {
  const clock = new FakeClock()
  return { trace: new MessageTrace(clock, { maxBytes, maxAgeMs: hourMs }), clock }
}

/** An INVITE that fills some memory. */
function invite(trace: MessageTrace, callId: string, from: string, bytes = 3_000): void {
  const raw = message('INVITE sip:x@branchline SIP/2.0', { callId, cseq: '1 INVITE' }, [
    `X-Fill: ${'f'.repeat(bytes)}`,
  ])
  trace.received(raw, sampleFlow('udp', box, { host: from, port: 5060 }), parseMessage(raw))
}

function register(trace: MessageTrace, host: string, cseq = 1): void {
  const raw = message('REGISTER sip:branchline SIP/2.0', { callId: `r-${host}`, cseq: `${cseq} REGISTER` })
  trace.received(raw, sampleFlow('udp', box, { host, port: 5060 }), parseMessage(raw))
}

t.test('both legs of a call belong to it, in time order within each, and to nobody else', async (t) => {
  const { trace, clock } = traceWith()
  const flows = sampleFlows()
  const played = playSampleCall(trace, {
    flows,
    joined: (sipCallId, party) => trace.join('call', sipCallId, party),
    pass: (ms) => clock.advance(ms),
  })
  const [caller, teams, ...others] = trace.ofCall('call') ?? []
  t.equal(others.length, 0)
  t.equal((caller?.messages.length ?? 0) + (teams?.messages.length ?? 0), played.messages)
  t.equal(teams?.messages.length, 4)
  t.strictSame(teams?.party, sampleParties.teams)
  t.match(caller?.messages[0], { sent: false, flow: { protocol: 'udp', remoteHost: '192.0.2.10' } })
  t.equal(
    (caller?.messages[1]?.atMs ?? 0) - (caller?.messages[0]?.atMs ?? 0),
    12.5,
    'times keep their fraction',
  )
  t.equal(trace.outside().length, 0)
  t.equal(trace.ofCall('another'), undefined)
})

t.test('a leg may be joined before its first message, and only once', async (t) => {
  const { trace } = traceWith()
  trace.join('call', 'early', sampleParties.anna)
  trace.join('other', 'early', sampleParties.teams)
  invite(trace, 'early', '192.0.2.10')
  t.equal(trace.ofCall('call')?.[0]?.messages.length, 1)
  t.equal(trace.ofCall('other'), undefined)
})

t.test('messages outside calls are kept by source, and what cannot be read as well', async (t) => {
  const { trace } = traceWith()
  register(trace, '192.0.2.10')
  trace.received(Buffer.from('garbage'), sampleFlow('udp', box, { host: '192.0.2.66', port: 9 }), undefined)
  t.equal(trace.outside().length, 2)
  t.equal(trace.counters().sourcesKept, 2)
  t.ok(trace.outside().some(({ bytes }) => bytes.toString() === 'garbage'))
})

t.test('a flood of INVITEs and of REGISTERs does not push calls out', async (t) => {
  const { trace } = traceWith(mebibyte)
  for (let call = 0; call < 20; call++) {
    invite(trace, `mine-${call}`, '192.0.2.10')
    trace.join(`call-${call}`, `mine-${call}`, sampleParties.anna)
    trace.ended(`call-${call}`)
  }
  for (let flood = 0; flood < 3_000; flood++) {
    invite(trace, `flood-${flood}`, '203.0.113.9')
    register(trace, `203.0.113.${flood % 250}`, flood)
    if ((trace.counters().bytesKept ?? 0) > mebibyte) t.fail('more memory than allowed')
  }
  t.equal(trace.counters().callsKept, 20)
  for (let call = 0; call < 20; call++) t.equal(trace.ofCall(`call-${call}`)?.[0]?.messages.length, 1)
})

t.test(
  'the oldest ended calls go first; a call that is up stays as long as there is an ended one',
  async (t) => {
    const { trace } = traceWith(mebibyte)
    invite(trace, 'up', '192.0.2.10')
    trace.join('up', 'up', sampleParties.anna)
    for (let call = 0; call < 400; call++) {
      invite(trace, `c${call}`, '192.0.2.10')
      trace.join(`c${call}`, `c${call}`, sampleParties.anna)
      trace.ended(`c${call}`)
      if ((trace.counters().bytesKept ?? 0) > mebibyte) t.fail('more memory than allowed')
    }
    t.ok(trace.ofCall('up'), 'the live call is the oldest and still there')
    t.notOk(trace.ofCall('c0'))
    t.ok(trace.ofCall('c399'))
    t.equal((trace.counters().callsKept ?? 0) + (trace.counters().callsPushedOut ?? 0), 401)
  },
)

t.test('a source that repeats itself for ever keeps its own small memory', async (t) => {
  const { trace } = traceWith()
  const flow = sampleFlow('udp', box, { host: '192.0.2.10', port: 5060 })
  for (let cseq = 1; cseq <= 500; cseq++) {
    const raw = message('REGISTER sip:branchline SIP/2.0', { callId: 'r', cseq: `${cseq} REGISTER` })
    trace.received(raw, flow, parseMessage(raw))
  }
  const kept = trace.outside()
  t.ok(kept.length > 5 && kept.length < 40, `${kept.length} messages`)
  t.match(kept.at(-1)?.bytes.toString(), /CSeq: 500 REGISTER/, 'the latest are kept')
  t.ok((trace.counters().bytesKept ?? 0) < 10_000)
})

t.test('what is older than set is forgotten, a call that is up is not', async (t) => {
  const { trace, clock } = traceWith()
  trace.start()
  t.teardown(() => trace.stop())
  register(trace, '192.0.2.10')
  invite(trace, 'stranger', '203.0.113.9')
  for (const id of ['up', 'over']) {
    invite(trace, id, '192.0.2.10')
    trace.join(id, id, sampleParties.anna)
  }
  trace.ended('over')
  clock.advance(hourMs + 61_000)
  t.ok(trace.ofCall('up'))
  t.notOk(trace.ofCall('over'))
  t.equal(trace.outside().length, 0)
  trace.ended('up')
  clock.advance(hourMs + 61_000)
  t.match(trace.counters(), { callsKept: 0, strangersKept: 0, sourcesKept: 0, bytesKept: 0 })
})

t.test('switched off it keeps nothing and forgets what it had; a smaller memory holds at once', async (t) => {
  const { trace } = traceWith(4 * mebibyte)
  for (let call = 0; call < 400; call++) {
    invite(trace, `c${call}`, '192.0.2.10')
    trace.join(`c${call}`, `c${call}`, sampleParties.anna)
  }
  trace.setLimits({ maxBytes: mebibyte, maxAgeMs: hourMs })
  t.ok((trace.counters().bytesKept ?? 0) <= mebibyte)
  t.ok(trace.ofCall('c399'))
  trace.setLimits({ maxBytes: 0, maxAgeMs: hourMs })
  invite(trace, 'late', '192.0.2.10')
  trace.join('late', 'late', sampleParties.anna)
  t.match(trace.counters(), { callsKept: 0, strangersKept: 0, sourcesKept: 0, bytesKept: 0 })
})

t.test('calls that come and go ask the system for no memory beyond the bound', async (t) => {
  const { trace } = traceWith(mebibyte)
  const allocate = Buffer.allocUnsafeSlow.bind(Buffer)
  let allocated = 0
  t.intercept(Buffer, 'allocUnsafeSlow', {
    value: (bytes: number) => {
      allocated += bytes
      return allocate(bytes)
    },
  })
  for (let call = 0; call < 2_000; call++) {
    invite(trace, `c${call}`, '192.0.2.10')
    trace.join(`c${call}`, `c${call}`, sampleParties.anna)
    for (let more = 0; more < 4; more++) invite(trace, `c${call}`, '192.0.2.10')
    trace.ended(`c${call}`)
  }
  t.ok((trace.counters().callsPushedOut ?? 0) > 1_900)
  t.ok(allocated <= 2 * mebibyte, `${allocated} bytes`)
})

t.test('a leg keeps its Call-ID, not the text that it was cut out of', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const heapBytes = (): number => {
    collect()
    return process.memoryUsage().heapUsed
  }
  const { trace } = traceWith(64 * mebibyte)
  invite(trace, 'call-of-a-phone-to-begin-with', '192.0.2.10', 50_000)
  const before = heapBytes()
  for (let call = 0; call < 300; call++) invite(trace, `call-of-a-phone-${call}`, '192.0.2.10', 50_000)
  const keptPerLeg = (heapBytes() - before) / 300
  t.equal(trace.counters().strangersKept, 301)
  t.ok(keptPerLeg < 5_000, `${keptPerLeg} bytes`)
})
