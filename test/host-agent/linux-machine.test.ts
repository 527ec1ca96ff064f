import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { LinuxMachine } from '#src/host-agent/linux-machine.ts'
import type { HostNetwork } from '#src/host-agent/requests.ts'

const dhcp: HostNetwork = {
  interface: undefined,
  vlan: undefined,
  static: undefined,
  ntp: [],
  hostname: undefined,
}
const fixed = {
  address: '192.0.2.10',
  prefixLength: 24,
  gateway: '192.0.2.1',
  dns: ['192.0.2.53', '192.0.2.54'],
}

function prepare(t: Test, ports: string[]) {
  const base = mkdtempSync(join(tmpdir(), 'branchline-machine-'))
  t.teardown(() => rmSync(base, { recursive: true, force: true }))
  const paths = {
    state: join(base, 'state'),
    networkd: join(base, 'run/systemd/network'),
    interfaces: join(base, 'sys'),
    localtime: join(base, 'localtime'),
    zones: join(base, 'zones'),
  }
  mkdirSync(paths.state)
  mkdirSync(join(paths.zones, 'Europe'), { recursive: true })
  writeFileSync(join(paths.zones, 'Europe/Berlin'), 'TZif2...')
  writeFileSync(join(paths.zones, 'zone.tab'), '# a table')
  const addPort = (name: string, type = '1', device = true): void => {
    mkdirSync(join(paths.interfaces, name, ...(device ? ['device'] : [])), { recursive: true })
    writeFileSync(join(paths.interfaces, name, 'type'), `${type}\n`)
  }
  addPort('lo', '772', false)
  addPort('bridge0', '1', false)
  for (const name of ports) addPort(name)
  addPort('wlan0')
  mkdirSync(join(paths.interfaces, 'wlan0/wireless'))
  const commands: string[] = []
  let failing: RegExp | undefined
  const machine = new LinuxMachine({
    paths,
    run: async (command) => {
      const text = command.join(' ')
      commands.push(text)
      return failing?.test(text)
        ? { code: 1, output: 'first line\nFailed: no such link\n' }
        : { code: 0, output: '' }
    },
  })
  const files = (): Record<string, string> =>
    existsSync(paths.networkd)
      ? Object.fromEntries(
          readdirSync(paths.networkd).map((name) => [name, readFileSync(join(paths.networkd, name), 'utf8')]),
        )
      : {}
  return {
    paths,
    machine,
    commands,
    files,
    addPort,
    fail: (pattern: RegExp | undefined) => (failing = pattern),
  }
}

/** The files under each other, held against the ones that were read and found right. */
function golden(t: Test, name: string, files: Record<string, string>): void {
  const text = Object.entries(files)
    .map(([file, body]) => `===== ${file}\n${body}`)
    .join('\n')
  const path = join(import.meta.dirname, `../fixtures/networkd/${name}.txt`)
  // A change that is meant is written with `tap --snapshot` and read in the diff.
  if (process.env['TAP_SNAPSHOT'] === '1') writeFileSync(path, text)
  t.equal(text, readFileSync(path, 'utf8'), name)
}

t.test('DHCP on every wired port', async (t) => {
  const { machine, files, commands } = prepare(t, ['eth0', 'eth1'])
  t.strictSame(await machine.setNetwork(dhcp), { ok: true })
  golden(t, 'dhcp', files())
  t.strictSame(commands, ['networkctl reload', 'networkctl reconfigure eth0 eth1'])
})

t.test('a fixed address, time servers and a name', async (t) => {
  const { machine, files, commands } = prepare(t, ['eth0'])
  const network = { ...dhcp, static: fixed, ntp: ['ntp.example.org'], hostname: 'box-1' }
  t.strictSame(await machine.setNetwork(network), { ok: true })
  golden(t, 'static', files())
  t.equal(commands.at(-1), 'hostnamectl hostname --transient box-1')
})

