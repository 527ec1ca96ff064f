import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { parseGateways, readSystemNetwork } from '#src/host/network/read-system.ts'

const routes = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth1\t00000000\t0100A8C0\t0003\t0\t0\t200\t00000000\t0\t0\t0
eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0
`

t.test('default routes, the preferred first', async (t) => {
  t.strictSame(parseGateways(routes), ['192.0.2.1', '192.168.0.1'])
  for (const text of ['', '\n\n', 'Iface', 'eth0\t00000000', 'eth0\t00000000\tZZ'])
    t.strictSame(parseGateways(text), [], JSON.stringify(text))
})

t.test('cards, links and servers as Linux shows them', async (t) => {
  const root = t.testdir({
    devices: {
      pci: { eth7: { address: '02:00:5E:00:53:01\n', carrier: '1\n', operstate: 'up\n' } },
      virtual: { br0: { address: '02:00:5e:00:53:02\n', operstate: 'down\n' } },
    },
    class: {
      eth7: t.fixture('symlink', '../devices/pci/eth7'),
      br0: t.fixture('symlink', '../devices/virtual/br0'),
      lo: t.fixture('symlink', '../devices/virtual/br0'),
    },
    'stub.conf': 'search example\nnameserver 192.0.2.53\nnameserver fe80::1%eth0\nnameserver nonsense\n',
    route: routes,
  })
  const network = await readSystemNetwork({
    sysClassNet: join(root, 'class'),
    routes: join(root, 'route'),
    resolvers: [join(root, 'missing'), join(root, 'stub.conf')],
  })
  t.match(
    network.interfaces.find(({ name }) => name === 'eth7'),
    { mac: '02:00:5e:00:53:01', link: 'up', physical: true, addresses: [] },
  )
  t.notOk(
    network.interfaces.some(({ name }) => name === 'br0' || name === 'lo'),
    'a bridge without an address is nobody’s business',
  )
  t.strictSame(network.gateways, ['192.0.2.1', '192.168.0.1'])
  t.strictSame(network.dns, ['192.0.2.53', 'fe80::1%eth0'])
})

t.test('a machine that shows nothing', async (t) => {
  const nowhere = join(t.testdir(), 'nothing')
  const network = await readSystemNetwork({ sysClassNet: nowhere, routes: nowhere, resolvers: [nowhere] })
  t.strictSame({ gateways: network.gateways, dns: network.dns }, { gateways: [], dns: [] })
  // What the system call tells is told.
  for (const { name } of network.interfaces) t.ok(name in networkInterfaces())
})

t.test('this machine', async (t) => {
  const network = await readSystemNetwork()
  for (const { addresses } of network.interfaces)
    for (const { prefixLength } of addresses) t.ok(prefixLength > 0 && prefixLength <= 128)
  t.notOk(network.interfaces.some(({ name }) => name === 'lo'))
})
