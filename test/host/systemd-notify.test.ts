import t from 'tap'
import { createNotifier } from '#src/host/systemd-notify.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { startServiceManager } from '#test/support/service-manager.ts'

interface Teardown {
  teardown(release: () => void): void
}

/** Lets promises that are settled already go on. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** The package runs its program with the environment of the process, as main leaves it. */
function withSocket(t: Teardown, path: string): void {
  const before = process.env['NOTIFY_SOCKET']
  process.env['NOTIFY_SOCKET'] = path
  t.teardown(() => {
    if (before === undefined) delete process.env['NOTIFY_SOCKET']
    else process.env['NOTIFY_SOCKET'] = before
  })
}

t.test('ready, status, watchdog at half its time, stopping: in this order', async (t) => {
  const manager = await startServiceManager(t)
  withSocket(t, manager.path)
  const clock = new FakeClock()
  const logger = new MemoryLogger()
  const notifier = createNotifier({ notifySocket: manager.path, watchdogUsec: '30000000', clock, logger })
  notifier.ready('All parts\nare up.')
  notifier.status('3 phones')
  await notifier.settled()
  t.match(manager.received(), /READY=1\nSTATUS=All parts are up\.[^]*STATUS=3 phones/)
  t.notOk(manager.received().includes('WATCHDOG'))

  const beats = () => manager.received().split('WATCHDOG=1').length - 1
  const stop = new AbortController()
  notifier.startWatchdog(stop.signal)
  await manager.until(() => beats() === 1)
  await notifier.settled()
  await turn()
  t.equal(clock.pending, 1, 'the next beat is planned')
  clock.advance(14_999)
  await notifier.settled()
  t.equal(beats(), 1, 'not before half of the time')
  clock.advance(1)
  await manager.until(() => beats() === 2)
  await notifier.settled()
  await turn()
  stop.abort()
  t.equal(clock.pending, 0)
  notifier.stopping()
  await notifier.settled()
  await manager.until((text) => text.includes('STOPPING=1'))
  t.equal(beats(), 2)
  t.strictSame(logger.lines, [])
})

t.test('without a socket nothing is run and nothing waits', async (t) => {
  const clock = new FakeClock()
  const notifier = createNotifier({
    notifySocket: undefined,
    watchdogUsec: '30000000',
    clock,
    logger: new MemoryLogger(),
  })
  notifier.ready('up')
  notifier.startWatchdog(new AbortController().signal)
  notifier.stopping()
  await notifier.settled()
  t.equal(clock.pending, 0)
})

t.test('a manager that is gone is one line in the log, not a failure', async (t) => {
  const path = '/nonexistent/notify'
  withSocket(t, path)
  const logger = new MemoryLogger()
  const notifier = createNotifier({
    notifySocket: path,
    watchdogUsec: undefined,
    clock: new FakeClock(),
    logger,
  })
  notifier.ready('up')
  notifier.status('again')
  notifier.stopping()
  await notifier.settled()
  t.strictSame(
    logger.lines.map(({ level, text }) => [level, text]),
    [['warn', 'systemd was not reached']],
  )
})
