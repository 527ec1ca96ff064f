// npm run image: builds a bootable x86-64 disk image of the appliance, unattended, on a Debian machine with root.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  createReadStream,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { stageApplianceTree } from './appliance-tree.ts'
import { checkUnits } from './check-units.ts'
import { consoleSteps, runLogged } from './console-steps.ts'
import { prepareToolsTree, writeAptSources } from './tools-tree.ts'

const here = import.meta.dirname
const { values } = parseArgs({
  options: {
    source: { type: 'string', default: resolve(here, '..') },
    mirror: { type: 'string', default: 'http://deb.debian.org/debian' },
    out: { type: 'string', default: join(here, 'out') },
    cache: { type: 'string', default: join(here, '.cache') },
  },
})

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

async function main(): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('Building an image needs root: try again with sudo.')
  const root = resolve(values.source)
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  const cacheDir = resolve(values.cache)
  const outDir = resolve(values.out)
  const logFile = join(cacheDir, 'build.log')
  for (const folder of [cacheDir, outDir, ...['mkosi', 'apt', 'work'].map((name) => join(cacheDir, name))])
    mkdirSync(folder, { recursive: true })
  writeFileSync(logFile, '')
  const { step, elapsedS } = consoleSteps()
  process.stdout.write(`Branchline ${version}: image for x86-64, log in ${logFile}\n`)

  const toolsTree = await step('Tools of Debian 13 (kept in the cache)', () =>
    prepareToolsTree({ cacheDir, mirror: values.mirror, logFile }),
  )
  await step('Units: systemd-analyze of the image’s own systemd', () => {
    const {
      version: systemd,
      complaints,
      exposure,
    } = checkUnits({
      unitsDir: join(root, 'systemd'),
      systemRoot: toolsTree,
    })
    if (complaints.length > 0) throw new Error(`The units are not clean:\n${complaints.join('\n')}`)
    process.stdout.write(
      `  ${systemd}: clean; exposure ${[...exposure].map(([unit, level]) => `${unit} ${level}`).join(', ')}\n`,
    )
  })
  const stage = await step('Our tree: program, packages, Node, units', () =>
    stageApplianceTree({ root, cacheDir, toolsTree, logFile }),
  )
  await step('Image: Debian packages, verified root, boot loader, partitions', async () => {
    for (const name of readdirSync(outDir)) rmSync(join(outDir, name), { recursive: true, force: true })
    await runLogged(
      [
        '/usr/bin/python3',
        '-m',
        'mkosi',
        `--directory=${here}`,
        `--tools-tree=${toolsTree}`,
        `--sandbox-tree=${writeAptSources(cacheDir, values.mirror)}`,
        `--extra-tree=${stage}`,
        `--image-version=${version}`,
        `--output-directory=${outDir}`,
        `--cache-directory=${join(cacheDir, 'mkosi')}`,
        `--package-cache-dir=${join(cacheDir, 'apt')}`,
        `--workspace-directory=${join(cacheDir, 'work')}`,
        '--build-sources=',
        '--incremental=yes',
        '--force',
        'build',
      ],
      {
        logFile,
        env: { PYTHONPATH: join(toolsTree, 'usr/lib/python3/dist-packages'), PYTHONDONTWRITEBYTECODE: '1' },
      },
    )
  })
  await step('Checksums', async () => {
    const lines: string[] = []
    for (const name of readdirSync(outDir).sort()) {
      const path = join(outDir, name)
      if (statSync(path).isFile()) lines.push(`${await sha256(path)}  ${name}`)
    }
    writeFileSync(join(outDir, 'SHA256SUMS'), `${lines.join('\n')}\n`)
  })
  process.stdout.write(
    `\n${execFileSync('ls', ['-lhs', outDir], { encoding: 'utf8' })}\nBuilt in ${elapsedS()} s.\n`,
  )
}

try {
  await main()
} catch (error) {
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
