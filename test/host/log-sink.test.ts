import { Writable } from 'node:stream'
import t from 'tap'
import { ApplianceError } from '#src/base/errors.ts'
import { openLog, type LogLevel } from '#src/host/log-sink.ts'
import { FakeClock } from '#test/support/fake-clock.ts'

function open(readable: boolean, level: LogLevel = 'info', clock?: FakeClock) {
  const lines: string[] = []
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString())
      done()
    },
  })
  const gather = clock ? { gather: { clock, forMs: 50 } } : {}
  return { ...openLog({ stream, readable, level, ...gather }), lines }
}

t.test('secrets are masked at any depth, also in children and in the details of errors', async (t) => {
  const { logger, lines } = open(false)
  logger.child({ token: 'a-token' }).info(
    {
      password: 'p-word',
      headers: { Authorization: 'Digest x', 'user-agent': 'Phone' },
      list: [{ ha1_md5: 'abc' }],
      err: new ApplianceError('INVALID', { refreshToken: 'r-token', field: 'name' }),
    },
    'text',
  )
  const line = lines.join('')
  for (const secret of ['a-token', 'p-word', 'Digest x', 'abc', 'r-token']) t.notMatch(line, secret)
  t.match(JSON.parse(line), {
    msg: 'text',
    headers: { 'user-agent': 'Phone' },
    err: { code: 'INVALID', details: { field: 'name' } },
  })
})

t.test('the level counts for children too, also those made before it changed', async (t) => {
  const log = open(false, 'warn')
  const { logger, lines } = log
  const child = logger.child({ part: 'sip' })
  child.info({}, 'quiet')
  log.setLevel('debug')
  child.debug({}, 'loud')
  log.setLevel('error')
  child.warn({}, 'quiet again')
  child.error({}, 'always')
  t.strictSame(
    lines.map((line) => (JSON.parse(line) as { msg: string; part: string }).msg),
    ['loud', 'always'],
  )
})

t.test('a terminal gets one short line', async (t) => {
  const { logger, lines } = open(true)
  logger.warn({ part: 'sip', port: 5060, hosts: ['a'] }, 'port is taken')
  t.match(lines.join(''), /^\d\d:\d\d:\d\d WARN {2}port is taken {2}part=sip port=5060 hosts=\["a"\]\n$/)
})

t.test('lines share a write, in order; trouble and the end of the process wait for nothing', async (t) => {
  const clock = new FakeClock()
  const log = open(false, 'info', clock)
  const { logger, lines } = log
  const texts = () =>
    lines.map((chunk) =>
      chunk
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { msg: string }).msg),
    )
  logger.info({}, 'one')
  logger.child({ part: 'x' }).info({}, 'two')
  t.same(texts(), [])
  clock.advance(50)
  t.same(texts(), [['one', 'two']])
  logger.info({}, 'three')
  logger.warn({}, 'four')
  t.same(texts().slice(1), [['three', 'four']])
  logger.error({}, 'five')
  logger.info({}, 'six')
  log.flush()
  t.same(texts().slice(2), [['five'], ['six']])
  t.equal(clock.pending, 0)
  logger.info({ long: 'x'.repeat(20_000) }, 'seven')
  t.same(texts().at(-1), ['seven'], 'a great deal is not kept waiting')
})

t.test('what a stranger calls himself does not act on the terminal', async (t) => {
  const { logger, lines } = open(true)
  logger.info({ userAgent: '\u001b[2J\u202egnp', err: new Error('a\rb') }, 'seen\n12:00:00 ERROR forged')
  const text = lines.join('')
  t.notMatch(text, /[\u001b\r\u202e]/)
  t.match(text, 'userAgent=\\u001b[2J\\u202egnp')
  t.equal(text.split('\n')[0]?.includes('seen\\u000a12:00:00 ERROR forged'), true, 'one line stays one line')
})
