import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { systemRandom } from '#src/base/random.ts'
import { createDns } from '#src/engine/dns/create-dns.ts'
import { resolveTarget } from '#src/engine/transport/resolve-target.ts'
import { parseUri } from '#src/sip/uri.ts'
import { freePort } from '#test/peers/free-port.ts'
import { startDnsmasq } from '#test/peers/dnsmasq.ts'
import { FakeClock } from '#test/support/fake-clock.ts'

/** 60 names of one service: too much for a datagram, so that TCP has to be asked. */
const many = Array.from(
  { length: 60 },
  (_, index) => `srv-host=_sip._tcp.large.test,host-${index}.large.test,5060,1,1`,
)

const records = [
  'local=/test/',
  'local-ttl=120',
  'neg-ttl=60',
  'naptr-record=trunk.test,20,10,s,SIP+D2U,,_sip._udp.trunk.test',
  'naptr-record=trunk.test,10,20,s,SIP+D2T,,_sip._tcp.trunk.test',
  'naptr-record=trunk.test,10,10,s,SIPS+D2T,,_sips._tcp.trunk.test',
  'srv-host=_sips._tcp.trunk.test,two.trunk.test,5071,20,1',
  'srv-host=_sips._tcp.trunk.test,one.trunk.test,5061,10,1',
  'srv-host=_sip._tcp.trunk.test,two.trunk.test,5060,10,1',
  'srv-host=_sip._udp.trunk.test,two.trunk.test,5060,10,1',
  'host-record=one.trunk.test,192.0.2.1,2001:db8::1',
  'host-record=two.trunk.test,192.0.2.2',
  'cname=alias.test,two.trunk.test',
  ...many,
]

void t.test('a trunk by NAPTR, SRV and addresses, from dnsmasq', async (t) => {
  const server = await startDnsmasq(records)
  t.teardown(() => server.stop())
  const clock = new FakeClock()
  const dns = createDns({ clock, random: systemRandom, servers: [server.server] })
  const ask = async (text: string): Promise<string[]> => {
    const uri = parseUri(text)
    if (!uri) throw new Error(text)
    const targets = await resolveTarget(uri, { staticHosts: [], dns, random: systemRandom })
    return targets.map(({ protocol, host, port }) => `${protocol} ${host} ${port}`)
  }
  const whole = ['tls 2001:db8::1 5061', 'tls 192.0.2.1 5061', 'tls 192.0.2.2 5071', 'tcp 192.0.2.2 5060']
  t.same(await ask('sip:+49301@trunk.test'), whole)
  t.same(await ask('sips:trunk.test'), whole.slice(0, 3))
  t.same(await ask('sip:trunk.test;transport=udp'), ['udp 192.0.2.2 5060'])
  t.same(await ask('sip:alias.test:5070'), ['udp 192.0.2.2 5070'])
  t.same(await ask('sip:nobody.test'), [])
  t.same(await ask('sip:df7jal23ls0d.invalid;transport=ws'), [])
  const large = await ask('sip:large.test;transport=tcp')
  t.same(large, [], 'none of its hosts has an address')
  t.equal(
    (await dns.srv('_sip._tcp.large.test')).length,
    60,
    'the answer was cut and asked for again over TCP',
  )

  const asked = (await server.questions()).length
  for (let round = 0; round < 3; round++) await ask('sip:+49301@trunk.test')
  await ask('sip:nobody.test')
  t.equal((await server.questions()).length, asked, 'all of it is remembered, what is not there too')
  clock.advance(31_000)
  await ask('sip:nobody.test')
  t.ok((await server.questions()).length > asked, 'no such name: without SOA for 30 s')
  const askedForTrunk = async (): Promise<number> =>
    (await server.questions()).filter((line) => line === 'NAPTR trunk.test').length
  const before = await askedForTrunk()
  clock.advance(90_000)
  await ask('sip:trunk.test')
  t.equal(await askedForTrunk(), before + 1, 'TTL 120 s is over')
})

void t.test(
  'the WAN goes down: what was known stays, and the server is asked again when it is back',
  async (t) => {
    const port = await freePort()
    const first = await startDnsmasq(records, port)
    const clock = new FakeClock()
    const dns = createDns({ clock, random: systemRandom, servers: [first.server] })
    t.same(await dns.addresses('two.trunk.test'), ['192.0.2.2'])
    await first.stop()
    clock.advance(24 * 3_600_000)
    t.same(await dns.addresses('two.trunk.test'), ['192.0.2.2'], 'a day later')
    await t.rejects(dns.addresses('never-asked.test'), { code: 'ECONNREFUSED' })
    const second = await startDnsmasq(
      records.map((line) => line.replace('192.0.2.2', '192.0.2.22')),
      port,
    )
    t.teardown(() => second.stop())
    t.same(await dns.addresses('two.trunk.test'), ['192.0.2.2'], 'it is left alone for 30 s')
    t.equal((await second.questions()).length, 0)
    clock.advance(30_000)
    t.same(await dns.addresses('two.trunk.test'), ['192.0.2.22'])
    clock.advance(8 * 24 * 3_600_000)
    await second.stop()
    await t.rejects(dns.addresses('two.trunk.test'), 'after a week it is forgotten')
  },
)

void t.test('equal questions are asked once, a dead server last, the hosts file first', async (t) => {
  const server = await startDnsmasq(records)
  t.teardown(() => server.stop())
  const dead = `127.0.0.1:${await freePort()}`
  const folder = t.testdir({
    hosts: '# ours\n192.0.2.99 two.trunk.test TWO.alias # and more\nnonsense line\n',
  })
  const hostsFile = join(folder, 'hosts')
  const clock = new FakeClock()
  const dns = createDns({ clock, random: systemRandom, servers: [dead, server.server], hostsFile })
  const all = await Promise.all(Array.from({ length: 50 }, () => dns.srv('_sip._udp.trunk.test')))
  t.equal(new Set(all.map((one) => JSON.stringify(one))).size, 1)
  t.same(await server.questions(), ['SRV _sip._udp.trunk.test'])
  t.same(await dns.addresses('Two.Trunk.test.'), ['192.0.2.99'])
  writeFileSync(hostsFile, '192.0.2.100 two.trunk.test\n')
  t.same(await dns.addresses('two.trunk.test'), ['192.0.2.99'], 'looked at every five seconds')
  clock.advance(5000)
  t.same(await dns.addresses('two.trunk.test'), ['192.0.2.100'])
  t.same(await dns.addresses('one.trunk.test'), ['2001:db8::1', '192.0.2.1'])
  t.same(await dns.addresses('localhost').then((found) => found.length > 0), true, 'the system knows it')
})
