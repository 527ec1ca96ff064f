import t from 'tap'
import { TryThrottle } from '#src/api/auth/try-throttle.ts'
import { FakeClock } from '#test/support/fake-clock.ts'

t.test('a flood from many addresses is slowed down, and known addresses still get in', async (t) => {
  const clock = new FakeClock()
  const throttle = new TryThrottle(clock)
  throttle.admit('192.0.2.10')
  throttle.succeed('192.0.2.10')
  for (let index = 0; index < 59; index++) throttle.admit(`198.51.100.${index}`)
  t.throws(() => throttle.admit('203.0.113.1'), { code: 'TOO_MANY_TRIES', details: { retryAfterS: 60 } })
  throttle.admit('192.0.2.10')
  clock.advance(60_000)
  throttle.admit('203.0.113.1')
  t.pass('the next minute is open again')
})

t.test('tries at the same time count before they are checked', async (t) => {
  const throttle = new TryThrottle(new FakeClock())
  for (let index = 0; index < 5; index++) throttle.admit('192.0.2.1')
  t.throws(() => throttle.admit('192.0.2.1'), { code: 'TOO_MANY_TRIES' })
})

t.test('an address is forgotten after a quarter of an hour', async (t) => {
  const clock = new FakeClock()
  const throttle = new TryThrottle(clock)
  for (let index = 0; index < 4; index++) throttle.admit('192.0.2.1')
  clock.advance(15 * 60_000)
  for (let index = 0; index < 5; index++) throttle.admit('192.0.2.1')
  t.throws(() => throttle.admit('192.0.2.1'), { code: 'TOO_MANY_TRIES' })
})

t.test(
  'a flood from IPv6, where one machine has any number of addresses, keeps nobody on IPv4 out',
  async (t) => {
    const throttle = new TryThrottle(new FakeClock())
    for (let index = 0; index < 60; index++) throttle.admit(`2001:db8::${index}`)
    t.throws(() => throttle.admit('2001:db8:1::1'), { code: 'TOO_MANY_TRIES' })
    throttle.admit('192.0.2.1')
    throttle.admit('::ffff:192.0.2.2')
    t.pass('IPv4 is not touched')
  },
)
