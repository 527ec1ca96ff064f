// npm run test:image: boots the image that `npm run image` built in a virtual machine and uses it as a customer does.
// Runs in a network namespace of its own: what the guest sends reaches this program and nobody else.
import { execFileSync, spawnSync } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from '#test/house/source-files.ts'
import { addPhone, allowSipDevices, plugIn, signIn, type OfficeLine } from '#test/scenario/office.ts'
import { adminPassword } from '#test/support/box.ts'
import { Lab, labNumbers } from '#test/support/lab.ts'
import { callEachOther, callTeams, hearSignIn } from './calls.ts'
import { Checks, expect } from './checks.ts'
import { factoryReset, openMenu, readClaimCode } from './console-menu.ts'
import { listPartitions, readDataFile, readJournal } from './disk-contents.ts'
import { askMulticastDns } from './multicast-dns.ts'
import { judgeRoot } from './root-contents.ts'
import { VirtualBox } from './virtual-box.ts'
import { VirtualMachine, type ForwardedPort } from './virtual-machine.ts'

const { values } = parseArgs({
  options: {
    inside: { type: 'boolean', default: false },
    memory: { type: 'string', default: '1024' },
    keep: { type: 'boolean', default: false },
  },
})

const tap = 'wire0'
/** What a laptop gives itself where nobody gives addresses (RFC 3927). */
const ourAddress = '169.254.20.1'
const media = { portMin: 20_000, portMax: 20_039 }
const tones = { anna: 440, ben: 620, visitor: 800 }
/** First boot in software on a busy machine; real hardware takes a tenth. */
const bootLimitMs = 600_000

const forward: ForwardedPort[] = [
  ...[80, 443, 5060, 5061, 8444].map((port) => ({ protocol: 'tcp' as const, port })),
  { protocol: 'udp', port: 5060 },
  ...Array.from({ length: media.portMax - media.portMin + 1 }, (_, index) => ({
    protocol: 'udp' as const,
    port: media.portMin + index,
  })),
]

if (values.inside) process.exitCode = (await main()) === 0 ? 0 : 1
else process.exitCode = enterNamespace()

function enterNamespace(): number {
  const setUp = `ip link set lo up && ip tuntap add dev ${tap} mode tap && ip addr add ${ourAddress}/16 dev ${tap} && ip link set ${tap} up && exec "$@"`
  const again = [process.execPath, '--disable-warning=ExperimentalWarning', import.meta.filename, '--inside']
  const run = spawnSync('unshare', ['--net', 'sh', '-c', setUp, 'sh', ...again, ...process.argv.slice(2)], {
    stdio: 'inherit',
  })
  if (run.error) throw run.error
  return run.status ?? 1
}

/** True when a connection comes about; false when it is refused or, as a firewall does, nothing answers. */
function answers(host: string, port: number, limitMs: number): Promise<boolean> {
  const socket = connect({ host, port, timeout: limitMs })
  return new Promise((resolve) => {
    const end = (there: boolean) => (): void => {
      socket.destroy()
      resolve(there)
    }
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false))
  })
}

async function main(): Promise<number> {
  const checks = new Checks()
  const images = globSync('branchline_*.raw', { cwd: join(root, 'image/out') }).filter((name) =>
    /\d\.raw$/.test(name),
  )
  const image = images[0]
  if (image === undefined) {
    console.log('There is no image yet: run `npm run image` first.')
    return 1
  }
  const cache = join(root, 'image/.cache')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'machine-'))
  const disk = join(folder, 'disk.raw')
  execFileSync('cp', ['--sparse=always', join(root, 'image/out', image), disk])
  truncateSync(disk, 4 * 1024 ** 3)
  const machine = new VirtualMachine({ folder, disk, memoryMb: Number(values.memory), forward, tap })
  console.log(`${image} in a virtual machine with ${values.memory} MB:\n`)
  try {
    await show(checks, {
      machine,
      disk,
      rootImage: join(root, 'image/out', image.replace(/raw$/, 'root.raw')),
    })
  } catch (error) {
    checks.failed ||= 1
    console.log(`\n${error instanceof Error ? error.stack : String(error)}`)
    await machine.cutPower()
    tellTheRest(machine, disk, join(cache, 'machine.log'))
  } finally {
    await machine.cutPower()
    if (!values.keep) rmSync(folder, { recursive: true, force: true })
  }
  console.log(checks.summary())
  return checks.failed
}