t.test('a VLAN is a device of its own, and goes when it is no longer wanted', async (t) => {
  const { machine, files, commands, addPort } = prepare(t, ['eth0'])
  t.strictSame(
    await machine.setNetwork({ ...dhcp, vlan: 42, static: { ...fixed, gateway: null, dns: [] } }),
    { ok: true },
  )
  golden(t, 'vlan', files())
  addPort('vlan42', '1', false)
  commands.length = 0
  t.strictSame(await machine.setNetwork(dhcp), { ok: true })
  t.strictSame(commands, ['networkctl delete vlan42', 'networkctl reload', 'networkctl reconfigure eth0'])
  t.strictSame(Object.keys(files()), ['60-branchline.network'])
})

t.test('a port that is not there, or not meant, is refused before anything is written', async (t) => {
  const { machine, files, commands } = prepare(t, ['eth0', 'eth1'])
  t.match(await machine.setNetwork({ ...dhcp, interface: 'eth7' }), { ok: false, error: /it has eth0, eth1/ })
  t.match(await machine.setNetwork({ ...dhcp, interface: 'wlan0' }), { ok: false })
  t.match(await machine.setNetwork({ ...dhcp, static: fixed }), { ok: false, error: /say which: eth0, eth1/ })
  t.match(await prepare(t, []).machine.setNetwork(dhcp), { ok: false, error: /no wired/ })
  t.strictSame([files(), commands], [{}, []])
})

t.test('what networkd refuses is taken back, files of others are left alone', async (t) => {
  const { machine, files, commands, fail, paths } = prepare(t, ['eth0'])
  await machine.setNetwork(dhcp)
  writeFileSync(join(paths.networkd, '10-owner.network'), 'mine')
  const before = files()
  commands.length = 0
  let refusals = 1
  fail(/reconfigure/)
  const asked = machine.setNetwork({ ...dhcp, static: fixed })
  const outcome = await asked
  t.match(outcome, { ok: false, error: /networkctl reconfigure failed \(1\): Failed: no such link/ })
  t.match(outcome, { error: /Nor could the earlier network be put back/ })
  t.strictSame(files(), before)
  fail(undefined)
  const once = new LinuxMachine({
    paths,
    run: async (command) => ({ code: command.includes('reload') && refusals-- > 0 ? 1 : 0, output: '' }),
  })
  t.strictSame(await once.setNetwork({ ...dhcp, static: fixed }), {
    ok: false,
    error: 'networkctl reload failed (1).',
  })
  t.strictSame(files(), before)
})

t.test('the time zone is a link on the data partition where /etc/localtime leads there', async (t) => {
  const { machine, paths, commands } = prepare(t, [])
  symlinkSync(join(paths.state, 'localtime'), paths.localtime)
  t.strictSame(await machine.setTimeZone('Europe/Berlin'), { ok: true })
  t.equal(readlinkSync(join(paths.state, 'localtime')), join(paths.zones, 'Europe/Berlin'))
  t.equal(readFileSync(paths.localtime, 'utf8'), 'TZif2...')
  t.strictSame(commands, [])
  for (const name of ['Europe', 'Europe/Paris', 'zone.tab'])
    t.match(await machine.setTimeZone(name), { ok: false, error: /not known/ }, name)
  t.equal(readFileSync(paths.localtime, 'utf8'), 'TZif2...', 'a refusal changes nothing')
})

t.test('elsewhere the time zone is set by the system’s own tool', async (t) => {
  const { machine, paths, commands } = prepare(t, [])
  writeFileSync(paths.localtime, 'TZif')
  t.strictSame(await machine.setTimeZone('Europe/Berlin'), { ok: true })
  t.strictSame(commands, ['timedatectl set-timezone Europe/Berlin'])
})

t.test('a factory reset is a mark, a reboot goes by way of the target', async (t) => {
  const { machine, paths, commands } = prepare(t, [])
  t.strictSame(await machine.markForReset(), { ok: true })
  t.ok(existsSync(join(paths.state, 'factory-reset')))
  t.strictSame(await machine.markForReset(), { ok: true }, 'twice is as once')
  t.strictSame(await machine.reboot(), { ok: true })
  t.strictSame(commands, ['systemctl --no-block --job-mode=replace-irreversibly start reboot.target'])
})
