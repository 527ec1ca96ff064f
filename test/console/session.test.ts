import t, { type Test } from 'tap'
import { PasswordGate } from '#src/console/password-gate.ts'
import { Session } from '#src/console/session.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { FakeBox, FakeLine, settle } from './fake-box.ts'

const atMenu = /Number and Enter: $/

/** A person at the menu of a box. */
async function start(t: Test, prepare: (box: FakeBox) => void = () => undefined) {
  const box = new FakeBox()
  prepare(box)
  const line = new FakeLine()
  const clock = new FakeClock()
  const logger = new MemoryLogger()
  const stop = new AbortController()
  const session = new Session({ stream: line, box, gate: new PasswordGate(clock), clock, logger })
  const ended = session.run(stop.signal)
  await settle()
  t.teardown(async () => {
    stop.abort()
    await clock.run(1_000)
    await ended
  })
  return { box, line, clock, logger, stop, ended }
}

t.test('Enter opens the menu, q closes it, anything else is explained', async (t) => {
  const { line } = await start(t)
  t.match(line.text, /maintenance console\r\nSetup page: https:\/\/192\.0\.2\.7:8443\r\n\r\nPress Enter/)
  t.match(await line.type('\r'), atMenu)
  t.match(await line.type('99\r'), /Type one of the numbers[^]*Number and Enter: $/)
  t.match(await line.type('q\r'), /Press Enter for the menu\. $/)
})

t.test('nothing that cannot be undone happens without its word', async (t) => {
  const { box, line } = await start(t)
  await line.type('\r')
  const attempts = [
    '4\r\r',
    '4\ry\r',
    '6\r2\rno\r',
    '6\r1\r\r',
    '7\ryes\r',
    '7\rfactory reset\ryes\r',
    '7\rfactory\r',
  ]
  // One line at a time: what is typed while the box is at something does not count.
  for (const attempt of attempts) for (const typed of attempt.split(/(?<=\r)/)) await line.type(typed)
  await line.type('7\r')
  t.match(await line.type('\x03'), /Nothing was done/)
  t.strictSame(box.done, [])
  for (const typed of [
    '4',
    'RESET',
    '6',
    '2',
    'yes',
    '',
    '6',
    '1',
    'yes',
    '',
    '7',
    'Factory Reset',
    'factory reset',
  ])
    await line.type(`${typed}\r`)
  t.strictSame(box.done, ['reset', 'reboot', 'restart', 'factoryReset'])
})

t.test('what the box refuses is said, and the menu goes on', async (t) => {
  const { box, line, logger } = await start(t)
  await line.type('\r')
  box.failure = 'The machine did not take the request.'
  for (const typed of ['6', '2']) await line.type(`${typed}\r`)
  t.match(await line.type('yes\r'), /The machine did not take the request\.\r\nNumber and Enter: $/)
  t.match(
    logger.lines.filter(({ level }) => level === 'warn'),
    [{ text: /asked for on the console/ }, { text: /could not do/ }],
  )
  t.match(await line.type('8\r'), /Help/)
})

t.test('a trial that the clock ends is told to whoever waits at the question', async (t) => {
  const { box, line } = await start(t)
  for (const typed of ['', '3', '1', '', 'yes']) await line.type(`${typed}\r`)
  t.match(line.text, /within 60 s to keep, n to take it back: $/)
  t.match(await line.type('maybe\r'), /Type y or n\.[^]*take it back: $/)
  const before = line.text.length
  box.endTrial('timer', false)
  await settle()
  t.match(line.text.slice(before), /Nobody confirmed\.[^]*Number and Enter: $/)
  await line.type('y\r')
  t.strictSame(box.done, ['trial {"mode":"dhcp"}', 'timer'])
})

t.test('a trial that is confirmed a moment too late says so', async (t) => {
  const { box, line } = await start(t)
  for (const typed of ['', '3', '1', '', 'yes']) await line.type(`${typed}\r`)
  box.failure = 'No change of the network is being tried.'
  t.match(await line.type('y\r'), /No change of the network is being tried\.\r\nNumber and Enter: $/)
})

t.test('silence leads back to the start, but not out of a trial', async (t) => {
  const { line, clock } = await start(t)
  await line.type('\r')
  await line.type('7\r')
  const before = line.text.length
  await clock.run(5 * 60_000)
  await settle()
  t.match(line.text.slice(before), /Press Enter for the menu\. $/)
  const quiet = line.text.length
  await clock.run(60 * 60_000, 60_000)
  t.equal(line.text.length, quiet, 'and nothing more is said to nobody')
  for (const typed of ['', '3', '1', '', 'yes']) await line.type(`${typed}\r`)
  await clock.run(5 * 60_000)
  t.match(line.text, /to take it back: $/)
})

t.test('noise: nothing happens, the menu is there half a second after it', async (t) => {
  const { box, line, clock } = await start(t)
  await line.type('\r')
  await line.type('7\r')
  await line.type('\xff\xfe')
  for (let piece = 0; piece < 20; piece++) {
    t.equal(await line.type('factory reset\rfactory reset\r'), '')
    clock.advance(499)
  }
  await clock.run(1)
  t.match(line.text, /There was noise on the line; it was ignored\.\r\nType factory reset to go on: $/)
  t.strictSame(box.done, [])
})

