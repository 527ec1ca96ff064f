import t from 'tap'
import { createHealth } from '#src/health/health.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'

t.test('keeps the last report of each part, in the order of their first', async (t) => {
  const health = createHealth({ clock: new FakeClock(), logger: new MemoryLogger() })
  health.report({ name: 'store', state: 'starting', detail: 'Starting.', advice: undefined })
  health.report({ name: 'sip', state: 'ok', detail: 'On port 5060.', advice: undefined })
  health.report({ name: 'store', state: 'failed', detail: 'Damaged.', advice: 'Restore.' })
  t.strictSame(health.parts(), [
    { name: 'store', state: 'failed', detail: 'Damaged.', advice: 'Restore.' },
    { name: 'sip', state: 'ok', detail: 'On port 5060.', advice: undefined },
  ])
})

t.test('tells changes with the state before, and nothing when nothing is new', async (t) => {
  const clock = new FakeClock(1_000)
  const health = createHealth({ clock, logger: new MemoryLogger() })
  const heard: string[] = []
  const stop = health.on('changed', ({ part, before, atMs }) => {
    heard.push(`${part.name} ${before} -> ${part.state} at ${atMs}: ${part.detail}`)
  })
  const part = { name: 'sip', state: 'ok' as const, detail: 'Up.', advice: undefined }
  health.report(part)
  health.report({ ...part })
  clock.advance(5)
  health.report({ ...part, state: 'degraded', detail: 'One host is down.' })
  health.report({ ...part, state: 'degraded', detail: 'Two hosts are down.' })
  stop()
  health.report(part)
  t.strictSame(heard, [
    'sip undefined -> ok at 1000: Up.',
    'sip ok -> degraded at 1005: One host is down.',
    'sip degraded -> degraded at 1005: Two hosts are down.',
  ])
})

t.test(
  'what the reporter does with its record afterwards changes nothing; a throwing listener neither',
  async (t) => {
    const logger = new MemoryLogger()
    const health = createHealth({ clock: new FakeClock(), logger })
    health.on('changed', () => {
      throw new Error('page gone')
    })
    const part = { name: 'sip', state: 'ok' as const, detail: 'Up.', advice: undefined }
    health.report(part)
    part.detail = 'changed later'
    t.equal(health.parts()[0]?.detail, 'Up.')
    t.equal(logger.lines.filter(({ level }) => level === 'error').length, 1)
  },
)
