import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { systemRandom } from '#src/base/random.ts'
import { createDns } from '#src/engine/dns/create-dns.ts'
import { HostsFile } from '#src/engine/dns/hosts-file.ts'
import { readServersFile } from '#src/engine/dns/servers-file.ts'
import { FakeClock } from '#test/support/fake-clock.ts'

void t.test('who asks while the hosts file is first read gets its answer too', async (t) => {
  const hosts = new HostsFile(join(t.testdir({ hosts: '192.0.2.9 sbc.example\n' }), 'hosts'), new FakeClock())
  const both = await Promise.all([hosts.addresses('sbc.example'), hosts.addresses('sbc.example')])
  t.same(both, [['192.0.2.9'], ['192.0.2.9']])
})

void t.test('the servers are those that resolv.conf lists now', async (t) => {
  const file = join(t.testdir({}), 'resolv.conf')
  t.same(await readServersFile(file), ['127.0.0.1'], 'no file: the machine itself')
  writeFileSync(
    file,
    '# by DHCP\nsearch office.example\nnameserver 192.0.2.1\nnameserver\tfe80::1%eth0\nnameserver nonsense\n#nameserver 192.0.2.7\n',
  )
  t.same(await readServersFile(file), ['192.0.2.1', 'fe80::1%eth0'])
  writeFileSync(file, 'options edns0\n')
  t.same(await readServersFile(file), ['127.0.0.1'])
  rmSync(file)

  const dns = createDns({ clock: new FakeClock(), random: systemRandom, serversFile: file })
  // A broadcast address cannot be connected to, so that the error tells who was asked.
  writeFileSync(file, 'nameserver 255.255.255.255\n')
  await t.rejects(dns.srv('_sip._udp.office.example'), { message: /255\.255\.255\.255 cannot be asked/ })
})
