import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createNotifier } from '#src/host/systemd-notify.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'

interface Teardown {
  teardown(release: () => void): void
}

/**
 * Node has no datagram sockets in the file system, and socat keeps the descriptor of systemd-notify's barrier open,
 * so that each message would take five seconds. Perl is on every Debian and drops it.
 */
const receiver = `
  use Socket; $| = 1;
  socket(S, PF_UNIX, SOCK_DGRAM, 0) && bind(S, sockaddr_un($ARGV[0])) or die $!;
  print "listening\\n";
  while (defined recv(S, my $message, 65536, 0)) { print "$message\\n" }`

/** A service manager's socket: collects what is sent to it. */
async function startManager(t: Teardown) {
  const folder = mkdtempSync(join(tmpdir(), 'branchline-notify-'))
  const path = join(folder, 'notify')
  const perl = spawn('perl', ['-e', receiver, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => {
    perl.kill()
    rmSync(folder, { recursive: true, force: true })
  })
  let received = ''
  perl.stdout.on('data', (bytes: Buffer) => (received += bytes.toString()))
  /** Waits for the next messages until they are there. */
  const until = async (done: (received: string) => boolean): Promise<void> => {
    while (!done(received)) {
      const ended = once(perl, 'exit').then(() => Promise.reject(new Error('the receiver ended')))
      await Promise.race([once(perl.stdout, 'data'), ended])
    }
  }
  await until((text) => text.includes('listening'))
  return { path, received: () => received, until }
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
  const manager = await startManager(t)
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
