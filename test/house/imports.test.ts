import t from 'tap'
import { sourceFiles } from './source-files.ts'

const files = sourceFiles('src')
const foundation = ['base', 'model', 'store', 'microsoft', 'host', 'sip', 'sdp', 'rtp', 'media']

/** Folder of src -> folders it may import besides itself. What is not listed is forbidden. */
const mayImport: Record<string, string[]> = {
  base: [],
  sip: ['base'],
  // An a=crypto line carries an SRTP key, and rtp says which suites there are.
  sdp: ['base', 'rtp'],
  rtp: ['base'],
  engine: ['base', 'sip'],
  media: ['base', 'sdp', 'rtp'],
  model: ['base'],
  store: ['base', 'model'],
  microsoft: ['base', 'model'],
  host: ['base', 'model', 'store'],
  // Runs as root, beside the box: nothing of npm and next to nothing of ours.
  'host-agent': ['base'],
  devices: ['base', 'model'],
  pbx: foundation,
  signin: foundation.concat('pbx'),
  settings: foundation,
  health: ['base', 'model'],
  dect: foundation.concat('devices'),
  provisioning: foundation.concat('devices'),
  onboarding: foundation.concat('devices', 'pbx'),
  console: foundation.concat('health'),
  api: foundation.concat(
    ...['pbx', 'signin', 'settings', 'health', 'devices', 'dect', 'provisioning', 'onboarding'],
  ),
  lab: foundation.concat('engine', 'pbx'),
  appliance: foundation.concat(
    ...['engine', 'pbx', 'signin', 'settings', 'health', 'api'],
    ...['devices', 'dect', 'provisioning', 'onboarding', 'console'],
  ),
}

/** Single files across a fence, each with its reason. */
const exceptions: Record<string, string> = {
  // Sign-in satisfies the port that its consumer, the call side, declares: the port file only.
  'signin -> pbx': 'src/pbx/ports.ts',
  // So does enrolment by a dialled code.
  'onboarding -> pbx': 'src/pbx/ports.ts',
  // The lab's Teams is a drachtio-srf application as well and is joined to its engine by the same file.
  'lab -> pbx': 'src/pbx/connect-srf.ts',
}

function folderOf(path: string): string {
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? ''
}

t.test('folders import only what the table of the house allows', async (t) => {
  let checked = 0
  for (const file of files) {
    const from = folderOf(file.path)
    if (from === '') continue
    t.ok(mayImport[from], `src/${from} stands in the table`)
    for (const target of file.imports) {
      const to = folderOf(target)
      checked++
      if (to === from) continue
      if (!mayImport[from]?.includes(to)) t.fail(`${file.path} must not import ${target}`)
      const only = exceptions[`${from} -> ${to}`]
      if (only && target !== only) t.fail(`${file.path} may import only ${only} of ${to}, not ${target}`)
    }
  }
  t.ok(checked > 50, `${checked} imports were checked`)
})

t.test('single fences hold', async (t) => {
  for (const file of files) {
    const uses = (name: string): boolean =>
      file.packages.some((used) => used === name || used.startsWith(`${name}/`))
    if (file.path.startsWith('src/engine/') && uses('drachtio-srf'))
      t.fail(`${file.path}: the engine knows the wire, not srf`)
    if (/^src\/(sip|sdp|rtp)\//.test(file.path)) {
      for (const name of ['node:net', 'node:dgram', 'node:tls', 'node:fs', 'node:timers']) {
        if (uses(name)) t.fail(`${file.path} is pure, it must not import ${name}`)
      }
    }
    if (/^src\/media\/embedded\/worker\//.test(file.path)) {
      for (const target of file.imports) {
        if (!/^src\/(base|rtp|media\/embedded\/(worker|protocol))/.test(target)) {
          t.fail(`${file.path} is the hot path, it must not import ${target}`)
        }
      }
    }
    const importsLab = file.imports.some((target) => target.startsWith('src/lab/'))
    if (importsLab && !file.path.startsWith('src/lab/') && file.path !== 'src/main.ts') {
      t.fail(`${file.path}: only main starts the lab`)
    }
    if (file.imports.some((target) => target.startsWith('test/'))) t.fail(`${file.path} imports a test`)
  }
  t.pass('all files were looked at')
})

t.test('there is no import cycle', async (t) => {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const state = new Map<string, 'open' | 'done'>()
  const visit = (path: string, trail: string[]): void => {
    if (state.get(path) === 'done') return
    if (state.get(path) === 'open') {
      t.fail(`cycle: ${[...trail.slice(trail.indexOf(path)), path].join(' -> ')}`)
      return
    }
    state.set(path, 'open')
    for (const target of byPath.get(path)?.imports ?? []) visit(target, [...trail, path])
    state.set(path, 'done')
  }
  for (const file of files) visit(file.path, [])
  t.equal(state.size >= files.length, true, 'every file was visited')
})
