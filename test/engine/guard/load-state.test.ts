import t from 'tap'
import { atEase, stepLoad, type LoadSample, type LoadState } from '#src/engine/guard/load-state.ts'
import { defaultOverload } from '#src/engine/guard/options.ts'
import { hashRequest } from '#src/engine/guard/request-hash.ts'

const quiet: LoadSample = { busy: 0.2, delayMs: 1, newPerSecond: 100 }
const full: LoadSample = { busy: 1, delayMs: 5, newPerSecond: 2_000 }

/** Steps of 200 ms with what `next` measures; every state on the way. */
function run(
  steps: number,
  next: (state: LoadState, index: number) => LoadSample,
  from = atEase,
): LoadState[] {
  const states = [from]
  for (let index = 0; index < steps; index++) {
    const state = states.at(-1) ?? atEase
    states.push(stepLoad(state, next(state, index), defaultOverload, index * 200))
  }
  return states
}

const flips = (states: LoadState[]): number =>
  states.filter((state, index) => index > 0 && state.overloaded !== states[index - 1]?.overloaded).length

t.test('which load refuses what', async (t) => {
  const table: [string, Partial<LoadSample>, calls: boolean, registers: boolean][] = [
    ['a quiet box', {}, false, false],
    ['busy with registrations', { busy: 0.9 }, false, true],
    ['busy with everything', { busy: 0.99 }, true, true],
    ['an event loop that comes late', { delayMs: 250 }, true, true],
    ['busy with something else', { busy: 1, delayMs: 900, newPerSecond: 39 }, false, false],
    ['just below the limits', { busy: 0.84, delayMs: 199 }, false, false],
  ]
  for (const [text, sample, calls, registers] of table) {
    const end = run(20, () => ({ ...quiet, newPerSecond: 500, ...sample })).at(-1) ?? atEase
    t.equal(end.refuseCalls > 0, calls, `${text}: calls`)
    t.equal(end.refuseRegisters > 0, registers, `${text}: registrations`)
    t.equal(end.overloaded, calls || registers, text)
  }
  t.equal(table.length, 6)
})

t.test('a short peak refuses nothing', async (t) => {
  t.equal(flips(run(40, (_state, index) => (index % 10 < 2 ? full : quiet))), 0)
})

t.test('under a lasting load nearly everything is refused within two seconds, and never all', async (t) => {
  const end = run(12, () => full).at(-1) ?? atEase
  t.ok(end.refuseCalls > 0.95 && end.refuseCalls <= 0.98, `${end.refuseCalls}`)
})

t.test('when the load is gone, it is over once and within seconds', async (t) => {
  const loaded = run(50, () => full).at(-1) ?? atEase
  const after = run(60, () => quiet, loaded)
  t.equal(flips(after), 1)
  const steps = after.findIndex(({ overloaded }) => !overloaded)
  t.ok(steps * 200 < 10_000, `${steps * 200} ms`)
  t.same(after.at(-1), { ...atEase, calmSinceMs: after.at(-1)?.calmSinceMs })
})

t.test('with three times the load that a box can bear it settles instead of flapping', async (t) => {
  // Refusing costs a tenth of serving; what is offered fills the box three times.
  const offered = 3
  const states = run(600, ({ refuseCalls }) => {
    const work = offered * (1 - refuseCalls) + offered * 0.1 * refuseCalls
    return { busy: Math.min(1, work), delayMs: 5, newPerSecond: 3_000 }
  })
  t.equal(flips(states), 1, 'it begins once and goes on')
  const late = states.slice(100).map(({ refuseCalls }) => refuseCalls)
  const mean = late.reduce((sum, share) => sum + share, 0) / late.length
  t.ok(mean > 0.65 && mean < 0.9, `on average ${mean.toFixed(2)} is refused, 0.76 would be exact`)
})

t.test(
  'a retransmission has the hash of its first, the next try another, and shares come out even',
  async (t) => {
    t.equal(hashRequest(7, 'abc@host', '1 INVITE'), hashRequest(7, 'abc@host', '1 INVITE'))
    t.not(hashRequest(7, 'abc@host', '1 REGISTER'), hashRequest(7, 'abc@host', '2 REGISTER'))
    t.not(hashRequest(7, 'abc@host', '1 INVITE'), hashRequest(8, 'abc@host', '1 INVITE'))
    let under = 0
    for (let index = 0; index < 20_000; index++)
      if (hashRequest(99, `${index}-1@127.0.0.1`, '1 REGISTER') % 1000 < 300) under++
    t.ok(Math.abs(under / 20_000 - 0.3) < 0.02, `${under} of 20,000 fall under 30 %`)
  },
)
