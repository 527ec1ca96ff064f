import t, { type Test } from 'tap'
import { Console } from '#src/console/console.ts'
import type { PartHealth } from '#src/model/health.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { FakeBox, FakeLine, settle } from './fake-box.ts'

/** A console whose devices the test plugs in and pulls. */
async function start(t: Test, devices: string[], prepare: (ports: Set<string>) => void = () => undefined) {
  const clock = new FakeClock()
  const logger = new MemoryLogger()
  const ports = new Set<string>()
  prepare(ports)
  const opened: { path: string; atMs: number; line: FakeLine }[] = []
  const tries: number[] = []
  const health: PartHealth[] = []
  const stop = new AbortController()
  const box = new FakeBox()
  const maintenance = new Console({
    ...{ devices, box, clock, logger },
    async open(path) {
      tries.push(clock.monotonicMs())
      if (!ports.has(path)) throw new TypeError(`No such file or directory, cannot open ${path}`)
      const line = new FakeLine()
      opened.push({ path, atMs: clock.monotonicMs(), line })
      return line
    },
    findPorts: async () => [...ports],
    report: (part) => health.push(part),
  })
  const ended = maintenance.run(stop.signal)
  await settle()
  t.teardown(async () => {
    stop.abort()
    await settle()
    await clock.run(1_000)
    await ended
  })
  const run = async (byMs: number): Promise<void> => {
    for (let done = 0; done < byMs; done += 500) {
      clock.advance(500)
      await settle()
    }
  }
  return { clock, logger, ports, opened, tries, health, stop, ended, run, box }
}

t.test('none: nothing is opened, and the box is well', async (t) => {
  const { health, opened, clock } = await start(t, [])
  t.match(health, [{ name: 'console', state: 'off', detail: /--console none/ }])
  t.equal(opened.length, 0)
  t.equal(clock.pending, 0)
})

t.test('a device that is not there is tried again, less and less often', async (t) => {
  const { health, tries, run, ports, opened, logger } = await start(t, ['/dev/ttyS7'])
  t.match(health.at(-1), { state: 'off', detail: /Waiting for \/dev\/ttyS7: No such file/ })
  await run(60_000)
  t.strictSame(tries, [0, 1_000, 3_000, 7_000, 15_000, 31_000])
  t.equal(logger.lines.filter(({ level }) => level === 'info').length, 1, 'the same failure is one story')
  ports.add('/dev/ttyS7')
  await run(2_000)
  t.equal(opened.length, 1)
  t.match(health.at(-1), { state: 'ok', detail: /^On \/dev\/ttyS7, 115,200 baud 8N1/ })
})

t.test('a pulled cable starts anew, from the beginning of the menu', async (t) => {
  const { opened, health, run } = await start(t, ['/dev/ttyS0'], (ports) => ports.add('/dev/ttyS0'))
  await run(11_000)
  await opened[0]?.line.type('\r')
  await opened[0]?.line.type('7\r')
  opened[0]?.line.pull('disconnected')
  await settle()
  t.match(health.at(-1), { state: 'off', detail: /Waiting for \/dev\/ttyS0: disconnected/ })
  t.ok(opened[0]?.line.closed, 'let go of')
  await run(1_000)
  t.equal(opened.length, 2)
  t.match(opened[1]?.line.text, /Press Enter for the menu\. $/)
  t.match(health.at(-1), { state: 'ok' })
})

t.test('auto: every port there is, also one plugged in later; two people at once', async (t) => {
  const { opened, ports, run, health, box } = await start(t, ['auto'], (ports) => ports.add('/dev/ttyS0'))
  t.strictSame(
    opened.map(({ path }) => path),
    ['/dev/ttyS0'],
  )
  ports.add('/dev/ttyUSB0')
  await run(3_000)
  t.equal(opened.length, 2)
  t.match(health.at(-1), { detail: /^On \/dev\/ttyS0, \/dev\/ttyUSB0/ })
  const [first, second] = opened.map(({ line }) => line) as [FakeLine, FakeLine]
  await first.type('\r')
  await second.type('\r')
  await first.type('7\r')
  t.match(await second.type('8\r'), /Help/, 'each has a menu of its own')
  t.match(await first.type('no\r'), /Nothing was done/)
  ports.delete('/dev/ttyUSB0')
  second.pull()
  await run(5_000)
  t.match(
    health.at(-1),
    { state: 'ok', detail: /^On \/dev\/ttyS0, 115,200/ },
    'a port that is gone is forgotten',
  )
  ports.add('/dev/ttyUSB0')
  await run(3_000)
  t.equal(opened.length, 3)
  t.strictSame(box.done, [])
})

t.test('auto without any port', async (t) => {
  const { health } = await start(t, ['auto'])
  t.match(health.at(-1), { state: 'off', detail: 'No serial port was found yet.' })
})

t.test('the box stops: everybody is told, every line is let go of', async (t) => {
  const { opened, stop, ended, clock } = await start(t, ['auto', '/dev/ttyS5'], (ports) =>
    ports.add('/dev/ttyS0'),
  )
  stop.abort()
  await settle()
  await ended
  t.ok(opened.every(({ line }) => line.closed && line.text.endsWith('The box is stopping.\r\n')))
  t.equal(clock.pending, 0)
})
