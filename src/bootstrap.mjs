// Runs before every npm script, on whatever Node (>= 20) the machine has: installs what is missing.
// Plain JavaScript without packages, because nothing is installed yet when it first runs.
//   (always)   npm packages, when node_modules is missing or older than package-lock.json
//   --web      the setup page's bundle, when web/dist is missing or older than its sources
//   --peers    the Debian packages of the foreign SIP peers that tests talk to
//   --image    the Debian packages that build the appliance image
//   --machine  the Debian packages that boot it
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const wanted = new Set(process.argv.slice(2))

const dpkgLists = '/var/lib/dpkg/info'

/** Debian packages of the peers. */
const peers = [
  'baresip-core',
  'sip-tester',
  'kamailio',
  'kamailio-tls-modules',
  'rtpengine-daemon',
  'chromium',
  'linphone-cli',
  'socat',
  'dnsmasq-base',
  'tcpdump',
  'tshark',
  'nftables',
  'iproute2',
  'python3',
  'systemd',
]

/** What `image/build.ts` begins with; everything else it brings itself, in a folder of its own. */
const imageBuilders = ['mmdebstrap', 'debian-archive-keyring', 'python3']

/** A virtual computer with UEFI, and what gives it a network of its own. */
const machineRunners = ['qemu-system-x86', 'ovmf', 'iproute2', 'e2fsprogs', 'erofs-utils']

function say(text) {
  process.stdout.write(`${text}\n`)
}

function fail(text) {
  process.stderr.write(`\n${text}\n`)
  process.exit(1)
}

function modifiedMs(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0
}

function newestMs(folder) {
  let newest = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === 'dist' || entry.name === 'node_modules') continue
    const path = join(folder, entry.name)
    newest = Math.max(newest, entry.isDirectory() ? newestMs(path) : modifiedMs(path))
  }
  return newest
}

function installPackages() {
  const stamp = join(root, 'node_modules', '.package-lock.json')
  const lock = join(root, 'package-lock.json')
  const node = join(root, 'node_modules', '.bin', 'node')
  if (existsSync(node) && modifiedMs(stamp) >= modifiedMs(lock)) return
  say('Installing packages (once; about half a minute) ...')
  const npm = process.env.npm_execpath
  const run = (...args) =>
    npm
      ? spawnSync(process.execPath, [npm, ...args], { cwd: root, stdio: 'inherit' })
      : spawnSync('npm', args, { cwd: root, stdio: 'inherit' })
  // Every native part comes ready in its package. npm would compile better-sqlite3 all the same, which needs Python
  // and a compiler, so no install script runs but that of `node`: it fetches the binary for this machine.
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error']
  if (run('ci', '--ignore-scripts', ...quiet).status !== 0 || run('rebuild', 'node', ...quiet).status !== 0) {
    fail('npm could not install the packages: the lines above say why. Then try again.')
  }
}

function buildWeb() {
  const built = join(root, 'web', 'dist', 'index.html')
  if (modifiedMs(built) >= newestMs(join(root, 'web'))) return
  const node = join(root, 'node_modules', '.bin', 'node')
  const run = spawnSync(node, [join(root, 'web', 'build.ts')], { cwd: root, stdio: 'inherit' })
  if (run.status !== 0) fail('The setup page could not be built: the lines above say why.')
}

function installDebianPackages(names, purpose) {
  // A package that may stand beside itself in several architectures carries its own in the name of the list.
  const installed = existsSync(dpkgLists)
    ? readdirSync(dpkgLists).map((file) => file.replace(/(:.*)?\.list$/, ''))
    : []
  const missing = names.filter((name) => !installed.includes(name))
  if (missing.length === 0) return
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  say(`Installing Debian packages ${purpose}: ${missing.join(' ')} ...`)
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const apt = (...args) =>
    spawnSync([...sudo, 'apt-get'][0], [...sudo, 'apt-get', ...args].slice(1), {
      env: environment,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    })
  apt('update', '-qq')
  // policy-rc.d keeps the daemons that come with the packages from starting: tests start their own.
  const policy = '/usr/sbin/policy-rc.d'
  const guarded = sudo.length === 0 && !existsSync(policy)
  if (guarded)
    execFileSync('sh', ['-c', `printf '#!/bin/sh\\nexit 101\\n' > ${policy} && chmod 755 ${policy}`])
  const run = apt('install', '-y', '-qq', '--no-install-recommends', ...missing)
  if (guarded) execFileSync('rm', ['-f', policy])
  if (run.status !== 0) {
    fail(`${run.stdout ?? ''}${run.stderr ?? run.error ?? ''}
These Debian packages are needed ${purpose}. Install them as root and try again:
  apt-get install --no-install-recommends ${missing.join(' ')}`)
  }
}

installPackages()
if (wanted.has('--web')) buildWeb()
const debian = [
  ...(wanted.has('--peers') ? peers : []),
  ...(wanted.has('--image') ? imageBuilders : []),
  ...(wanted.has('--machine') ? machineRunners : []),
]
if (debian.length > 0)
  installDebianPackages(debian, wanted.has('--image') ? 'that build the image' : 'that the tests talk to')
