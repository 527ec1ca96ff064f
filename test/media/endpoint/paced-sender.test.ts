import t from 'tap'
import { PacedSender } from '#src/media/endpoint/paced-sender.ts'
import { FakeClock } from '#test/support/fake-clock.ts'

function start(maxCatchUp = 5): { clock: FakeClock; sender: PacedSender; ticks: number[] } {
  const clock = new FakeClock()
  const ticks: number[] = []
  const sender = new PacedSender({ clock, intervalMs: 20, maxCatchUp, onTick: (tick) => ticks.push(tick) })
  sender.start()
  return { clock, sender, ticks }
}

void t.test('the first tick comes at once, then one per interval', async (t) => {
  const { clock, ticks } = start()
  clock.advance(0)
  t.same(ticks, [0])
  clock.advance(100)
  t.same(ticks, [0, 1, 2, 3, 4, 5])
})

void t.test('timers that fire late do not make it drift', async (t) => {
  const late = new FakeClock()
  const ticks: number[] = []
  // Each timer comes 7.3 ms late, as on a loaded machine.
  const clock = {
    nowMs: () => late.nowMs(),
    monotonicMs: () => late.monotonicMs(),
    setTimer: (delayMs: number, callback: () => void) => late.setTimer(delayMs + 7.3, callback),
    sleep: (delayMs: number) => late.sleep(delayMs),
  }
  const sender = new PacedSender({ clock, intervalMs: 20, maxCatchUp: 5, onTick: (tick) => ticks.push(tick) })
  sender.start()
  late.advance(20_000)
  t.equal(ticks.length, 1000)
  t.same(
    ticks,
    ticks.map((_, index) => index),
  )
})

void t.test('a short stall is caught up, a long one only for its last part', async (t) => {
  const stalled = new FakeClock()
  const ticks: number[] = []
  let offsetMs = 0
  const clock = {
    nowMs: () => stalled.nowMs(),
    monotonicMs: () => stalled.monotonicMs() + offsetMs,
    setTimer: (delayMs: number, callback: () => void) => stalled.setTimer(delayMs, callback),
    sleep: (delayMs: number) => stalled.sleep(delayMs),
  }
  const sender = new PacedSender({ clock, intervalMs: 20, maxCatchUp: 5, onTick: (tick) => ticks.push(tick) })
  sender.start()
  stalled.advance(0)
  offsetMs = 80
  stalled.advance(20)
  t.same(ticks, [0, 1, 2, 3, 4, 5])
  offsetMs = 1080
  stalled.advance(20)
  t.same(ticks.slice(6), [52, 53, 54, 55, 56])
})

void t.test('stopping ends it, also from inside a tick, and leaves no timer', async (t) => {
  const { clock, sender, ticks } = start()
  clock.advance(20)
  sender.stop()
  clock.advance(1000)
  t.equal(ticks.length, 2)
  t.equal(clock.pending, 0)
  t.equal(sender.running, false)

  const own = new FakeClock()
  let count = 0
  const self = new PacedSender({
    clock: own,
    intervalMs: 20,
    maxCatchUp: 5,
    onTick: () => {
      count++
      self.stop()
    },
  })
  self.start()
  self.start()
  own.advance(1000)
  t.equal(count, 1)
  t.equal(own.pending, 0)
})
