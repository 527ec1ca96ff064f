import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openSerial } from '#src/console/serial-stream.ts'
import { until } from '#test/support/until.ts'
import { PtyPair } from './pty-pair.ts'

t.test('bytes go both ways, as they are', async (t) => {
  const pty = await new PtyPair(join(t.testdir(), 'tty')).plug()
  const stream = await openSerial(pty.near)
  let typed = Buffer.alloc(0)
  stream.onBytes((bytes) => (typed = Buffer.concat([typed, bytes])))
  const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  await pty.send(all)
  await until(() => typed.length === 256)
  t.ok(typed.equals(all), 'no byte is changed or swallowed on the way in')
  await stream.write(all)
  await until(() => pty.text.length === 256)
  t.equal(pty.text, all.toString('latin1'), 'nor on the way out')
  await stream.close()
  await stream.close()
  await pty.pull()
})

t.test('what was written before the close is still read by a far end that is slow', async (t) => {
  const pty = await new PtyPair(join(t.testdir(), 'tty')).plug()
  const stream = await openSerial(pty.near)
  // More than a terminal keeps ready to be read (4 KiB), and less than the kernel takes beyond that before it looks
  // whether anything was read (8 KiB of a pty): the rest is still on its way.
  const words = Buffer.alloc(6_000, 'The box is stopping. ')
  pty.hold()
  await stream.write(words)
  await stream.close()
  pty.release()
  await until(() => pty.text.length >= words.length)
  t.equal(pty.text, words.toString('latin1'))
  await pty.pull()
})

t.test('a line that is hung up ends, once, and writes are refused', async (t) => {
  const pty = await new PtyPair(join(t.testdir(), 'tty')).plug()
  const stream = await openSerial(pty.near)
  const reasons: string[] = []
  stream.onBytes(() => undefined)
  stream.onEnd((reason) => reasons.push(reason))
  await pty.pull()
  await until(() => reasons.length > 0)
  await t.rejects(stream.write(Buffer.from('x')))
  await stream.close()
  t.equal(reasons.length, 1)
  stream.onEnd((reason) => reasons.push(reason))
  t.equal(reasons.length, 2, 'whoever listens late hears it too')
})

t.test('a line that nobody reads: the write waits, the close does not', async (t) => {
  const pty = await new PtyPair(join(t.testdir(), 'tty')).plug()
  // The far end is open and is not read, so the buffers of the kernel and of socat fill up.
  const stream = await openSerial(pty.near)
  pty.stopReading()
  let taken = 0
  const writing = (async () => {
    for (;;) {
      await stream.write(Buffer.alloc(4_096, 0x2e))
      taken++
    }
  })().catch(() => 'refused')
  // Until nothing more fits in for a while.
  let before = -1
  for (let look = 0; look < 40 && before !== taken; look++) {
    before = taken
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const startMs = performance.now()
  await stream.close()
  t.ok(performance.now() - startMs < 2_000)
  t.equal(await writing, 'refused')
  await pty.pull()
})

t.test('what is no terminal, not there or taken is a reason, not a crash', async (t) => {
  const folder = t.testdir()
  const file = join(folder, 'file')
  writeFileSync(file, 'hello')
  await t.rejects(openSerial(file), /./)
  await t.rejects(openSerial(join(folder, 'missing')), /No such file/)
  const pty = await new PtyPair(join(folder, 'tty')).plug()
  const stream = await openSerial(pty.near)
  await t.rejects(openSerial(pty.near), /lock|busy|temporarily/i, 'one console per line')
  await stream.close()
  const again = await openSerial(pty.near)
  await again.close()
  await pty.pull()
})
