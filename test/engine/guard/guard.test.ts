import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t, { type Test } from 'tap'
import { silentLogger } from '#src/base/logger.ts'
import type { Ban } from '#src/engine/guard/ban-list.ts'
import { BanGuard, type Evidence } from '#src/engine/guard/guard.ts'
import { defaultGuard, type EvidenceKind, type GuardOptions } from '#src/engine/guard/options.ts'
import { FakeClock } from '#test/support/fake-clock.ts'

const stranger = '203.0.113.9'
const message = Buffer.from('OPTIONS sip:100@192.0.2.1 SIP/2.0\r\nFrom: <sip:a@b>;tag=1\r\n\r\n')

function start(t: Test, overrides: Partial<GuardOptions> = {}) {
  const clock = new FakeClock()
  const guard = new BanGuard({ ...defaultGuard, ...overrides }, clock, silentLogger)
  guard.start()
  t.teardown(() => guard.stop())
  const changes: string[] = []
  guard.on('changed', ({ ban, state }) => changes.push(`${ban.address} ${ban.reach} ${state}`))
  const admits = (host = stranger): boolean => guard.admits(host, message)
  const note = (kind: Evidence['kind'], more: Partial<Evidence> & { host?: string } = {}): void =>
    guard.note(more.host ?? stranger, { kind, proven: false, ...more })
  return {
    clock,
    guard,
    changes,
    admits,
    note,
    /** Uses the one datagram a second up that a forgeable ban leaves. */
    shut: (host = stranger) => {
      guard.admits(host, message)
      return !guard.admits(host, message)
    },
    only: (): Ban => {
      const [ban, ...others] = guard.bans()
      if (!ban || others.length > 0) throw new Error(`${guard.bans().length} bans stand, not one`)
      return ban
    },
  }
}

t.test('each kind of evidence shuts out at its threshold and not before', async (t) => {
  const table: [Exclude<EvidenceKind, 'flood'>, number, (index: number) => string | undefined][] = [
    ['scanner', 3, () => undefined],
    ['malformed', 30, () => undefined],
    ['nobody', 20, (index) => `sip:${index}@box`],
    ['password', 14, (index) => `line${index}`],
  ]
  for (const [kind, enough, subject] of table) {
    const { guard, note, only } = start(t)
    for (let index = 1; index < enough; index++) note(kind, { subject: subject(index) })
    t.same(guard.bans(), [], `${kind}: ${enough - 1} are not enough`)
    note(kind, { subject: subject(0) })
    t.match(only(), { address: stranger, cause: kind, count: enough, reach: 'udp', times: 1 }, kind)
  }
})

t.test('evidence that comes slowly never adds up', async (t) => {
  const { clock, guard, note } = start(t)
  for (let index = 0; index < 500; index++) {
    note('malformed')
    clock.advance(2_000)
  }
  t.same(guard.bans(), [], 'a bucket leaks as fast as one every two seconds')
})

t.test('repeating one wrong password weighs less than guessing at many lines', async (t) => {
  const { guard, note, only } = start(t)
  for (let index = 0; index < 37; index++) note('password', { subject: 'line1' })
  t.same(guard.bans(), [])
  note('password', { subject: 'line1' })
  t.equal(only().count, 38)
})

t.test('a ban lasts longer each time, and a day of peace wipes the slate', async (t) => {
  const { clock, guard, note, only } = start(t)
  const ban = (): number => {
    for (let index = 0; index < 3; index++) note('scanner')
    const { sinceAtMs, untilAtMs } = only()
    clock.advance(untilAtMs - sinceAtMs + 1_000)
    t.same(guard.bans(), [], 'it ends by itself')
    return (untilAtMs - sinceAtMs) / 60_000
  }
  t.same([ban(), ban(), ban(), ban()], [10, 60, 1440, 1440])
  clock.advance(25 * 3_600_000)
  t.equal(ban(), 10)
})

t.test('what anybody can forge leaves one datagram a second and every connection', async (t) => {
  const { clock, guard, note, admits } = start(t)
  for (let index = 0; index < 3; index++) note('scanner')
  t.equal(admits(), true, 'the first one may be the phone that the address belongs to')
  t.same([admits(), admits()], [false, false])
  clock.advance(999)
  t.equal(admits(), false)
  clock.advance(1)
  t.same([admits(), admits()], [true, false])
  t.equal(guard.admitsConnection(stranger), true)
  t.equal(guard.admitsMessage(stranger, message), true)
})

t.test('what was proven shuts out everything', async (t) => {
  const { clock, guard, note, admits } = start(t)
  for (let index = 0; index < 3; index++) note('scanner', { proven: true })
  t.equal(admits(), false)
  clock.advance(5_000)
  t.equal(admits(), false)
  t.equal(guard.admitsConnection(stranger), false)
  t.equal(guard.admitsMessage(stranger, message), false)
  t.equal(guard.admitsConnection('203.0.113.10'), true, 'a neighbour is none of it')
})

