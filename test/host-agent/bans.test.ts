import t from 'tap'
import { banScript } from '#src/host-agent/ban-script.ts'
import { readRequest } from '#src/host-agent/read-request.ts'

const read = (value: unknown) => readRequest('bans', Buffer.from(JSON.stringify(value)))
const ban = (over: Record<string, unknown> = {}) => ({
  address: '203.0.113.9',
  reach: 'udp',
  seconds: 600,
  ...over,
})

t.test('bans that the box writes are understood', async (t) => {
  const bans = {
    flush: true,
    ban: [ban(), ban({ address: '2001:db8:1:2::', reach: 'all' }), ban({ address: '2001:db8:0:0::' })],
    lift: ['198.51.100.7', '2001:db8:9:a::'],
  }
  t.strictSame(read(bans), { ok: true, request: { name: 'bans', bans } })
  const many = Array.from({ length: 150 }, (_each, index) =>
    ban({ address: `10.255.255.${index}`, reach: 'all' }),
  )
  const full = { flush: false, ban: many, lift: many.map(({ address }) => address) }
  t.ok(JSON.stringify(full).length < 16_384, 'the largest request fits into what is read')
  t.match(read(full), { ok: true })
})

t.test('nothing but the address of somebody else gets into the firewall', async (t) => {
  const addresses = [
    ...['', 'x', '203.0.113', '203.0.113.9/32', '203.0.113.9 ', '203.0.113.9\n', '0.0.0.0', '127.0.0.1'],
    ...[
      '224.0.0.1',
      '255.255.255.255',
      '203.0.113.9 timeout 1s }; flush ruleset',
      '{ }',
      '::',
      '::1',
      '::ffff:1.2.3.4',
    ],
    ...[
      '2001:db8:1:2::1',
      '2001:db8:1:2::/64',
      '2001:db8::',
      'fe80:0:0:0::',
      'ff02:0:0:0::',
      '2001:DB8:1:2::',
    ],
    ...[7, null, {}, ['203.0.113.9']],
  ]
  for (const address of addresses) {
    const text = JSON.stringify(address)
    t.match(read({ flush: false, ban: [ban({ address })], lift: [] }), { ok: false }, `ban ${text}`)
    t.match(read({ flush: false, ban: [], lift: [address] }), { ok: false }, `lift ${text}`)
  }
  t.equal(addresses.length, 25)
})

t.test('a request of bans is whole or refused', async (t) => {
  const good = { flush: false, ban: [ban()], lift: [] }
  const cases: [string, unknown][] = [
    ['no flush', { ...good, flush: undefined }],
    ['flush as text', { ...good, flush: 'true' }],
    ['no list', { ...good, ban: {} }],
    ['another field', { ...good, table: 'filter' }],
    ['another field in a ban', { ...good, ban: [{ ...ban(), comment: 'x' }] }],
    ['another reach', { ...good, ban: [ban({ reach: 'tcp' })] }],
    ['no time', { ...good, ban: [ban({ seconds: 0 })] }],
    ['half a second', { ...good, ban: [ban({ seconds: 0.5 })] }],
    ['a month', { ...good, ban: [ban({ seconds: 30 * 86_400 })] }],
    ['time as text', { ...good, ban: [ban({ seconds: '600s; flush ruleset' })] }],
    ['null', { ...good, ban: [null] }],
    ['too many', { ...good, ban: Array.from({ length: 151 }, () => ban()) }],
    ['too many lifted', { ...good, lift: Array.from({ length: 151 }, () => '203.0.113.9') }],
  ]
  for (const [text, value] of cases) t.match(read(value), { ok: false }, text)
})

t.test('the commands of a request', async (t) => {
  t.equal(banScript({ flush: false, ban: [], lift: [] }), '')
  const { request } = read({
    flush: true,
    ban: [ban(), ban({ address: '2001:db8:1:2::', reach: 'all', seconds: 3600 })],
    lift: ['198.51.100.7'],
  }) as { request: { bans: Parameters<typeof banScript>[0] } }
  t.strictSame(banScript(request.bans).split('\n'), [
    'flush set inet branchline banned4',
    'flush set inet branchline banned6',
    'flush set inet branchline suspected4',
    'flush set inet branchline suspected6',
    'add element inet branchline banned4 { 198.51.100.7 }',
    'delete element inet branchline banned4 { 198.51.100.7 }',
    'add element inet branchline suspected4 { 198.51.100.7 }',
    'delete element inet branchline suspected4 { 198.51.100.7 }',
    'add element inet branchline suspected4 { 203.0.113.9 }',
    'delete element inet branchline suspected4 { 203.0.113.9 }',
    'add element inet branchline suspected4 { 203.0.113.9 timeout 600s }',
    'add element inet branchline banned6 { 2001:db8:1:2:: }',
    'delete element inet branchline banned6 { 2001:db8:1:2:: }',
    'add element inet branchline banned6 { 2001:db8:1:2:: timeout 3600s }',
  ])
})
