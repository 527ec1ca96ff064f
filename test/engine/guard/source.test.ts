import t from 'tap'
import { isSubnet } from '#src/base/net.ts'
import { AllowList, sourceOf } from '#src/engine/guard/source.ts'

t.test('an IPv4 address stands for itself, an IPv6 address for its /64', async (t) => {
  const table: [string, string][] = [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::6', '2001:db8:1:2::/64'],
    ['2001:db8::6', '2001:db8:0:0::/64'],
    ['2001:db8::3:4:5:6:7', '2001:db8:0:3::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['1:2:3:4:5:6:7::', '1:2:3:4::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
    ['nonsense', 'nonsense'],
    ['', ''],
  ]
  for (const [host, source] of table) t.equal(sourceOf(host), source, host)
  t.equal(table.length, 14)
})

t.test('an entry of the allow-list is an address or a prefix of one', async (t) => {
  const good = ['192.0.2.7', '192.0.2.0/24', '0.0.0.0/0', '10.0.0.0/8', '2001:db8::/32', '::1', '::/0']
  const bad = ['', 'x', '192.0.2', '192.0.2.0/33', '192.0.2.0/', '192.0.2.0/-1', '192.0.2.0/24/1', '::/129']
  for (const text of good) t.equal(isSubnet(text), true, text)
  for (const text of [...bad, 'fe80::1%eth0', ' 192.0.2.7', '192.0.2.7 '])
    t.equal(isSubnet(text), false, text)
})

t.test(
  'the allow-list covers its addresses and prefixes in both families, and leaves out what it cannot read',
  async (t) => {
    const list = new AllowList(['192.0.2.7', '10.1.0.0/16', '2001:db8:5::/48', 'nonsense', '1.2.3.4/99'])
    for (const host of ['192.0.2.7', '::ffff:192.0.2.7', '10.1.255.1', '2001:db8:5:6::1'])
      t.ok(list.has(host), host)
    for (const host of ['192.0.2.8', '10.2.0.1', '2001:db8:6::1', 'nonsense', '', '1.2.3.4'])
      t.notOk(list.has(host), host)
  },
)

t.test(
  'an IPv6 address is allowed with its /64, by which it would be shut out; a link-local one alone',
  async (t) => {
    const list = new AllowList(['2001:db8:1:2::5', '2001:db8:1:3:4::/80', 'fe80::1'])
    for (const host of ['2001:db8:1:2::5', '2001:db8:1:2:9::1', '2001:db8:1:3::1', 'fe80::1'])
      t.ok(list.has(host), host)
    for (const host of ['2001:db8:1:4::5', 'fe80::2']) t.notOk(list.has(host), host)
  },
)
