import t from 'tap'
import { sparingly } from '#src/base/sparing-logger.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'

t.test('of one warning 20 lines a minute go on, the next minute says how many did not', async (t) => {
  const clock = new FakeClock()
  const memory = new MemoryLogger()
  const logger = sparingly(memory, clock)
  for (let count = 0; count < 1000; count++) logger.warn({ count }, 'flood')
  logger.child({ part: 'x' }).warn({}, 'flood')
  logger.error({}, 'another')
  t.equal(memory.lines.filter(({ text }) => text === 'flood').length, 20)
  t.equal(memory.lines.filter(({ text }) => text === 'another').length, 1, 'other lines are not touched')
  clock.advance(60_000)
  logger.warn({ count: 1001 }, 'flood')
  t.match(memory.lines.at(-1), { level: 'warn', fields: { count: 1001, keptBack: 981 }, text: 'flood' })
  logger.warn({}, 'flood')
  t.same(memory.lines.at(-1)?.fields, {}, 'counted from anew')
})

t.test('debug and info go through', async (t) => {
  const memory = new MemoryLogger()
  const logger = sparingly(memory, new FakeClock())
  for (let count = 0; count < 30; count++) {
    logger.info({}, 'story')
    logger.debug({}, 'wire')
  }
  t.equal(memory.lines.length, 60)
})