t.test('forged and proven evidence never add up; proven evidence makes a standing ban graver', async (t) => {
  const { guard, note, only, changes } = start(t)
  note('scanner')
  note('scanner')
  note('scanner', { proven: true })
  note('scanner', { proven: true })
  t.same(guard.bans(), [])
  note('scanner')
  t.equal(only().reach, 'udp')
  note('scanner', { proven: true })
  t.match(only(), { reach: 'all', count: 6, times: 1 })
  t.same(changes, [`${stranger} udp standing`, `${stranger} all standing`])
})

t.test(
  'an address with a valid registration is never shut out, whatever is forged in its name',
  async (t) => {
    const { clock, guard, note, admits } = start(t, { floodPerSecond: 50, floodBurst: 100 })
    guard.trust(stranger, clock.nowMs() + 60_000)
    for (let index = 0; index < 200; index++) {
      note('scanner')
      note('malformed')
      note('password', { subject: `line${index}`, proven: true })
    }
    t.equal(guard.dropsScanner(stranger, { proven: false }), false)
    let refused = 0
    for (let index = 0; index < 20_000; index++) if (!admits()) refused++
    t.equal(refused, 0)
    t.same(guard.bans(), [])
    t.ok(guard.counters.bansSpared > 0, 'it was noticed')
    clock.advance(60_001)
    for (let index = 0; index < 3; index++) note('scanner')
    t.equal(guard.bans().length, 1, 'with the registration ends the protection')
  },
)

t.test('whoever proves a password is let in at once', async (t) => {
  const { clock, guard, note, shut, changes } = start(t)
  for (let index = 0; index < 3; index++) note('scanner')
  t.equal(shut(), true)
  guard.trust(stranger, clock.nowMs() + 60_000)
  t.equal(shut(), false)
  t.same(changes, [`${stranger} udp standing`, `${stranger} udp ended`])
})

t.test('the allow-list, a proven peer and this machine are never shut out', async (t) => {
  const { guard, note } = start(t, { allow: ['198.51.100.0/24'] })
  guard.isProvenPeer = (source) => ['203.0.113.77', '2001:db8:9:9::/64'].includes(source)
  for (let index = 0; index < 50; index++) {
    // What a neighbour of a proven peer does would shut out both.
    for (const host of [
      '198.51.100.3',
      '203.0.113.77',
      '2001:db8:9:9::66',
      '127.0.0.5',
      '::1',
      '::ffff:127.0.0.1',
    ]) {
      note('scanner', { host, proven: true })
    }
  }
  t.same(guard.bans(), [])
  const strict = start(t, { exemptLoopback: false })
  for (let index = 0; index < 3; index++) strict.note('scanner', { host: '127.0.0.5' })
  t.equal(strict.only().address, '127.0.0.5')
})

t.test('who stands on the allow-list is not shut out with a neighbour of the same /64', async (t) => {
  const { guard, note, admits } = start(t, { allow: ['2001:db8:1:2::5'] })
  for (let index = 0; index < 3; index++) note('scanner', { host: '2001:db8:1:2::66', proven: true })
  t.equal(admits('2001:db8:1:2::5'), true)
  t.equal(guard.admitsConnection('2001:db8:1:2::5'), true)
})

t.test('a new allow-list lets in whom it names', async (t) => {
  const { guard, note, only } = start(t)
  for (const host of [stranger, '198.51.100.3', '2001:db8:1:2::5']) {
    for (let index = 0; index < 3; index++) note('scanner', { host })
  }
  t.equal(guard.bans().length, 3)
  guard.allow(['198.51.100.0/24', '2001:db8:1::/48'])
  t.equal(only().address, stranger)
})

t.test('the admin lets in with a clean record', async (t) => {
  const { guard, note, only } = start(t)
  for (let index = 0; index < 3; index++) note('scanner')
  t.equal(guard.unban(stranger), true)
  t.equal(guard.unban(stranger), false)
  t.equal(guard.unban('nonsense'), false)
  note('scanner')
  note('scanner')
  t.same(guard.bans(), [])
  note('scanner')
  t.equal(only().times, 1)
})

t.test('an IPv6 subscriber is shut out with all his addresses, and let in by any of them', async (t) => {
  const { guard, note, shut } = start(t)
  for (let index = 0; index < 3; index++) note('scanner', { host: `2001:db8:1:2::${index}` })
  t.equal(shut('2001:db8:1:2:ffff::1'), true)
  t.equal(shut('2001:db8:1:3::1'), false)
  t.equal(guard.unban('2001:db8:1:2::/64'), true)
})

