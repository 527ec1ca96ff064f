import { Writable } from 'node:stream'
import t from 'tap'
import { LogRing } from '#src/host/log-ring.ts'
import { openLog } from '#src/host/log-sink.ts'

t.test('the last 500 records, oldest first', async (t) => {
  const ring = new LogRing((json) => `<${json}>\n`)
  t.strictSame(ring.lines(), [])
  for (let number = 0; number < 3_456; number++) ring.add(String(number))
  const lines = ring.lines()
  t.equal(lines.length, 500)
  t.equal(lines[0], '<2956>')
  t.equal(lines.at(-1), '<3455>')
})

t.test('bounded in size as well: a flood of long lines does not grow', async (t) => {
  const ring = new LogRing((json) => json)
  for (let number = 0; number < 1_000; number++) ring.add(`${number} ${'x'.repeat(100_000)}`)
  const lines = ring.lines()
  t.ok(lines.length >= 50 && lines.join('').length <= 262_144, `${lines.length} lines`)
  t.match(lines.at(-1), /^999 x+ \.\.\.$/)
  t.equal(lines.at(-1)?.length, 4_100)
})

t.test('what the log masks is masked here', async (t) => {
  const stream = new Writable({ write: (_chunk, _encoding, done) => done() })
  for (const readable of [true, false]) {
    const log = openLog({ stream, readable, level: 'info' })
    log.logger.info({ password: 'p-word', user: 'anna' }, 'signed in')
    log.logger.debug({}, 'below the level')
    t.match(log.recent(), [/^\d\d:\d\d:\d\d info  signed in {2}password=\[masked\] user=anna$/])
    t.equal(log.recent().length, 1)
  }
})