/** What the machine said and what it wrote down, into a file; the end of both on the console. */
function tellTheRest(machine: VirtualMachine, disk: string, file: string): void {
  let journal: string
  try {
    journal = readJournal(disk, machine.options.folder)
  } catch (error) {
    journal = `no journal: ${String(error)}`
  }
  const { kernel, console: maintenance, complaints } = machine
  writeFileSync(
    file,
    [
      kernel.text,
      '--- maintenance console',
      maintenance.text,
      '--- journal',
      journal,
      '--- QEMU',
      complaints,
    ].join('\n'),
  )
  console.log(`\nThe machine's last words, all of them in ${file}:\n${kernel.text.slice(-1500)}`)
  console.log(`\nThe end of its journal:\n${journal.split('\n').slice(-40).join('\n')}`)
}

async function show(
  checks: Checks,
  { machine, disk, rootImage }: { machine: VirtualMachine; disk: string; rootImage: string },
): Promise<void> {
  const box = new VirtualBox()
  const shipped = listPartitions(disk).map(({ name }) => name)
  let guest = ''
  let machineId = ''
  let claimCode = ''
  const lines: Record<string, OfficeLine> = {}

  await checks.check('the image: boot loader, two slots for system and checksums, no data', async () => {
    const version = /_(\S+)$/.exec(shipped[1] ?? '')?.[1]
    expect(shipped.length === 5 && shipped[1] === shipped[2] && shipped[3] === '_empty', shipped.join(', '))
    return `${shipped.join(', ')}; version ${version}`
  })
  await checks.check('its root file system keeps its promises', async () =>
    judgeRoot({
      rootImage,
      projectRoot: root,
      folder: machine.options.folder,
    }),
  )
  await checks.check('power on: the page answers over the forwarded port', async () => {
    await machine.powerOn()
    const health = await box.waitForHealth(({ state }) => state === 'ok', bootLimitMs)
    expect(!health.lab, 'an image is shipped without the lab')
    await box.learnRoot()
    await box.waitForHealth(({ state }) => state === 'ok', 30_000)
    return `every part is up; ${/Startup finished in .*/.exec(machine.kernel.text)?.[0] ?? 'the certificate is of the box’s own root'}`
  })
  await checks.check('the maintenance console on the second serial port gives the claim code', async () => {
    const menu = await openMenu(machine.console)
    claimCode = await readClaimCode(machine.console)
    return menu.trim()
  })
  await checks.check('the box is claimed with that code, and with no other', async () => {
    const wrong = claimCode === '1111-1111' ? '2222-2222' : '1111-1111'
    expect(
      await box.claim(wrong).then(
        () => false,
        () => true,
      ),
      'another code was taken',
    )
    await box.claim(claimCode)
    expect(await box.isClaimed(), 'the box has an owner')
    return undefined
  })
  await checks.check('branchline.local is answered on a wire where nobody gives addresses', async () => {
    guest = await askMulticastDns('branchline.local', ourAddress, 90_000)
    expect(await answers(guest, 443, 20_000), `the page answers at ${guest}`)
    return `${guest}, and the page answers there`
  })
  await checks.check('what is no port of the box does not answer from outside', async () => {
    for (const port of [22, 53, 111, 5355, 9022, 9229])
      expect(!(await answers(guest, port, 1500)), `port ${port} answers`)
    return undefined
  })
  await checks.check(
    'settings: 40 media ports, the address of this test, the lab tenant; restart on the page',
    async () => {
      await box.changeSettings({ advertisedAddress: '127.0.0.1', media, tenant: { kind: 'lab' } })
      await box.json('/api/restart', { method: 'POST' })
      await box.waitForHealth(
        ({ state, lab, uptimeS }) => state === 'ok' && lab && uptimeS < 300,
        bootLimitMs,
      )
      await box.logIn()
      const { people } = await box.json<{ people: { displayName: string }[] }>('/api/lab')
      return `systemd started it again; people: ${people.map(({ displayName }) => displayName).join(', ')}`
    },
  )
  const lab = await Lab.of({ json: <T>(path: string) => forwarded<T>(box, path) })
  await checks.check('three phones are added and two people signed in', async () => {
    await allowSipDevices(box)
    for (const who of ['anna', 'ben']) {
      const line = await addPhone(box, who)
      lines[who] = line
      await signIn(box, lab, line, who)
    }
    lines['visitor'] = await addPhone(box, 'visitor')
    return undefined
  })

  await placeCalls(checks, { box, lab, lines, folder: machine.options.folder })

  await checks.check('power cut, a moment after the page was told that a phone was added', async () => {
    lines['late'] = await addPhone(box, 'added last')
    await machine.cutPower()
    machineId = readDataFile(disk, '/lib/branchline-host/machine-id').trim()
    expect(/^[0-9a-f]{32}$/.test(machineId), `a machine id was made at the first start: ${machineId}`)
    return undefined
  })
  await checks.check('second boot: clean, and everything is still there', async () => {
    await machine.powerOn()
    await box.waitForHealth(({ state, lab: on }) => state === 'ok' && on, bootLimitMs)
    await box.logIn()
    const { devices } = await box.json<{ devices: { label: string }[] }>('/api/devices')
    const labels = devices.map(({ label }) => label).sort()
    expect(labels.join() === 'added last,anna,ben,visitor', labels.join())
    expect(
      !/\bFAILED\b|corrupt|I\/O error/i.test(machine.kernel.text.slice(-60_000)),
      'the boot was not clean',
    )
    return `admin password and phones: ${labels.join(', ')}`
  })
  await checks.check('a phone registers and calls after the power cut', async () => {
    await using stack = new AsyncDisposableStack()
    const phone = await plugIn(box, lines['anna'] as OfficeLine, { toneHz: tones.anna })
    stack.defer(() => phone.stop())
    return await callTeams(phone, tones.anna, lab)
  })
  await checks.check('factory reset from the console: the machine starts as new', async () => {
    await factoryReset(machine.console, adminPassword)
    // A new box has a new root: checked by the old one, it would never be ready.
    box.caPem = undefined
    await box.waitForHealth(({ state, lab: on }) => state === 'ok' && !on, bootLimitMs)
    expect(!(await box.isClaimed()), 'nobody owns the box')
    await openMenu(machine.console)
    const code = await readClaimCode(machine.console)
    await box.claim(code)
    const { devices } = await box.json<{ devices: unknown[] }>('/api/devices')
    expect(devices.length === 0, 'no phone is left')
    await machine.cutPower()
    const now = readDataFile(disk, '/lib/branchline-host/machine-id').trim()
    expect(now === machineId, 'it is still the same machine')
    return 'no owner, no phones, another claim code'
  })
}

