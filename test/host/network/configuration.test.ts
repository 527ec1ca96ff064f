import t from 'tap'
import {
  checkConfiguration,
  describeConfiguration,
  maskOf,
  parsePrefixLength,
} from '#src/host/network/configuration.ts'
import type { StaticConfiguration, SystemNetwork } from '#src/host/network/ports.ts'

const system: SystemNetwork = {
  interfaces: [
    { name: 'eth0', mac: undefined, link: 'up', physical: true, addresses: [] },
    { name: 'docker0', mac: undefined, link: 'up', physical: false, addresses: [] },
  ],
  gateways: [],
  dns: [],
}

const good: StaticConfiguration = {
  mode: 'static',
  address: '192.0.2.10',
  prefixLength: 24,
  gateway: '192.0.2.1',
  dns: ['192.0.2.53'],
}

/** A change of the good configuration -> field and what the sentence must say; undefined = it is fine. */
const table: [Partial<Record<string, unknown>>, string | undefined, RegExp?][] = [
  [{}, undefined],
  [{ gateway: null, dns: [] }, undefined],
  [{ interface: 'eth0', vlan: 4094 }, undefined],
  [{ address: '10.0.0.1', prefixLength: 8, gateway: '10.255.255.254' }, undefined],
  [{ address: '192.0.2.1', prefixLength: 30, gateway: '192.0.2.2' }, undefined],
  [{ interface: 'eth7' }, 'interface', /no network port eth7/],
  [{ interface: 'docker0' }, 'interface', /no network port docker0/],
  [{ vlan: 0 }, 'vlan', /1 to 4094/],
  [{ vlan: 4095 }, 'vlan', /1 to 4094/],
  [{ vlan: 1.5 }, 'vlan', /1 to 4094/],
  [{ address: '192.0.2' }, 'address', /not an IPv4 address/],
  [{ address: '192.0.2.256' }, 'address', /not an IPv4 address/],
  [{ address: '0.0.0.0' }, 'address', /a host can have/],
  [{ address: '127.0.0.1' }, 'address', /a host can have/],
  [{ address: '224.0.0.1' }, 'address', /a host can have/],
  [{ address: '255.255.255.255' }, 'address', /a host can have/],
  [{ address: '169.254.3.4' }, 'address', /a host can have/],
  [{ address: '192.0.2.0' }, 'address', /name of its network/],
  [{ address: '192.0.2.255' }, 'address', /broadcast/],
  [{ address: '192.0.2.64', prefixLength: 26 }, 'address', /name of its network with \/26/],
  [{ prefixLength: 0 }, 'prefixLength', /1 to 30/],
  [{ prefixLength: 31 }, 'prefixLength', /1 to 30/],
  [{ gateway: '192.0.3.1' }, 'gateway', /not in the network of 192\.0\.2\.10\/24/],
  [{ gateway: '192.0.2.10' }, 'gateway', /another machine/],
  [{ gateway: '192.0.2.255' }, 'gateway', /broadcast/],
  [{ gateway: 'router' }, 'gateway', /not an IPv4 address/],
  [{ dns: ['192.0.2.53', 'dns.example'] }, 'dns', /dns\.example is not an IPv4 address/],
  [{ dns: ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'] }, 'dns', /At most 3/],
]

t.test('what cannot work is named by field, with a sentence', async (t) => {
  for (const [change, field, text] of table) {
    const problem = checkConfiguration({ ...good, ...change }, system)
    t.equal(problem?.field, field, JSON.stringify(change))
    if (text) t.match(problem?.text, text)
  }
  t.equal(table.length, 28)
})

t.test('DHCP needs nothing, and a VLAN at most', async (t) => {
  t.equal(checkConfiguration({ mode: 'dhcp' }, system), undefined)
  t.equal(checkConfiguration({ mode: 'dhcp', vlan: 9_999 }, system)?.field, 'vlan')
})

t.test('masks and prefix lengths', async (t) => {
  t.equal(maskOf(24), '255.255.255.0')
  t.equal(maskOf(0), '0.0.0.0')
  t.equal(maskOf(32), '255.255.255.255')
  for (let length = 0; length <= 32; length++) {
    t.equal(parsePrefixLength(maskOf(length)), length)
    t.equal(parsePrefixLength(`/${length}`), length)
  }
  for (const text of ['', '33', '255.255.0.255', '255.255.255', '-1', '24 '])
    t.equal(parsePrefixLength(text), undefined, text)
})

t.test('one line for people', async (t) => {
  t.equal(
    describeConfiguration({ ...good, vlan: 20, interface: 'eth0' }),
    '192.0.2.10/24, gateway 192.0.2.1, DNS 192.0.2.53, VLAN 20, on eth0',
  )
  t.equal(describeConfiguration({ ...good, gateway: null, dns: [] }), '192.0.2.10/24, no gateway, no DNS')
  t.equal(describeConfiguration({ mode: 'dhcp' }), 'Address by DHCP')
})
