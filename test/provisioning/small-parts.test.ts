import t from 'tap'
import { systemRandom } from '#src/base/random.ts'
import { ConditionalFiles } from '#src/provisioning/conditional.ts'
import { judgeHandOver, type HandOver } from '#src/provisioning/judge-hand-over.ts'
import type { DeviceRequest } from '#src/provisioning/ports.ts'
import { ownPath, readPath } from '#src/provisioning/read-path.ts'
import { SourceThrottle, sourceOf } from '#src/provisioning/source-throttle.ts'
import { isBootstrap, Tokens } from '#src/provisioning/tokens.ts'
import { openTestStore } from '#test/store/store-fixture.ts'
import { FakeClock } from '#test/support/fake-clock.ts'

const token = `b${'x'.repeat(32)}`

t.test('a path is its last segment, or a folder of its own', async (t) => {
  t.match(readPath('/805ec0a1b2c3.boot'), { kind: 'generic', fileName: '805ec0a1b2c3.boot', query: '' })
  t.match(readPath('/a/b/lang_de/tenantid/0000-11/x.cfg?mac=1'), {
    kind: 'generic',
    fileName: 'x.cfg',
    query: 'mac=1',
  })
  t.match(readPath(`/device/abc123/${token}/x.cfg?step=look`), {
    kind: 'own',
    deviceId: 'abc123',
    token,
    fileName: 'x.cfg',
    query: 'step=look',
  })
  t.equal(ownPath('abc123', token), `/device/abc123/${token}/`)
  // One segment more or less, another folder, another length of token: nobody's own.
  for (const path of [
    `/x/device/abc123/${token}/x.cfg`,
    `/device/abc123/${token}x/x.cfg`,
    `/device/abc123/${token}/y/x.cfg`,
    `/device/ab.c/${token}/x.cfg`,
    `/DEVICE/abc123/${token}/x.cfg`,
  ])
    t.equal(readPath(path)?.kind, 'generic', path)
  const none = [
    '',
    'x',
    '/',
    '/a/',
    '/..',
    '/a/..',
    '/.hidden',
    '/%2e%2e',
    '/a%2fb',
    '/a b',
    '/ä',
    `/${'a'.repeat(81)}`,
  ]
  for (const path of [...none, `/${'a/'.repeat(600)}x`, '/a\\b', '/a\0b', '*'])
    t.equal(readPath(path), undefined, path.slice(0, 30))
})

t.test('tokens: the lasting one follows from the first, and from nothing else', async (t) => {
  const { secrets } = openTestStore(t)
  const tokens = new Tokens({ random: systemRandom, secrets })
  const first = tokens.makeBootstrap()
  const lasting = tokens.lastingOf(first)
  t.match(first, /^b[\w-]{32}$/)
  t.match(lasting, /^p[\w-]{32}$/)
  t.equal(tokens.lastingOf(lasting), lasting)
  t.ok(isBootstrap(first))
  t.notOk(isBootstrap(lasting))
  t.equal(new Tokens({ random: systemRandom, secrets }).lastingOf(first), lasting, 'after a restart as well')
  const elsewhere = new Tokens({ random: systemRandom, secrets: openTestStore(t).secrets })
  t.not(elsewhere.lastingOf(first), lasting, 'another box has another key')
  const table: [string, string, string][] = [
    [first, first, 'bootstrap'],
    [first, lasting, 'lasting'],
    [lasting, lasting, 'lasting'],
    [lasting, first, 'unknown'],
    [first, '', 'unknown'],
    [first, `${first}x`, 'unknown'],
    [first, `p${first.slice(1)}`, 'unknown'],
  ]
  for (const [stored, shown, kind] of table) t.equal(tokens.judge(stored, shown), kind, `${stored} ${shown}`)
})