t.test('a flood is found, and whoever sends less beside it is not', async (t) => {
  const { clock, guard, admits, only } = start(t, { floodPerSecond: 100, floodBurst: 300 })
  let dropped = 0
  for (let ms = 0; ms < 2_000; ms++) {
    if (!admits()) dropped++
    if (!admits()) dropped++
    // 90 a second: just below what one may send.
    if (ms % 11 === 0 && !admits('198.51.100.1')) t.fail('the bystander was shut out')
    clock.advance(1)
  }
  t.match(only(), { address: stranger, cause: 'flood', reach: 'udp' })
  t.match(only().sample, /^OPTIONS sip:100@192.0.2.1/)
  t.ok(dropped > 3_300, `${dropped} of 4,000 were dropped`)
  t.equal(guard.counters.guardDatagramsDropped + 1, dropped, 'the first one over made the ban')
})

t.test('an office behind one address may come back at once after a power cut', async (t) => {
  const { clock, guard, admits } = start(t)
  for (let index = 0; index < 1_900; index++) admits()
  t.same(guard.bans(), [])
  clock.advance(60_000)
  for (let index = 0; index < 1_900; index++) admits()
  t.same(guard.bans(), [])
})

t.test('a flood over a connection closes it and its source', async (t) => {
  const { clock, guard, only } = start(t, { floodPerSecond: 100, floodBurst: 300 })
  let taken = 0
  while (guard.admitsMessage(stranger, message) && taken < 10_000) {
    taken++
    if (taken % 4 === 0) clock.advance(1)
  }
  t.ok(taken > 300 && taken < 600, `${taken} messages were taken`)
  t.equal(only().reach, 'all')
  t.equal(guard.admitsConnection(stranger), false)
})

t.test('a flood from forged addresses fills no table and shuts nobody out', async (t) => {
  const { guard, admits, note } = start(t, { maxSources: 100, floodPerSecond: 100, floodBurst: 100 })
  for (let index = 0; index < 20_000; index++)
    admits(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`)
  t.same(guard.bans(), [])
  for (let index = 0; index < 20_000; index++)
    note('malformed', { host: `10.1.${index >> 8}.${index & 255}` })
  t.same(guard.bans(), [])
})

t.test('the list of bans is bounded', async (t) => {
  const { guard, note } = start(t, { maxSources: 5 })
  for (let source = 0; source < 9; source++) {
    for (let index = 0; index < 3; index++) note('scanner', { host: `203.0.113.${source}` })
  }
  t.equal(guard.bans().length, 5)
  t.equal(guard.bans()[0]?.address, '203.0.113.4', 'the newest first')
})

t.test('a list that is full of what may be forged still takes what was proven', async (t) => {
  const { guard, note, changes } = start(t, { maxSources: 5 })
  for (let source = 0; source < 5; source++) {
    for (let index = 0; index < 3; index++) note('scanner', { host: `203.0.113.${source}` })
  }
  changes.length = 0
  for (let index = 0; index < 3; index++) note('scanner', { host: '198.51.100.1', proven: true })
  t.equal(guard.bans().length, 5)
  t.equal(guard.admitsConnection('198.51.100.1'), false)
  t.same(
    changes,
    ['203.0.113.0 udp ended', '198.51.100.1 all standing'],
    'the kernel hears who is let in for it',
  )
})

t.test('what is remembered of long addresses does not hold the messages that they stood in', async (t) => {
  const { note } = start(t)
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  const before = process.memoryUsage().heapUsed
  for (let source = 0; source < 1_000; source++) {
    const text = Buffer.alloc(32_000, 'a').toString('latin1')
    note('nobody', {
      host: `203.0.${source >> 8}.${source & 255}`,
      subject: text.slice(source, source + 100),
    })
  }
  collect()
  const grownMb = (process.memoryUsage().heapUsed - before) / 2 ** 20
  t.ok(grownMb < 8, `${grownMb.toFixed(1)} MB for 1,000 sources`)
})

t.test('a scanner is known by a part of its name in any case; phones are not', async (t) => {
  const { guard } = start(t)
  for (const name of [
    'friendly-scanner',
    'SIPVicious/0.3',
    'sipcli/v1.8',
    'sundayddr',
    'VaxSIPUserAgent/3.1',
  ]) {
    t.equal(guard.namesScanner(name) && guard.dropsScanner(stranger, { proven: false }), true, name)
  }
  for (const name of ['Yealink SIP-T46S 66.86.0.15', 'baresip v1.0', 'Linphone/5.1', 'sipsak 0.9.8.1', '']) {
    t.equal(guard.namesScanner(name), false, name)
  }
  t.equal(guard.bans().length, 1)
  t.equal(guard.counters.guardScannersDropped, 5)
})

t.test('a stopped guard leaves no timer', async (t) => {
  const { clock, guard } = start(t)
  guard.stop()
  t.equal(clock.pending, 0)
})