t.test('a monkey at the keyboard: 5,000 lines, no end, no crash, no reset', async (t) => {
  const { box, line, clock } = await start(t)
  let seed = 7
  const next = (below: number): number => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % below
  const words = [
    '',
    '1',
    '2',
    '3',
    '4',
    '5',
    '6',
    '7',
    '8',
    'q',
    'y',
    'n',
    'none',
    '192.0.2.9',
    '24',
    '\x03',
    '\x0c',
    '20',
  ]
  for (let turn = 0; turn < 5_000; turn++) {
    await line.type(`${words[next(words.length)]}\r`)
    if (next(50) === 0) await clock.run(600)
  }
  t.strictSame(
    box.done.filter((what) => /reset|reboot|restart|trial/i.test(what)),
    [],
    'no word was typed, so nothing was done',
  )
  await line.type('\x03')
  await line.type('q\r')
  t.match(await line.type('\r'), /Number and Enter: $|Press Enter for the menu\. $/)
})

t.test(
  'a password when the setting asks for one; guesses are slow, also after the cable was pulled',
  async (t) => {
    const clock = new FakeClock()
    const gate = new PasswordGate(clock)
    const box = new FakeBox()
    box.password = 'pässwort 12'
    const sessions = [new FakeLine(), new FakeLine()]
    const stop = new AbortController()
    const ended = sessions.map((stream) =>
      new Session({ stream, box, gate, clock, logger: new MemoryLogger() }).run(stop.signal),
    )
    const [line, other] = sessions as [FakeLine, FakeLine]
    await settle()
    t.match(await line.type('\r'), /Admin password: $/)
    t.match(await line.type('wrong\r'), /^\*{5}\r\n$/, 'no answer yet')
    await clock.run(1_000)
    await settle()
    t.match(line.text, /The password is wrong\.\r\nPress Enter for the menu\. $/)
    line.pull()
    await other.type('\r')
    await other.type('wrong again\r')
    await clock.run(1_999)
    t.notMatch(other.text, /wrong/)
    await clock.run(1)
    await settle()
    t.match(other.text, /The password is wrong/)
    await other.type('\r')
    t.match(await other.type('pässwort 12\r'), atMenu)
    t.notMatch(other.text, /sswort/)
    t.match(await other.type('q\r'), /Press Enter/)
    t.match(await other.type('\r'), /Admin password: $/, 'asked again after leaving')
    stop.abort()
    await clock.run(1_000)
    await Promise.all(ended)
  },
)

t.test('a line that nobody reads: output is dropped, the box goes on, and the person is told', async (t) => {
  const { box, line, clock } = await start(t)
  let free = (): void => undefined
  line.stuck = new Promise((resolve) => (free = resolve))
  box.logLines = Array.from({ length: 200 }, (_, number) => `line ${number} ${'x'.repeat(60)}`)
  await line.type('\r')
  for (let turn = 0; turn < 100; turn++) await line.type('5\r\r\r\r\r\r\r\r\r\r')
  await clock.run(5_000)
  for (let turn = 0; turn < 100; turn++) await line.type('5\r\r\r\r\r\r\r\r\r\r')
  const before = line.text.length
  free()
  await settle()
  t.ok(line.text.length - before < 20_000, `${line.text.length - before} characters had been kept`)
  t.match(await line.type('\x03'), /\[Some output was not shown\.\]/)
  t.match(await line.type('\r'), /Number and Enter: $/)
})

t.test('the cable is pulled, the box stops', async (t) => {
  const pulled = await start(t)
  await pulled.line.type('\r3\r')
  pulled.line.pull('read EIO')
  t.equal(await pulled.ended, 'read EIO')
  t.ok(pulled.line.closed)
  t.equal(pulled.clock.pending, 0)
  t.equal(await pulled.line.type('7\r'), '', 'what still comes counts for nothing')

  const stopped = await start(t)
  stopped.stop.abort()
  t.equal(await stopped.ended, 'the box stops')
  t.match(stopped.line.text, /The box is stopping\.\r\n$/)
  t.equal(stopped.clock.pending, 0)

  const stuck = await start(t)
  stuck.line.stuck = new Promise(() => undefined)
  stuck.stop.abort()
  await settle()
  await stuck.clock.run(500)
  t.equal(await stuck.ended, 'the box stops', 'a stuck line does not hold the stop up')
})

t.test('screens: claim code, rescue, a machine that is not ours', async (t) => {
  const { box, line } = await start(t, (box) => {
    box.ownerState = { is: 'unclaimed', code: '1234-5678' }
    box.supported = false
    box.ownsMachine = false
    box.state = 'failed'
  })
  t.match(line.text, /Claim code: 1234-5678/)
  t.match(await line.type('\r'), /something is not running \(see 1\)/)
  t.match(await line.type('1\r'), /^ {2}store +FAILED +Damaged\.\r\n +To do: Mend it\./m)
  t.match(await line.type('2\r'), /Claim code +1234-5678[^]*192\.0\.2\.7:8443/)
  t.match(
    await line.type('3\r'),
    /operating system of this machine sets its network[^]*Enter for the menu: $/,
  )
  t.match(await line.type('2\r'), atMenu)
  t.match(await line.type('4\r'), /no admin yet/)
  t.match(await line.type('6\r'), /restarts the program[^]*Type yes/)
  await line.type('\x03')
  box.ownerState = { is: 'unknown' }
  t.match(await line.type('2\r'), /The database is not running, so the box cannot be claimed/)
  t.match(await line.type('4\r'), /no password to reset/)
  t.strictSame(box.done, [])
})