t.test('a hand-over happens once, and never where there is something to lose', async (t) => {
  const from = '192.0.2.10'
  const fresh = {
    deviceId: 'd1',
    token,
    adminPassword: 'x',
    handedOverAtMs: undefined,
    handedOverTo: undefined,
    fetchedAtMs: undefined,
  }
  const handed = { ...fresh, handedOverAtMs: 5, handedOverTo: from }
  const refused = (why: string): object => ({ kind: 'refused', why })
  const table: [string, Partial<Parameters<typeof judgeHandOver>[0]>, HandOver | object][] = [
    ['new', { access: fresh }, { kind: 'hand-over' }],
    ['added on the page', { state: 'onboarded' }, { kind: 'hand-over' }],
    ['set up by hand', { state: 'onboarded', inUse: true }, refused('in-use')],
    ['somebody is signed in', { access: fresh, signedIn: true }, refused('in-use')],
    ['signed in, off-boarded', { state: 'off-boarded', signedIn: true }, refused('in-use')],
    ['off-boarded', { state: 'off-boarded', access: handed }, refused('handed-over')],
    ['the same again', { access: handed }, { kind: 'repeat' }],
    ['another asks', { access: handed, from: '192.0.2.11' }, refused('handed-over')],
    ['it was used', { access: { ...handed, fetchedAtMs: 6 } }, refused('handed-over')],
    ['it has moved on', { access: { ...handed, token: `p${'x'.repeat(32)}` } }, refused('handed-over')],
    ['allowed again', { access: { ...fresh, handedOverTo: from } }, { kind: 'hand-over' }],
    ['allowed for another', { access: { ...fresh, handedOverTo: '192.0.2.11' } }, refused('other-address')],
  ]
  for (const [name, facts, expected] of table)
    t.strictSame(
      judgeHandOver({ state: 'found', access: undefined, signedIn: false, inUse: false, from, ...facts }),
      expected,
      name,
    )
  t.equal(table.length, 12)
})

t.test('304 for what a device has, by content and by time', async (t) => {
  const clock = new FakeClock(1_700_000_000_500)
  const files = new ConditionalFiles(clock)
  const get = (body: string, headers: Record<string, string> = {}, method = 'GET') => {
    const request = { method, headers } as unknown as DeviceRequest
    return files.answer('d1/x.cfg', { contentType: 'text/plain', body, kind: 'device' }, request)
  }
  const first = get('one')
  t.match(first, { status: 200, body: 'one', headers: { 'content-length': '3' } })
  const etag = first.headers['etag'] ?? ''
  const modified = first.headers['last-modified'] ?? ''
  t.equal(modified, new Date(1_700_000_000_000).toUTCString())
  clock.advance(60_000)
  t.equal(get('one', { 'if-modified-since': modified }).status, 304)
  t.equal(get('one', { 'if-none-match': `"x", W/${etag}` }).status, 304)
  t.equal(
    get('one', { 'if-none-match': '"x"', 'if-modified-since': modified }).status,
    200,
    'the ETag decides',
  )
  t.equal(get('one', { 'if-modified-since': 'yesterday' }).status, 200)
  t.match(get('one', {}, 'HEAD'), { status: 200, body: '', headers: { 'content-length': '3', etag } })
  const second = get('two', { 'if-modified-since': modified })
  t.equal(second.status, 200)
  const third = get('three', { 'if-modified-since': second.headers['last-modified'] ?? '' })
  t.equal(third.status, 200, 'two versions within one second differ')
  t.equal(get('three', { 'if-modified-since': third.headers['last-modified'] ?? '' }).status, 304)
  t.equal(
    new ConditionalFiles(clock).answer('d1/x.cfg', { contentType: '', body: 'one', kind: 'device' }, {
      method: 'GET',
      headers: { 'if-none-match': etag },
    } as unknown as DeviceRequest).status,
    304,
    'the ETag survives a restart',
  )
})

t.test('a box whose clock was set back still gives out what has changed', async (t) => {
  const answer = (clock: FakeClock, body: string, since?: string) => {
    const headers = since === undefined ? {} : { 'if-modified-since': since }
    const request = { method: 'GET', headers } as unknown as DeviceRequest
    return new ConditionalFiles(clock).answer('d1/x.cfg', { contentType: '', body, kind: 'device' }, request)
  }
  // No battery: the first file went out in a year to come, before the box had asked a time server.
  const wrong = answer(new FakeClock(1_900_000_000_000), 'one').headers['last-modified'] ?? ''
  t.equal(answer(new FakeClock(1_700_000_000_000), 'two', wrong).status, 200)
})

t.test('a source may so often per window; IPv6 counts by its network', async (t) => {
  const clock = new FakeClock()
  const throttle = new SourceThrottle({ clock, limit: 2, windowMs: 1000 })
  const take = (address: string): boolean => throttle.take(address)
  t.strictSame(
    [take('192.0.2.1'), take('192.0.2.1'), take('192.0.2.1'), take('192.0.2.2')],
    [true, true, false, true],
  )
  t.strictSame(
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff::', '2001:db8:1:2:3:4:5:6', '2001:db8:1:3::1'].map(take),
    [true, true, false, true],
  )
  clock.advance(1000)
  t.ok(take('192.0.2.1'))
  t.equal(sourceOf('2001:db8::1'), '2001:db8:0:0')
  t.equal(sourceOf('::1'), '0:0:0:0')
  t.equal(sourceOf('192.0.2.1'), '192.0.2.1')
})
