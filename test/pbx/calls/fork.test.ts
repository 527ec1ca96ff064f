import t from 'tap'
import { answeredElsewhere, ringBranches, type Branch, type BranchEvents } from '#src/pbx/calls/fork.ts'
import { CancelReason, SipFailure } from '#src/pbx/sip-port.ts'
import { FakeClock } from '#test/support/fake-clock.ts'

/** A called party whose answers the test gives by hand. */
class Party implements Branch<string> {
  readonly name: string
  events: BranchEvents | undefined
  signal: AbortSignal | undefined
  released: string[] = []
  #settle: { resolve: (answer: string) => void; reject: (error: Error) => void } | undefined

  constructor(name: string) {
    this.name = name
  }

  ring(events: BranchEvents, signal: AbortSignal): Promise<string> {
    this.events = events
    this.signal = signal
    return new Promise((resolve, reject) => (this.#settle = { resolve, reject }))
  }

  release(answer: string): void {
    this.released.push(answer)
  }

  async answer(): Promise<void> {
    this.#settle?.resolve(`answer of ${this.name}`)
    await settle()
  }

  async fail(status: number): Promise<void> {
    this.#settle?.reject(new SipFailure(status, ''))
    await settle()
  }

  /** The Reason header of its CANCEL; false when it was not cancelled. */
  get cancelledWith(): string | undefined | false {
    if (!this.signal?.aborted) return false
    return (this.signal.reason as CancelReason).reasonHeader
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function start(...parties: Party[]) {
  const clock = new FakeClock()
  const caller = new AbortController()
  const seen = { ringing: 0, early: [] as string[], late: [] as string[] }
  const result = ringBranches(parties, {
    clock,
    ringTimeoutMs: 45_000,
    signal: caller.signal,
    onRinging: () => void seen.ringing++,
    onEarlyMedia: (sdp) => void seen.early.push(sdp),
    onLateAnswer: (name) => void seen.late.push(name),
  })
  return { clock, caller, seen, result }
}

t.test('the first answer wins, the others are told that it was answered elsewhere', async (t) => {
  const [desk, dect, teams] = [new Party('desk'), new Party('dect'), new Party('teams')]
  const { result, clock } = start(desk, dect, teams)
  await dect.answer()
  t.match(await result, { kind: 'answered', name: 'dect', answer: 'answer of dect' })
  t.equal(desk.cancelledWith, answeredElsewhere)
  t.equal(teams.cancelledWith, answeredElsewhere)
  t.equal(dect.cancelledWith, false, 'the winner is left alone')
  t.equal(clock.pending, 0, 'no timer is left')
})

t.test('an answer that crosses the CANCEL is given back', async (t) => {
  const [desk, dect] = [new Party('desk'), new Party('dect')]
  const { result, seen } = start(desk, dect)
  await desk.answer()
  await dect.answer()
  t.match(await result, { name: 'desk' })
  t.same(dect.released, ['answer of dect'])
  t.same(desk.released, [])
  t.same(seen.late, ['dect'])
})

t.test('refusals wait for the other branches, the best one is told', async (t) => {
  const [desk, dect, teams] = [new Party('desk'), new Party('dect'), new Party('teams')]
  const { result } = start(desk, dect, teams)
  await desk.fail(486)
  await dect.fail(408)
  await teams.fail(503)
  t.match(await result, { kind: 'failed', name: 'desk', failure: { status: 486 } })
})

t.test('one busy phone does not stop another from answering', async (t) => {
  const [desk, dect] = [new Party('desk'), new Party('dect')]
  const { result } = start(desk, dect)
  await desk.fail(486)
  await dect.answer()
  t.match(await result, { kind: 'answered', name: 'dect' })
})

t.test('a 6xx of a party that rang ends the search at once (RFC 3261 16.7 step 5)', async (t) => {
  const [desk, teams] = [new Party('desk'), new Party('teams')]
  const { result } = start(desk, teams)
  desk.events?.ringing()
  await desk.fail(603)
  t.match(await result, { kind: 'failed', failure: { status: 603 } })
  t.equal(teams.cancelledWith, undefined, 'cancelled without a Reason')
})

t.test('a 6xx without ringing is one device that does not want to be disturbed', async (t) => {
  const [desk, teams] = [new Party('desk'), new Party('teams')]
  const { result } = start(desk, teams)
  await desk.fail(603)
  t.equal(teams.cancelledWith, false, 'the others ring on')
  await teams.fail(480)
  t.match(await result, { kind: 'failed', failure: { status: 603 } })
})

t.test('after the ring time every branch is cancelled and nobody answered', async (t) => {
  const [desk, teams] = [new Party('desk'), new Party('teams')]
  const { result, clock } = start(desk, teams)
  await clock.run(44_999)
  t.equal(desk.cancelledWith, false)
  await clock.run(1)
  t.same(await result, { kind: 'noAnswer' })
  t.match(desk.cancelledWith, /cause=19/)
  t.match(teams.cancelledWith, /cause=19/)
})

t.test('the caller gives up: all branches are cancelled with his reason', async (t) => {
  const [desk, teams] = [new Party('desk'), new Party('teams')]
  const { result, caller, clock } = start(desk, teams)
  caller.abort(new CancelReason('gone', 'SIP;cause=487'))
  t.same(await result, { kind: 'stopped' })
  t.equal(desk.cancelledWith, 'SIP;cause=487')
  await desk.answer()
  t.same(desk.released, ['answer of desk'])
  t.equal(clock.pending, 0)
})

t.test('a caller who gave up before anything rings nobody', async (t) => {
  const caller = new AbortController()
  caller.abort(new CancelReason('gone'))
  const desk = new Party('desk')
  const result = await ringBranches([desk], {
    clock: new FakeClock(),
    ringTimeoutMs: 1000,
    signal: caller.signal,
    onRinging: () => undefined,
    onEarlyMedia: () => undefined,
    onLateAnswer: () => undefined,
  })
  t.same(result, { kind: 'stopped' })
  t.equal(desk.signal, undefined)
})

t.test('early media reaches the caller only when one party rings', async (t) => {
  const single = new Party('teams')
  const one = start(single)
  single.events?.earlyMedia('v=0')
  t.same(one.seen, { ringing: 0, early: ['v=0'], late: [] })

  const [desk, teams] = [new Party('desk'), new Party('teams')]
  const two = start(desk, teams)
  teams.events?.earlyMedia('v=0')
  desk.events?.ringing()
  t.same(two.seen, { ringing: 2, early: [], late: [] })
  await desk.answer()
  teams.events?.ringing()
  t.equal(two.seen.ringing, 2, 'nothing is told after the answer')
  await single.fail(500)
  await one.result
})

t.test('a defect in a branch counts as a 500 and hides nothing', async (t) => {
  const broken: Branch<string> = {
    name: 'broken',
    ring: () => Promise.reject(new TypeError('oops')),
    release: () => undefined,
  }
  const result = await ringBranches([broken], {
    clock: new FakeClock(),
    ringTimeoutMs: 1000,
    signal: new AbortController().signal,
    onRinging: () => undefined,
    onEarlyMedia: () => undefined,
    onLateAnswer: () => undefined,
  })
  t.match(result, { kind: 'failed', failure: { status: 500, reason: 'oops' } })
})
