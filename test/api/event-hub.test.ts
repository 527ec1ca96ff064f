import t from 'tap'
import { EventHub, type EventSink } from '#src/api/event-hub.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'

class MemorySink implements EventSink {
  text = ''
  ended = false
  waitingBytes = 0
  write(text: string): void {
    this.text += text
  }
  end(): void {
    this.ended = true
  }
}

const gone = { lineId: 'l1', userId: 'u1' }

t.test('each page gets each event, a heartbeat every 15 s, and nothing after it left', async (t) => {
  const clock = new FakeClock()
  const hub = new EventHub({ clock, logger: new MemoryLogger() })
  const [one, two] = [new MemorySink(), new MemorySink()]
  const leave = hub.open(one, () => true)
  hub.open(two, () => true)
  t.match(one.text, 'event: hello\n')
  hub.publish('signedOut', gone)
  for (const sink of [one, two]) t.match(sink.text, `event: signedOut\ndata: ${JSON.stringify(gone)}\n\n`)
  leave()
  const before = one.text
  clock.advance(15_000)
  t.equal(one.text, before)
  t.match(two.text, /: beat\n\n$/)
  hub.close()
  t.equal(two.ended, true)
  t.equal(clock.pending, 0, 'no timer is left')
})

t.test('a page that does not read is cut off and the others go on', async (t) => {
  const hub = new EventHub({ clock: new FakeClock(), logger: new MemoryLogger() })
  const [slow, quick] = [new MemorySink(), new MemorySink()]
  hub.open(slow, () => true)
  hub.open(quick, () => true)
  slow.waitingBytes = 256 * 1024 + 1
  hub.publish('signedOut', gone)
  t.equal(slow.ended, true)
  t.match(quick.text, 'signedOut')
  t.match([hub.clientCount, hub.droppedCount], [1, 1])
  hub.close()
})

t.test('a page whose login has ended hears nothing more', async (t) => {
  const clock = new FakeClock()
  const hub = new EventHub({ clock, logger: new MemoryLogger() })
  let allowed = true
  const sink = new MemorySink()
  hub.open(sink, () => allowed)
  allowed = false
  clock.advance(15_000)
  t.equal(sink.ended, true)
  t.equal(hub.clientCount, 0)
  t.equal(clock.pending, 0)
})
