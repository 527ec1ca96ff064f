import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { checkUnits } from '../../image/check-units.ts'
import { root } from '#test/house/source-files.ts'
import { nodeFlags } from '#test/support/node-flags.ts'

const unitsDir = join(root, 'systemd')
const mainUnit = 'branchline.service'

function setting(unit: string, key: string): string[] {
  const text = readFileSync(join(unitsDir, unit), 'utf8').replaceAll('\\\n', ' ')
  return [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map((match) => match[1] as string)
}

t.test('systemd-analyze finds nothing to say about the units, and little exposure', async (t) => {
  const check = checkUnits({ unitsDir, systemRoot: '/' })
  t.equal(check.units.length, 5, check.units.join(' '))
  t.strictSame(check.complaints, [], check.version)
  for (const [unit, level] of check.exposure) t.ok(level <= 2.5, `${unit}: ${level}`)
  t.ok(check.exposure.has(mainUnit), `${mainUnit} was judged`)
})

t.test('the check sees a wrong key, a program that is missing and a unit that is open', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'branchline-wrong-units-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  cpSync(unitsDir, folder, { recursive: true })
  const wrong = '[Service]\nTypo=yes\nExecStart=relative/program\n'
  writeFileSync(join(folder, 'wrong.service'), wrong)
  writeFileSync(join(folder, 'open.service'), '[Service]\nExecStart=/usr/bin/open\n')
  const check = checkUnits({ unitsDir: folder, systemRoot: '/' })
  t.match(check.complaints.join('\n'), /wrong\.service.*Typo/)
  t.match(check.complaints.join('\n'), /wrong\.service.*relative\/program/)
  t.ok((check.exposure.get('open.service') ?? 0) > 8, 'a service without any fence')
})

t.test('the main unit keeps what the box needs', async (t) => {
  t.strictSame(setting(mainUnit, 'Type'), ['notify'])
  t.strictSame(setting(mainUnit, 'NotifyAccess'), ['all'], 'messages come from a helper program')
  t.strictSame(setting(mainUnit, 'User'), ['branchline'])
  t.strictSame(setting(mainUnit, 'Restart'), ['always'])
  t.strictSame(setting(mainUnit, 'RestartForceExitStatus'), ['75'], 'what main ends with for a restart')
  t.match(readFileSync(join(root, 'src/main.ts'), 'utf8'), /restartExitCode = 75/)
  t.ok(Number(setting(mainUnit, 'WatchdogSec')[0]) >= 30, 'room for a busy moment')
  t.strictSame(setting(mainUnit, 'MemoryDenyWriteExecute'), [], 'Node compiles as it runs')
  const [command = ''] = setting(mainUnit, 'ExecStart')
  const options = [...command.matchAll(/ (--[a-z-]+)(?= |$)/g)].map((match) => match[1] as string)
  const usage = execFileSync(process.execPath, [join(root, 'src/main.ts'), '--help'], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  t.ok(options.length >= 4, options.join(' '))
  for (const option of options) t.match(usage, `  ${option} `, `${option} is known to the box`)
})

t.test('the box runs with the same bounds of memory however it is started', async (t) => {
  t.match(nodeFlags().join(' '), /--max-old-space-size=\d+ --max-semi-space-size=\d+/)
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  for (const name of ['start', 'box'])
    t.ok(scripts[name]?.startsWith(`node ${nodeFlags().join(' ')} src/main.ts`), name)
})

t.test('the folders of the units are those of tmpfiles, and the user that of sysusers', async (t) => {
  const tmpfiles = readFileSync(join(unitsDir, 'tmpfiles.conf'), 'utf8')
  const requests = /--host-requests (\S+)/.exec(setting(mainUnit, 'ExecStart').join(' '))?.[1]
  t.match(tmpfiles, `d ${requests} 0700 branchline branchline`)
  for (const path of setting('branchline-host.path', 'PathExists'))
    t.match(path, new RegExp(`^${requests}/(reboot|factory-reset|network|time|bans)\\.json$`))
  t.equal(setting('branchline-host.path', 'PathExists').length, 5)
  t.match(setting('branchline-host.service', 'ExecStart').join(' '), `--requests ${requests}`)
  for (const path of setting('branchline-host.service', 'ReadWritePaths').join(' ').split(' '))
    t.match(tmpfiles, `d ${path} `, 'a path that is missing would keep the unit from starting')
  t.match(readFileSync(join(unitsDir, 'sysusers.conf'), 'utf8'), /^u! branchline /m)
})
