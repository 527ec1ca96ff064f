import t from 'tap'
import { readRequest } from '#src/host-agent/read-request.ts'
import { requestNames, type RequestName } from '#src/host-agent/requests.ts'

const read = (name: RequestName, value: unknown) =>
  readRequest(name, Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)))

const fixed = {
  mode: 'static',
  address: '192.0.2.10',
  prefixLength: 24,
  gateway: '192.0.2.1',
  dns: ['192.0.2.53'],
}

t.test('what the box writes is understood', async (t) => {
  t.match(read('reboot', { reason: 'asked for on the page' }), {
    ok: true,
    request: { name: 'reboot', reason: 'asked for on the page' },
  })
  t.match(read('time', { timeZone: 'America/Argentina/Buenos_Aires' }), { ok: true })
  t.match(read('time', { timeZone: 'Etc/GMT+3' }), { ok: true })
  t.strictSame(read('network', { mode: 'dhcp' }), {
    ok: true,
    request: {
      name: 'network',
      network: { interface: undefined, vlan: undefined, static: undefined, ntp: [], hostname: undefined },
    },
  })
  t.strictSame(
    read('network', {
      ...fixed,
      interface: 'enp0s31f6',
      vlan: 42,
      ntp: ['ntp.example.org', '192.0.2.123'],
      hostname: 'box-1',
    }),
    {
      ok: true,
      request: {
        name: 'network',
        network: {
          interface: 'enp0s31f6',
          vlan: 42,
          static: { address: '192.0.2.10', prefixLength: 24, gateway: '192.0.2.1', dns: ['192.0.2.53'] },
          ntp: ['ntp.example.org', '192.0.2.123'],
          hostname: 'box-1',
        },
      },
    },
  )
  t.match(read('network', { ...fixed, gateway: null, dns: [] }), { ok: true })
})

t.test('what is no JSON object is refused for every request', async (t) => {
  const bytes = ['', '{', 'null', '[]', '"x"', '7', '{"reason":"x"', '\0'.repeat(100), '[['.repeat(5000)]
  for (const name of requestNames) {
    for (const text of bytes) t.match(read(name, text), { ok: false, error: /not a JSON object/ }, name)
    t.match(readRequest(name, Buffer.from([0x7b, 0xff, 0xfe, 0x7d])), { ok: false }, 'not UTF-8')
  }
})

t.test('fields that are not known are refused, by whatever name', async (t) => {
  for (const extra of [
    '"command":"rm"',
    '"__proto__":{"mode":"dhcp"}',
    '"constructor":1',
    '"":0',
    '"Mode":"dhcp"',
  ])
    t.match(read('network', `{"mode":"dhcp",${extra}}`), { ok: false, error: /not known/ }, extra)
  t.match(read('network', { mode: 'dhcp', address: '192.0.2.10' }), { ok: false }, 'an address beside DHCP')
  t.match(read('reboot', { reason: 'x', force: true }), { ok: false })
  t.match(read('time', { timeZone: 'UTC', now: 0 }), { ok: false })
})

t.test('an interface is a plain name, never a path, a glob or a line', async (t) => {
  const names = [
    '',
    '.',
    '..',
    '../../etc',
    '/etc/x',
    'eth0/..',
    'eth0\n[Network]',
    'eth*',
    'eth?',
    '[a]',
    'eth0 eth1',
    '!eth0',
    '-eth0',
    'eth0\0',
    'éth0',
    'a'.repeat(16),
    0,
    null,
    {},
    ['eth0'],
  ]
  for (const name of names)
    t.match(
      read('network', { mode: 'dhcp', interface: name }),
      { ok: false, error: /interface/ },
      JSON.stringify(name),
    )
})

t.test('values that cannot work are refused with the field', async (t) => {
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ mode: 'off' }, /mode/],
    [{}, /mode/],
    [{ vlan: 0 }, /VLAN/],
    [{ vlan: 4095 }, /VLAN/],
    [{ vlan: 1.5 }, /VLAN/],
    [{ vlan: '7' }, /VLAN/],
    [{ prefixLength: 0 }, /prefix/],
    [{ prefixLength: 31 }, /prefix/],
    [{ prefixLength: '24' }, /prefix/],
    [{ address: '192.0.2.10/24' }, /address/],
    [{ address: '192.0.2.300' }, /address/],
    [{ address: '192.0.2.010' }, /address/],
    [{ address: '192.0.2.0' }, /address/],
    [{ address: '192.0.2.255' }, /address/],
    [{ address: '127.0.0.1' }, /address/],
    [{ address: '224.0.0.1' }, /address/],
    [{ address: '0.0.0.0' }, /address/],
    [{ address: '2001:db8::1' }, /address/],
    [{ address: '192.0.2.10\nGateway=198.51.100.1' }, /address/],
    [{ gateway: '198.51.100.1' }, /subnet/],
    [{ gateway: '192.0.2.10' }, /gateway/],
    [{ gateway: undefined }, /gateway/],
    [{ gateway: '' }, /gateway/],
    [{ dns: undefined }, /name servers/],
    [{ dns: ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'] }, /name servers/],
    [{ dns: ['dns.example.org'] }, /name servers/],
    [{ dns: '192.0.2.53' }, /name servers/],
    [{ ntp: ['a b'] }, /time servers/],
    [{ ntp: ['pool\nDNS=198.51.100.1'] }, /time servers/],
    [{ ntp: ['1.2.3'] }, /time servers/],
    [{ ntp: [`${'a'.repeat(64)}.org`] }, /time servers/],
    [{ hostname: 'a.b' }, /host name/],
    [{ hostname: '-a' }, /host name/],
    [{ hostname: 'a'.repeat(64) }, /host name/],
    [{ hostname: '12' }, /host name/],
    [{ hostname: '' }, /host name/],
  ]
  for (const [change, error] of cases) {
    const value = Object.keys(change).length === 0 ? { interface: 'eth0' } : { ...fixed, ...change }
    t.match(read('network', value), { ok: false, error }, JSON.stringify(change))
  }
  t.equal(cases.length, 36)
})

t.test('a time zone is a name, never a path', async (t) => {
  const zones = [
    '',
    '.',
    '../UTC',
    '/etc/passwd',
    'Europe/../../../etc/passwd',
    'Europe//Berlin',
    'Europe/',
    'a'.repeat(65),
    'Europe/Berlin\n',
    7,
    null,
  ]
  for (const timeZone of zones)
    t.match(read('time', { timeZone }), { ok: false, error: /time zone/ }, JSON.stringify(timeZone))
})

t.test('a reason is a short text, and no line of its own in the journal', async (t) => {
  t.match(read('reboot', {}), { ok: false, error: /reason/ })
  t.match(read('reboot', { reason: 'x'.repeat(201) }), { ok: false, error: /reason/ })
  t.match(read('factory-reset', { reason: 'a\nreboot: forged\u001b[2J' }), {
    request: { reason: 'a reboot: forged [2J' },
  })
})

t.test('a refusal repeats nothing of what it refuses', async (t) => {
  const secret = 'root:$y$j9T$'
  for (const name of requestNames)
    for (const text of [
      secret,
      JSON.stringify({ [secret]: secret }),
      JSON.stringify({ mode: secret, timeZone: secret, reason: { secret } }),
    ])
      t.notMatch(JSON.stringify(read(name, text)), /j9T/, name)
})
