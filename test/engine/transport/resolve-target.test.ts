import t from 'tap'
import type { Dns, NaptrRecord, SrvRecord } from '#src/engine/dns/dns-port.ts'
import { resolveTarget } from '#src/engine/transport/resolve-target.ts'
import { orderSrv } from '#src/engine/transport/services.ts'
import type { TransportProtocol } from '#src/engine/transport/transport-port.ts'
import { systemRandom } from '#src/base/random.ts'
import { parseUri } from '#src/sip/uri.ts'

const naptr = (
  order: number,
  preference: number,
  service: string,
  replacement: string,
  flags = 's',
): NaptrRecord => ({ order, preference, flags, service, replacement })

const zone: {
  naptr: Record<string, NaptrRecord[]>
  srv: Record<string, SrvRecord[]>
  a: Record<string, string[]>
} = {
  naptr: {
    // RFC 3263 4.1's own example, in another order on the wire.
    'naptr.example.org': [
      naptr(100, 50, 'SIP+D2U', '_sip._udp.naptr.example.org'),
      naptr(50, 50, 'SIPS+D2T', '_sips._tcp.naptr.example.org'),
      naptr(50, 90, 'sip+d2t', '_sip._tcp.naptr.example.org.'),
    ],
    'strange.example.org': [
      naptr(10, 10, 'E2U+sip', '', 'u'),
      naptr(10, 20, 'SIP+D2W', '_sip._ws.strange.example.org'),
      naptr(20, 10, 'SIP+D2S', '_sip._sctp.strange.example.org'),
      naptr(30, 20, 'SIP+D2U', 'two.example.org', 'A'),
      naptr(30, 10, 'SIP+D2T', 'one.example.org', 'a'),
      naptr(40, 10, 'SIPS+D2T', 'one.example.org', 'a'),
    ],
    'onlysip.example.org': [naptr(10, 10, 'SIP+D2U', 'one.example.org', 'a')],
  },
  srv: {
    '_sips._tcp.naptr.example.org': [{ priority: 0, weight: 0, port: 5061, name: 'two.example.org' }],
    '_sip._tcp.naptr.example.org': [{ priority: 0, weight: 0, port: 5060, name: 'two.example.org' }],
    '_sip._tcp.tcponly.example.org': [{ priority: 0, weight: 0, port: 5062, name: 'two.example.org' }],
    '_sip._udp.tcponly.example.org': [{ priority: 0, weight: 0, port: 0, name: '.' }],
    '_sip._udp.both.example.org': [{ priority: 1, weight: 1, port: 5070, name: 'one.example.org' }],
    '_sips._tcp.both.example.org': [
      { priority: 20, weight: 1, port: 5063, name: 'two.example.org' },
      { priority: 10, weight: 1, port: 5062, name: 'one.example.org' },
    ],
    '_sip._udp.gone.example.org': [{ priority: 0, weight: 0, port: 0, name: '' }],
  },
  a: {
    'one.example.org': ['192.0.2.1', '2001:db8::1'],
    'two.example.org': ['192.0.2.2'],
    'sip.pstnhub.microsoft.com': ['52.114.75.24', '52.114.76.76'],
  },
}

function fakeDns(): Dns & { asked: string[] } {
  const asked: string[] = []
  return {
    asked,
    naptr: async (name) => (asked.push(name), zone.naptr[name] ?? []),
    srv: async (name) => (asked.push(name), zone.srv[name] ?? []),
    addresses: async (name) => (asked.push(name), zone.a[name] ?? []),
  }
}

const staticHosts = [{ name: 'sip.lab.example', address: '127.0.0.9' }]

async function resolve(text: string, protocolHint?: TransportProtocol) {
  const uri = parseUri(text)
  if (!uri) throw new Error(`no URI: ${text}`)
  const dns = fakeDns()
  const targets = await resolveTarget(uri, { staticHosts, dns, protocolHint })
  return {
    text: targets.map(({ protocol, host, port }) => `${protocol} ${host} ${port}`),
    targets,
    asked: dns.asked,
  }
}

