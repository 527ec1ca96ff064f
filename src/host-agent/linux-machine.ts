import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { done, refuse, type Machine, type Outcome } from './machine.ts'
import { devicesIn, networkFilePrefix, renderNetworkFiles, type NetworkFiles } from './network-files.ts'
import { banScript } from './ban-script.ts'
import type { HostBans, HostNetwork } from './requests.ts'

/** Runs a program of the system to its end. */
export type Runner = (command: readonly [string, ...string[]]) => Promise<{ code: number; output: string }>

/** The places of the machine that are written or looked at; tests put them elsewhere. */
export interface MachinePaths {
  /** Folder of the root side on the data partition: /var/lib/branchline-host. */
  state: string
  /** Runtime folder of systemd-networkd: /run/systemd/network. */
  networkd: string
  /** /sys/class/net */
  interfaces: string
  /** /etc/localtime */
  localtime: string
  /** /usr/share/zoneinfo */
  zones: string
}

/** The places of a real machine. */
export const realPaths: MachinePaths = {
  state: '/var/lib/branchline-host',
  networkd: '/run/systemd/network',
  interfaces: '/sys/class/net',
  localtime: '/etc/localtime',
  zones: '/usr/share/zoneinfo',
}

/** File in the state folder that makes the next start the first one (systemd/branchline-identity). */
export const resetMark = 'factory-reset'

/** A machine of Linux, systemd and systemd-networkd. */
export class LinuxMachine implements Machine {
  readonly #paths: MachinePaths
  readonly #run: Runner

  constructor(needs: { paths: MachinePaths; run: Runner }) {
    this.#paths = needs.paths
    this.#run = needs.run
  }

  /** By way of the target: `systemctl reboot` asks logind, which a box does not have. */
  async reboot(): Promise<Outcome> {
    return this.#command([
      'systemctl',
      '--no-block',
      '--job-mode=replace-irreversibly',
      'start',
      'reboot.target',
    ])
  }

  async markForReset(): Promise<Outcome> {
    writeDurably(this.#paths.state, resetMark, '')
    return done
  }

  async setTimeZone(timeZone: string): Promise<Outcome> {
    if (!isZoneFile(join(this.#paths.zones, timeZone)))
      return refuse('This time zone is not known to the machine.')
    const kept = join(this.#paths.state, 'localtime')
    // Another owner's machine: its own tool knows where it keeps the time zone.
    if (!leadsTo(this.#paths.localtime, kept)) return this.#command(['timedatectl', 'set-timezone', timeZone])
    const temporary = `${kept}.new`
    rmSync(temporary, { force: true })
    symlinkSync(join(this.#paths.zones, timeZone), temporary)
    renameSync(temporary, kept)
    syncFolder(this.#paths.state)
    return done
  }

  async setBans(bans: HostBans): Promise<Outcome> {
    const script = banScript(bans)
    return script === '' ? done : this.#command(['nft', script])
  }

  async setNetwork(network: HostNetwork): Promise<Outcome> {
    const wired = this.#wiredPorts()
    if (wired.length === 0) return refuse('The machine has no wired network port.')
    if (network.interface !== undefined && !wired.includes(network.interface))
      return refuse(`The machine has no network port of that name; it has ${wired.join(', ')}.`)
    const single = network.static !== undefined || network.vlan !== undefined
    if (network.interface === undefined && single && wired.length > 1)
      return refuse(`The machine has several network ports, say which: ${wired.join(', ')}.`)
    const port = network.interface ?? (single ? wired[0] : undefined)
    const before = this.#ownFiles()
    const wanted = renderNetworkFiles(network, port)
    this.#replaceFiles(wanted)
    const outcome = await this.#reload({ from: before, to: wanted, wired })
    if (outcome.ok)
      return network.hostname === undefined
        ? outcome
        : this.#command(['hostnamectl', 'hostname', '--transient', network.hostname])
    this.#replaceFiles(before)
    const back = await this.#reload({ from: wanted, to: before, wired })
    return back.ok
      ? outcome
      : refuse(`${outcome.error} Nor could the earlier network be put back: switch the box off and on.`)
  }

  /** Makes networkd take over what stands in the files. A VLAN of before goes first: networkd makes devices, it removes none. */
  async #reload(change: { from: NetworkFiles; to: NetworkFiles; wired: string[] }): Promise<Outcome> {
    const kept = devicesIn(change.to)
    for (const device of devicesIn(change.from)) {
      if (!kept.includes(device) && existsSync(join(this.#paths.interfaces, device)))
        await this.#run(['networkctl', 'delete', device])
    }
    const reloaded = await this.#command(['networkctl', 'reload'])
    if (!reloaded.ok) return reloaded
    return this.#command(['networkctl', 'reconfigure', ...change.wired])
  }

  #wiredPorts(): string[] {
    const isWired = (name: string): boolean => {
      const folder = join(this.#paths.interfaces, name)
      if (!existsSync(join(folder, 'device')) || existsSync(join(folder, 'wireless'))) return false
      // ARPHRD_ETHER
      return readFileSync(join(folder, 'type'), 'utf8').trim() === '1'
    }
    return readdirSync(this.#paths.interfaces).filter(isWired).sort()
  }

  #ownFiles(): NetworkFiles {
    const { networkd } = this.#paths
    if (!existsSync(networkd)) return new Map()
    const names = readdirSync(networkd).filter((name) => name.startsWith(networkFilePrefix))
    return new Map(names.map((name) => [name, readFileSync(join(networkd, name), 'utf8')]))
  }

  #replaceFiles(files: NetworkFiles): void {
    const { networkd } = this.#paths
    mkdirSync(networkd, { recursive: true, mode: 0o755 })
    for (const name of this.#ownFiles().keys()) if (!files.has(name)) rmSync(join(networkd, name))
    for (const [name, text] of files) {
      const temporary = join(networkd, `.${name}.new`)
      writeFileSync(temporary, text, { mode: 0o644 })
      renameSync(temporary, join(networkd, name))
    }
  }

  async #command(command: readonly [string, ...string[]]): Promise<Outcome> {
    const { code, output } = await this.#run(command)
    if (code === 0) return done
    const last = output.trim().split('\n').at(-1) ?? ''
    const name = command[0] === 'nft' ? 'nft' : command.slice(0, 2).join(' ')
    return refuse(`${name} failed (${code})${last === '' ? '.' : `: ${last}`}`)
  }
}

/** True when `link` is a symbolic link whose own target is `target`, which need not exist yet. */
function leadsTo(link: string, target: string): boolean {
  return (
    (lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() ?? false) && readlinkSync(link) === target
  )
}

/** A compiled zone begins with TZif (RFC 9636); a folder such as `Europe` and a table such as `zone.tab` do not. */
function isZoneFile(path: string): boolean {
  let handle
  try {
    handle = openSync(path, 'r')
    const magic = Buffer.alloc(4)
    return readSync(handle, magic, 0, 4, 0) === 4 && magic.toString('latin1') === 'TZif'
  } catch {
    return false
  } finally {
    if (handle !== undefined) closeSync(handle)
  }
}

function writeDurably(folder: string, name: string, text: string): void {
  const temporary = join(folder, `.${name}.new`)
  rmSync(temporary, { force: true })
  const handle = openSync(temporary, 'wx', 0o600)
  try {
    writeFileSync(handle, text)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  renameSync(temporary, join(folder, name))
  syncFolder(folder)
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
