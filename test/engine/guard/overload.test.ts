import t, { type Test } from 'tap'
import { systemRandom } from '#src/base/random.ts'
import { OverloadControl } from '#src/engine/guard/overload.ts'
import { defaultOverload, type OverloadOptions } from '#src/engine/guard/options.ts'
import type { Flow } from '#src/engine/transport/transport-port.ts'
import type { SipRequest, SipResponse } from '#src/sip/message.ts'
import { parseMessage } from '#src/sip/parse-message.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'

const flow: Flow = {
  id: 1,
  protocol: 'udp',
  localHost: '192.0.2.1',
  localPort: 5060,
  advertisedHost: '192.0.2.1',
  advertisedPort: 5060,
  remoteHost: '192.0.2.9',
  remotePort: 5060,
  peerNames: [],
  closed: false,
}

let calls = 0
function request(
  method: string,
  options: { user?: string; toTag?: string; callId?: string } = {},
): SipRequest {
  const { user = '100', toTag, callId = `call-${++calls}@192.0.2.9` } = options
  const text = [
    `${method} sip:${user}@192.0.2.1 SIP/2.0`,
    'Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx',
    'From: <sip:a@b>;tag=1',
    `To: <sip:${user}@192.0.2.1>${toTag === undefined ? '' : `;tag=${toTag}`}`,
    `Call-ID: ${callId}`,
    `CSeq: 1 ${method}`,
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n')
  const message = parseMessage(Buffer.from(text), { maxHeaderBytes: 32_768 })
  if (message.kind !== 'request') throw new Error('not a request')
  return message
}

function start(t: Test, overrides: Partial<OverloadOptions> = {}) {
  const clock = new FakeClock()
  const logger = new MemoryLogger()
  const sent: SipResponse[] = []
  let busy = 0
  let dialogs = 0
  const control = new OverloadControl(
    { ...defaultOverload, measure: () => ({ busy, delayMs: 0 }), ...overrides },
    { clock, random: systemRandom, logger, dialogs: () => dialogs, send: (response) => sent.push(response) },
  )
  control.start()
  t.teardown(() => control.stop())
  const ask = (method: string, options = {}, over: Partial<Flow> = {}, transactions = 0): boolean =>
    control.admits(request(method, options), { ...flow, ...over }, transactions)
  /** Lets time pass with so many new requests a second. */
  const pass = (forMs: number, perStep = 40): void => {
    for (let ms = 0; ms < forMs; ms += 200) {
      for (let index = 0; index < perStep; index++) ask('OPTIONS')
      clock.advance(200)
    }
  }
  return {
    ...{ clock, logger, sent, control, ask, pass },
    load: (share: number) => (busy = share),
    hold: (count: number) => (dialogs = count),
  }
}

t.test('under load, work that nobody has begun is refused with 503 and Retry-After', async (t) => {
  const { ask, load, pass, sent, control } = start(t)
  load(1)
  pass(5_000)
  t.equal(control.report().overloaded, true)
  sent.length = 0
  let taken = 0
  for (let index = 0; index < 500; index++) if (ask('INVITE')) taken++
  t.ok(taken < 40, `${taken} of 500 were taken`)
  const waits = sent.map(({ status, headers }) => (status === 503 ? Number(headers.get('Retry-After')) : NaN))
  t.equal(waits.length, 500 - taken)
  t.ok(
    waits.every((seconds) => seconds >= 2 && seconds <= 10),
    'within the window',
  )
  t.equal(new Set(waits).size, 9, 'and all over it')
  sent.length = 0
  for (let index = 0; index < 500; index++) ask('REGISTER')
  const longer = new Set(sent.map(({ headers }) => Number(headers.get('Retry-After'))))
  t.ok(
    longer.size > 30 && Math.min(...longer) >= 4 && Math.max(...longer) <= 40,
    'registrations come back later',
  )
})

t.test('what is under way, ends something or saves a life always passes', async (t) => {
  const { ask, load, pass } = start(t, { isEmergency: (uri) => uri.startsWith('sip:112@') })
  load(1)
  pass(10_000)
  const passes: [string, object, Partial<Flow>?][] = [
    ['BYE', {}],
    ['CANCEL', {}],
    ['PRACK', {}],
    ['UPDATE', {}],
    ['INVITE', { toTag: 'ours' }],
    ['NOTIFY', { toTag: 'ours' }],
    ['REFER', { toTag: 'ours' }],
    ['INVITE', { user: '112' }],
    ['OPTIONS', {}, { peerNames: ['sip.pstnhub.microsoft.com'] }],
  ]
  for (const [method, options, over] of passes) {
    let refused = 0
    for (let index = 0; index < 200; index++) if (!ask(method, options, over)) refused++
    t.equal(refused, 0, `${method} ${JSON.stringify(options)}`)
  }
  let taken = 0
  for (let index = 0; index < 200; index++) if (ask('REGISTER', { toTag: 'stale' })) taken++
  t.ok(taken < 30, 'a tag makes no dialog of a REGISTER')
  t.equal(passes.length, 9)
})

t.test('requests of calls that are up are no new work, however many they are', async (t) => {
  const { ask, clock, load, control } = start(t)
  load(1)
  for (let ms = 0; ms < 5_000; ms += 200) {
    for (let index = 0; index < 100; index++) ask('INVITE', { toTag: 'up' })
    // A few calls a second are below what the load is looked at for.
    for (let index = 0; index < 4; index++) t.ok(ask('INVITE'))
    clock.advance(200)
  }
  t.equal(control.report().overloaded, false)
})

t.test('a retransmission of a refused call is refused as well, with the same tag', async (t) => {
  const { ask, load, pass, sent } = start(t)
  load(1)
  pass(10_000)
  for (let index = 0; index < 100; index++) {
    const callId = `again-${index}`
    const first = ask('INVITE', { callId })
    for (let repeat = 0; repeat < 3; repeat++) if (ask('INVITE', { callId }) !== first) t.fail(callId)
  }
  const tags = new Map<string, Set<string>>()
  for (const { headers } of sent.filter(({ headers }) => headers.get('Call-ID')?.startsWith('again-'))) {
    const id = headers.get('Call-ID') ?? ''
    tags.set(id, (tags.get(id) ?? new Set()).add(headers.get('To') ?? ''))
  }
  t.ok(tags.size > 80)
  t.ok([...tags.values()].every((set) => set.size === 1))
})

t.test('one line when it begins, one when it ends, however long it lasts', async (t) => {
  const { load, pass, logger, control } = start(t)
  const heard: boolean[] = []
  control.on('changed', ({ overloaded }) => heard.push(overloaded))
  pass(5_000)
  load(1)
  pass(30_000)
  load(0.3)
  pass(20_000)
  t.same(
    logger.lines.map(({ level, text }) => [level, text]),
    [
      ['warn', 'more new work than the box can do: part of it gets 503'],
      ['info', 'the overload is over'],
    ],
  )
  t.same(heard, [true, false])
  const { refused } = control.report()
  t.ok(refused > 3_000, `${refused} were refused`)
  t.equal(control.counters.refusedCallsByLoad, refused)
})

t.test('caps hold whatever the load is, each counted by its reason', async (t) => {
  const { ask, hold, control } = start(t, {
    maxServerTransactions: 10,
    maxDialogs: 5,
    maxRegistersInProgress: 3,
    maxClientTransactions: 7,
  })
  t.equal(ask('OPTIONS', {}, {}, 10), false)
  t.equal(ask('OPTIONS', {}, {}, 9), true)
  t.equal(ask('INVITE', { toTag: 'ours' }, {}, 10), true, 'what is under way needs its place')
  t.equal(ask('BYE', { toTag: 'ours' }, {}, 19), true)
  for (const method of ['BYE', 'INVITE', 'UPDATE'])
    t.equal(ask(method, { toTag: 'ours' }, {}, 20), false, `${method}: anybody can write a tag`)
  hold(5)
  t.equal(ask('INVITE'), false)
  t.equal(ask('MESSAGE'), true, 'makes no dialog')
  for (let index = 0; index < 3; index++) t.equal(ask('REGISTER'), true)
  t.equal(ask('REGISTER'), false)
  control.registerDone()
  t.equal(ask('REGISTER'), true)
  t.equal(control.registersOpen, 3)
  t.equal(control.admitsClient(6), true)
  t.equal(control.admitsClient(7), false)
  t.match(control.counters, {
    refusedByServerTransactions: 4,
    refusedByDialogs: 1,
    refusedRegistersInProgress: 1,
    refusedByClientTransactions: 1,
    refusedCallsByLoad: 0,
    refusedRegistersByLoad: 0,
  })
})