void t.test('where requests go (RFC 3263 4)', async (t) => {
  const table: [string, TransportProtocol | undefined, string[]][] = [
    ['sip:192.0.2.5', undefined, ['udp 192.0.2.5 5060']],
    ['sip:192.0.2.5:5099;transport=tcp', 'udp', ['tcp 192.0.2.5 5099']],
    ['sip:[2001:db8::5]', 'tls', ['tls 2001:db8::5 5061']],
    ['sips:192.0.2.5', 'udp', ['tls 192.0.2.5 5061']],
    ['sips:192.0.2.5;transport=tcp', undefined, ['tls 192.0.2.5 5061']],
    ['sips:192.0.2.5;transport=udp', undefined, []],
    ['sip:192.0.2.5;transport=ws', undefined, ['ws 192.0.2.5 80']],
    ['sips:192.0.2.5;transport=ws', undefined, ['wss 192.0.2.5 443']],
    ['sip:192.0.2.5;transport=sctp', undefined, []],
    ['sips:192.0.2.5;transport=constructor', undefined, []],
    ['sip:a@one.example.org;maddr=192.0.2.77', undefined, ['udp 192.0.2.77 5060']],
    ['sip:sip.lab.example;transport=tls', undefined, ['tls 127.0.0.9 5061']],
    ['sip:SIP.lab.example:5071', 'tcp', ['tcp 127.0.0.9 5071']],
    ['sip:one.example.org:5080', undefined, ['udp 192.0.2.1 5080', 'udp 2001:db8::1 5080']],
    ['sip:one.example.org', undefined, ['udp 192.0.2.1 5060', 'udp 2001:db8::1 5060']],
    ['sips:one.example.org', undefined, ['tls 192.0.2.1 5061', 'tls 2001:db8::1 5061']],
    ['sip:both.example.org', undefined, ['udp 192.0.2.1 5070', 'udp 2001:db8::1 5070']],
    [
      'sip:both.example.org;transport=tls',
      undefined,
      ['tls 192.0.2.1 5062', 'tls 2001:db8::1 5062', 'tls 192.0.2.2 5063'],
    ],
    ['sip:gone.example.org', undefined, []],
    ['sip:tcponly.example.org', undefined, ['tcp 192.0.2.2 5062']],
    ['sip:naptr.example.org', undefined, ['tls 192.0.2.2 5061', 'tcp 192.0.2.2 5060']],
    ['sips:naptr.example.org', undefined, ['tls 192.0.2.2 5061']],
    ['sip:naptr.example.org;transport=tcp', undefined, ['tcp 192.0.2.2 5060']],
    ['sip:naptr.example.org:5060', undefined, []],
    [
      'sip:strange.example.org',
      undefined,
      ['tcp 192.0.2.1 5060', 'tcp 2001:db8::1 5060', 'udp 192.0.2.2 5060'],
    ],
    ['sips:strange.example.org', undefined, ['tls 192.0.2.1 5061', 'tls 2001:db8::1 5061']],
    ['sips:onlysip.example.org', undefined, []],
    ['sip:nowhere.example.org', undefined, []],
    ['tel:+49301', undefined, []],
  ]
  for (const [uri, hint, expected] of table) t.same((await resolve(uri, hint)).text, expected, uri)
})

void t.test('the name to prove is that of the URI, not what DNS made of it', async (t) => {
  const trunk = await resolve('sip:sip.pstnhub.microsoft.com:5061;transport=tls')
  t.same(
    trunk.targets.map(({ serverName }) => serverName),
    Array(2).fill('sip.pstnhub.microsoft.com'),
  )
  t.same((await resolve('sip:both.example.org;transport=tls')).targets[0]?.serverName, 'both.example.org')
  t.same((await resolve('sip:one.example.org;maddr=192.0.2.77')).targets[0]?.serverName, 'one.example.org')
  t.same((await resolve('sip:192.0.2.5')).targets[0]?.serverName, undefined)
})

void t.test('literals and static hosts ask nobody', async (t) => {
  t.same((await resolve('sip:192.0.2.5')).asked, [])
  t.same((await resolve('sip:sip.lab.example')).asked, [])
  t.same((await resolve('sip:one.example.org:5080')).asked, ['one.example.org'], 'a port means no SRV')
})

void t.test('a failing server is not an unknown name', async (t) => {
  const uri = parseUri('sip:one.example.org')
  if (!uri) return t.fail()
  const failing = (): Promise<never> => Promise.reject(new Error('no server'))
  const dns: Dns = { naptr: async () => [], srv: failing, addresses: async () => [] }
  await t.rejects(resolveTarget(uri, { staticHosts, dns }), /no server/)
  await t.rejects(resolveTarget(uri, { staticHosts, dns: { ...fakeDns(), naptr: failing } }), /no server/)
  const refused = Object.assign(new Error('refused'), { code: 'NOTIMP' })
  const router: Dns = { ...fakeDns(), naptr: () => Promise.reject(refused) }
  t.same((await resolveTarget(uri, { staticHosts, dns: router })).length, 2, 'a router without NAPTR')
})

void t.test('a family without a route is tried last, unless it is the only one', async (t) => {
  const ask = async (text: string, reaches: (address: string) => boolean): Promise<string[]> => {
    const uri = parseUri(text)
    if (!uri) throw new Error(text)
    const dns: Dns = { ...fakeDns(), addresses: async () => ['2001:db8::1', '2001:db8::2', '192.0.2.1'] }
    return (await resolveTarget(uri, { staticHosts, dns, reaches })).map(({ host }) => host)
  }
  t.same(await ask('sip:a.example.org', () => true), ['2001:db8::1', '2001:db8::2', '192.0.2.1'])
  t.same(await ask('sip:a.example.org', (one) => !one.includes(':')), [
    '192.0.2.1',
    '2001:db8::1',
    '2001:db8::2',
  ])
  t.same(await ask('sip:a.example.org', () => false), ['2001:db8::1', '2001:db8::2', '192.0.2.1'])
})

void t.test('a target knows whether its URI named the transport', async (t) => {
  t.equal((await resolve('sip:192.0.2.5;transport=udp')).targets[0]?.asked, true)
  t.equal((await resolve('sip:192.0.2.5')).targets[0]?.asked, undefined)
})

void t.test('SRV records of one priority are spread by weight (RFC 2782)', (t) => {
  const record = (priority: number, weight: number, name: string): SrvRecord => ({
    priority,
    weight,
    port: 1,
    name,
  })
  const records = [
    record(2, 1, 'last'),
    record(1, 90, 'heavy'),
    record(1, 10, 'light'),
    record(1, 0, 'never first'),
  ]
  let heavyFirst = 0
  for (let round = 0; round < 1000; round++) {
    const order = orderSrv(records, systemRandom).map(({ name }) => name)
    if (order.length !== 4 || order[3] !== 'last') t.same(order, 'four records, the second priority last')
    if (order[0] === 'heavy') heavyFirst++
  }
  t.ok(heavyFirst > 820 && heavyFirst < 970, `heavy first in ${heavyFirst} of 1000`)
  t.same(
    orderSrv(records, undefined).map(({ name }) => name),
    ['heavy', 'light', 'never first', 'last'],
  )
  t.end()
})
