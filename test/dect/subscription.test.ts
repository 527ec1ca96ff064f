import t from 'tap'
import { openTestStore } from '#test/store/store-fixture.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { startTestDect } from './dect-fixture.ts'

const minuteMs = 60_000

t.test('a window opens for its time and closes by the clock', async (t) => {
  const { dect, server, clock, changed } = startTestDect(t)
  const idle = clock.pending
  const told: (number | undefined)[] = []
  dect.on('windowChanged', ({ window }) => told.push(window?.closesAtMs))
  const allowed = (): boolean => dect.configuration.viewOf(server.id).dect.subscriptionAllowed
  t.equal(allowed(), false)
  const startMs = clock.nowMs()
  const window = dect.subscription.open(server.id, 10 * minuteMs)
  t.strictSame(window, { serverId: server.id, openedAtMs: startMs, closesAtMs: startMs + 10 * minuteMs })
  t.strictSame(dect.subscription.find(server.id), window)
  t.equal(allowed(), true)
  clock.advance(10 * minuteMs - 1)
  t.equal(allowed(), true)
  clock.advance(1)
  t.equal(allowed(), false)
  t.equal(dect.subscription.find(server.id), undefined)
  t.strictSame(told, [window.closesAtMs, undefined])
  t.strictSame(changed, [server.id, server.id], 'the server fetches its files at both ends')
  t.equal(clock.pending, idle)
})

t.test('opening it again starts the time anew, closing ends it at once', async (t) => {
  const { dect, server, clock } = startTestDect(t)
  const idle = clock.pending
  dect.subscription.open(server.id, 2 * minuteMs)
  clock.advance(minuteMs)
  dect.subscription.open(server.id, 5 * minuteMs)
  clock.advance(4 * minuteMs)
  t.ok(dect.subscription.find(server.id), 'the first end is forgotten')
  dect.subscription.close(server.id)
  t.equal(dect.subscription.find(server.id), undefined)
  dect.subscription.close(server.id)
  t.equal(clock.pending, idle)
})

t.test('each server has a window of its own', async (t) => {
  const { dect, server, clock } = startTestDect(t)
  const other = dect.servers.add({ label: 'Other', mac: '0090330a0b0d', model: 'IP-DECT Server 200' })
  dect.subscription.open(server.id, minuteMs)
  dect.subscription.open(other.id, 2 * minuteMs)
  t.equal(dect.configuration.viewOf(other.id).dect.subscriptionAllowed, true)
  clock.advance(minuteMs)
  t.equal(dect.subscription.find(server.id), undefined)
  t.ok(dect.subscription.find(other.id))
})

t.test('times that are no window, and servers that are none, are refused', async (t) => {
  const { dect, server, clock } = startTestDect(t)
  const idle = clock.pending
  for (const durationMs of [0, -1, minuteMs - 1, 60 * minuteMs + 1, Infinity, NaN]) {
    t.throws(() => dect.subscription.open(server.id, durationMs), { code: 'INVALID' }, String(durationMs))
  }
  t.throws(() => dect.subscription.open('nobody', minuteMs), { code: 'NOT_FOUND' })
  t.equal(clock.pending, idle)
})

t.test(
  'a window that was open when the box ended is closed by the next start, and the server is told',
  async (t) => {
    const clock = new FakeClock()
    const store = openTestStore(t, { clock })
    const first = startTestDect(t, { store, clock })
    const idle = clock.pending
    first.dect.subscription.open(first.server.id, 10 * minuteMs)
    first.dect.stop()
    t.equal(clock.pending, idle, 'nothing runs on')

    const second = startTestDect(t, { store, clock })
    second.dect.start()
    t.strictSame(second.changed, [first.server.id])
    t.equal(second.dect.subscription.find(first.server.id), undefined)
    t.equal(second.dect.configuration.viewOf(first.server.id).dect.subscriptionAllowed, false)

    const third = startTestDect(t, { store, clock })
    third.dect.start()
    t.strictSame(third.changed, [], 'once')
  },
)

t.test('a full disk does not keep the box from starting', async (t) => {
  const clock = new FakeClock()
  const store = openTestStore(t, { clock })
  const first = startTestDect(t, { store, clock })
  first.dect.subscription.open(first.server.id, minuteMs)
  first.dect.stop()
  const second = startTestDect(t, { store, clock })
  store.secrets.remove = () => {
    throw new Error('disk full')
  }
  store.devices.remove = () => {
    throw new Error('disk full')
  }
  store.devices.save({
    ...first.server,
    id: 'half',
    kind: 'dect-handset',
    mac: undefined,
    parentId: first.server.id,
  })
  second.dect.start()
  t.strictSame(second.changed, [first.server.id], 'and the server is told')
})