/** What the box says, with its own address replaced by the one that it is forwarded to. */
async function forwarded<T>(box: VirtualBox, path: string): Promise<T> {
  const text = JSON.stringify(await box.json(path))
  return JSON.parse(text.replaceAll(/(?<=https:\/\/)[\d.]+(?=:)/g, '127.0.0.1')) as T
}

async function placeCalls(
  checks: Checks,
  {
    box,
    lab,
    lines,
    folder,
  }: { box: VirtualBox; lab: Lab; lines: Record<string, OfficeLine>; folder: string },
): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const caFile = join(folder, 'ca.pem')
  writeFileSync(caFile, box.caPem ?? '')
  const phone = async (who: keyof typeof tones, secure: boolean) => {
    const options = secure ? ({ transport: 'tls', mediaEncryption: 'srtp-mand', caFile } as const) : {}
    const started = await plugIn(box, lines[who] as OfficeLine, { toneHz: tones[who], ...options })
    stack.defer(() => started.stop())
    return started
  }
  let anna: Awaited<ReturnType<typeof phone>> | undefined
  let ben: typeof anna
  let visitor: typeof anna
  await checks.check('phones on this machine register through the forwarded ports', async () => {
    anna = await phone('anna', false)
    ben = await phone('ben', true)
    visitor = await phone('visitor', false)
    return 'baresip over UDP; baresip over TLS with the box’s certificate checked, SRTP only'
  })
  if (!anna || !ben || !visitor) return
  const [caller, callee, stranger] = [anna, ben, visitor]
  await checks.check('a call to the box itself: *50* speaks to a phone where nobody is signed in', () =>
    hearSignIn(stranger),
  )
  await checks.check('a call through the machine to the lab’s Teams, a tone each way', () =>
    callTeams(caller, tones.anna, lab),
  )
  await checks.check('a call from phone to phone, plain on one side, SRTP on the other', () =>
    callEachOther(
      { phone: caller, hz: tones.anna },
      { phone: callee, hz: tones.ben, number: labNumbers.ben },
    ),
  )
}
