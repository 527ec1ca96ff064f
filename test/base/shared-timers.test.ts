import t from 'tap'
import { systemClock } from '#src/base/clock.ts'
import { shareTimers } from '#src/base/shared-timers.ts'
import { FakeClock } from '#test/support/fake-clock.ts'

t.test('timers fire when due, in order, and share one timer per duration', async (t) => {
  const clock = new FakeClock()
  const shared = shareTimers(clock)
  const fired: string[] = []
  shared.setTimer(100, () => fired.push('a'))
  clock.advance(10)
  shared.setTimer(100, () => fired.push('b'))
  shared.setTimer(50, () => fired.push('c'))
  t.equal(clock.pending, 2)
  clock.advance(49)
  t.same(fired, [])
  clock.advance(1)
  t.same(fired, ['c'])
  clock.advance(40)
  t.same(fired, ['c', 'a'])
  t.equal(clock.pending, 1, 'armed again for the next in line')
  clock.advance(9)
  t.same(fired, ['c', 'a'])
  clock.advance(1)
  t.same(fired, ['c', 'a', 'b'])
  t.equal(clock.pending, 0)
})

t.test('a cancelled timer never fires, wherever it stands in line', async (t) => {
  for (const cancelled of [0, 1, 2]) {
    const clock = new FakeClock()
    const shared = shareTimers(clock)
    const fired: number[] = []
    const timers = [0, 1, 2].map((index) => shared.setTimer(100, () => fired.push(index)))
    timers[cancelled]?.cancel()
    timers[cancelled]?.cancel()
    clock.advance(100)
    t.same(
      fired,
      [0, 1, 2].filter((index) => index !== cancelled),
    )
    timers[0]?.cancel()
    t.equal(clock.pending, 0)
  }
})

t.test('with the last timer cancelled none is left below, and a new one starts anew', async (t) => {
  const clock = new FakeClock()
  const shared = shareTimers(clock)
  const first = shared.setTimer(100, () => t.fail('cancelled'))
  clock.advance(60)
  first.cancel()
  t.equal(clock.pending, 0)
  let fired = 0
  shared.setTimer(100, () => fired++)
  clock.advance(99)
  t.equal(fired, 0)
  clock.advance(1)
  t.equal(fired, 1)
})

t.test('a callback may set and cancel timers of its own line', async (t) => {
  const clock = new FakeClock()
  const shared = shareTimers(clock)
  const fired: string[] = []
  const second = shared.setTimer(100, () => fired.push('second'))
  const again = (): void => {
    fired.push('again')
    if (fired.length < 3) shared.setTimer(100, again)
  }
  second.cancel()
  shared.setTimer(100, again)
  const victim = shared.setTimer(100, () => fired.push('victim'))
  shared.setTimer(100, () => fired.push('after'))
  shared.setTimer(99, () => victim.cancel())
  clock.advance(100)
  t.same(fired, ['again', 'after'])
  clock.advance(100)
  t.same(fired, ['again', 'after', 'again'])
  t.equal(clock.pending, 0)
})

t.test('one that throws does not take the others with it', async (t) => {
  const clock = new FakeClock()
  const shared = shareTimers(clock)
  let fired = 0
  shared.setTimer(100, () => {
    throw new Error('mine')
  })
  shared.setTimer(100, () => fired++)
  t.throws(() => clock.advance(100), { message: 'mine' })
  clock.advance(1)
  t.equal(fired, 1)
  t.equal(clock.pending, 0)
})

t.test('never early on the real clock, and its sleep is the clock below', async (t) => {
  const shared = shareTimers(systemClock)
  const early: number[] = []
  await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const startedMs = systemClock.monotonicMs()
      const delayMs = 5 + (index % 3)
      await new Promise<void>((resolve) => shared.setTimer(delayMs, resolve))
      if (systemClock.monotonicMs() - startedMs < delayMs) early.push(index)
    }),
  )
  t.same(early, [])
  await shared.sleep(1)
  await t.rejects(shared.sleep(1000, AbortSignal.abort(new Error('enough'))), { message: 'enough' })
  t.ok(Math.abs(shared.nowMs() - Date.now()) < 1000)
})
