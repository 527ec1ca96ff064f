import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** What systemd-analyze says about the units of a folder. */
export interface UnitCheck {
  /** First line of `systemd-analyze --version`. */
  version: string
  /** Names of the units that were looked at. */
  units: string[]
  /** Everything that `verify` had to say; a clean check has none. */
  complaints: string[]
  /** Exposure level by service, 0 (none) to 10, from `security --offline`. */
  exposure: Map<string, number>
}

export interface UnitCheckOptions {
  /** Folder with the units. */
  unitsDir: string
  /** A root directory whose systemd-analyze is asked and whose own units ours refer to; `/` = this machine. */
  systemRoot: string
}

/**
 * Lays units into a root directory of their own, beside the system's own units and with a program at each path that an
 * Exec line names, and asks systemd-analyze about them: nothing is installed and nothing of this machine is touched.
 */
export function checkUnits({ unitsDir, systemRoot }: UnitCheckOptions): UnitCheck {
  mkdirSync(join(systemRoot, 'tmp'), { recursive: true })
  const root = mkdtempSync(join(systemRoot, 'tmp', 'branchline-units-'))
  try {
    const units = globSync('*.{service,path,socket,timer,target}', { cwd: unitsDir }).sort()
    const place = 'usr/lib/systemd/system'
    cpSync(join(systemRoot, place), join(root, place), { recursive: true, verbatimSymlinks: true })
    for (const unit of units) {
      cpSync(join(unitsDir, unit), join(root, place, unit))
      for (const program of programsIn(readFileSync(join(unitsDir, unit), 'utf8'))) putProgram(root, program)
    }
    // What the system's own units run is none of our business.
    for (const name of ['bin', 'sbin', 'lib']) symlinkSync(`usr/${name}`, join(root, name))
    mkdirSync(join(root, 'etc'), { recursive: true })
    writeFileSync(
      join(root, 'etc/passwd'),
      'root:x:0:0::/root:/bin/sh\nbranchline:x:990:990::/:/usr/sbin/nologin\n',
    )
    writeFileSync(join(root, 'etc/group'), 'root:x:0:\nbranchline:x:990:\ndialout:x:20:\n')
    return ask(systemRoot, root, units)
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

function ask(systemRoot: string, root: string, units: string[]): UnitCheck {
  const inside = systemRoot === '/' ? root : `/tmp/${basename(root)}`
  const prefix = systemRoot === '/' ? [] : ['chroot', systemRoot]
  const analyze = (...args: string[]): { status: number | null; text: string } => {
    const [program, ...rest] = [...prefix, 'systemd-analyze', ...args] as [string, ...string[]]
    const run = spawnSync(program, rest, {
      encoding: 'utf8',
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', SYSTEMD_COLORS: '0' },
    })
    return { status: run.status, text: `${run.stdout}${run.stderr}` }
  }
  const names = new Set(units)
  const verify = analyze('verify', `--root=${inside}`, '--man=no', ...units)
  const lines = verify.text.split('\n').filter((line) => line.trim() !== '')
  // Units of the system may refer to programs that this root does not have; a line about one of ours always names it.
  const complaints = lines.filter((line) => [...names].some((unit) => line.includes(unit)))
  if (verify.status !== 0 && complaints.length === 0)
    complaints.push(`verify ended with ${verify.status}`, ...lines)
  const exposure = new Map<string, number>()
  for (const unit of units.filter((name) => name.endsWith('.service'))) {
    const { text } = analyze('security', `--root=${inside}`, '--offline=true', '--no-pager', unit)
    const level = /Overall exposure level for \S+: ([\d.]+)/.exec(text)?.[1]
    // A unit that systemd cannot load has no level; nothing shields what it would run.
    exposure.set(unit, level === undefined ? 10 : Number(level))
  }
  return { version: analyze('--version').text.split('\n')[0] ?? '', units, complaints, exposure }
}

function programsIn(unit: string): string[] {
  return [...unit.matchAll(/^Exec\w+=[-@:+!]*(\/\S+)/gm)].map((match) => match[1] as string)
}

function putProgram(root: string, path: string): void {
  const file = join(root, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, '#!/bin/sh\n')
  chmodSync(file, 0o755)
}
