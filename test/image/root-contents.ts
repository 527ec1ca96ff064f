import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from './checks.ts'

/** What a stranger could log in with, install with, or become root with. */
const absent = [
  'usr/sbin/sshd',
  'usr/bin/apt',
  'usr/bin/apt-get',
  'usr/bin/dpkg',
  'usr/bin/sudo',
  'usr/bin/npm',
  'usr/lib/branchline/node_modules/tap',
  'usr/lib/branchline/node_modules/typescript',
  'usr/lib/branchline/node_modules/esbuild',
  'usr/lib/branchline/test',
  'usr/lib/branchline/data',
]

interface Entry {
  path: string
  mode: number
}

/**
 * Takes the root file system of an image apart and holds it to its promises: nothing of one box is in it, nobody can
 * log in, nothing can be installed, and the units are the ones of the project.
 */
export function judgeRoot(options: { rootImage: string; projectRoot: string; folder: string }): string {
  const { rootImage, projectRoot, folder } = options
  const root = join(folder, 'root')
  execFileSync('fsck.erofs', [`--extract=${root}`, '--overwrite', rootImage], { stdio: 'pipe' })
  const read = (path: string): string => readFileSync(join(root, path), 'utf8')

  expect(['', 'uninitialized'].includes(read('etc/machine-id').trim()), 'the image has a machine id')
  expect(readdirSync(join(root, 'var')).length === 0, 'there is data in /var')
  const unlocked = read('etc/shadow')
    .split('\n')
    .filter((line) => line !== '' && !/^[^:]+:[!*]/.test(line))
  expect(unlocked.length === 0, `accounts with a password: ${unlocked.length}`)
  for (const path of absent) expect(!existsSync(join(root, path)), `/${path} is in the image`)

  const all = entries(root)
  const becoming = all.filter(({ mode }) => (mode & 0o6000) !== 0)
  expect(becoming.length === 0, `setuid: ${becoming.map(({ path }) => path).join(', ')}`)
  const keys = all
    .filter(
      ({ path }) =>
        /^(etc|usr\/lib\/branchline\/(src|systemd|web))\//.test(path) && /\.(key|pem|json|ts)$/.test(path),
    )
    .filter(({ path }) => /-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/]{40}/.test(read(path)))
  expect(keys.length === 0, `private keys: ${keys.map(({ path }) => path).join(', ')}`)

  const units = readdirSync(join(projectRoot, 'systemd')).filter((name) => /\.(service|path)$/.test(name))
  for (const unit of units) {
    const shipped = read(`usr/lib/systemd/system/${unit}`)
    expect(
      shipped === readFileSync(join(projectRoot, 'systemd', unit), 'utf8'),
      `${unit} is not the one of systemd/`,
    )
  }
  return `${all.length} files: no identity, no login, no package manager, no setuid, ${units.length} units as in systemd/`
}

function entries(root: string): Entry[] {
  const found: Entry[] = []
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    found.push({ path: path.slice(root.length + 1), mode: lstatSync(path).mode })
  }
  return found
}
