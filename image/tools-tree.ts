import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runLogged } from './console-steps.ts'

/** Debian 13 has the mkosi, repart and ukify that this image needs; the machine that builds may be older. */
const release = 'trixie'

const packages = [
  'apt',
  'binutils',
  'ca-certificates',
  'cpio',
  'cryptsetup-bin',
  'debian-archive-keyring',
  'dosfstools',
  'e2fsprogs',
  'erofs-utils',
  'fdisk',
  'kmod',
  'mkosi',
  'mtools',
  'openssl',
  'python3-pefile',
  'systemd-boot-efi',
  'systemd-boot-tools',
  'systemd-container',
  'systemd-repart',
  'systemd-ukify',
  'tar',
  'udev',
  'util-linux',
  'xz-utils',
  'zstd',
]

/** Makes the folder with the tools that build the image, or takes the one that an earlier build made. */
export async function prepareToolsTree(options: {
  cacheDir: string
  mirror: string
  logFile: string
}): Promise<string> {
  const { cacheDir, mirror, logFile } = options
  const tree = join(cacheDir, 'tools')
  const recipe = createHash('sha256')
    .update(JSON.stringify([release, packages]))
    .digest('hex')
  const stamp = join(cacheDir, 'tools.recipe')
  if (existsSync(tree) && existsSync(stamp) && readFileSync(stamp, 'utf8') === recipe) return tree
  const fresh = `${tree}.new`
  rmSync(fresh, { recursive: true, force: true })
  await runLogged(
    [
      'mmdebstrap',
      '--variant=apt',
      '--mode=root',
      '--aptopt=APT::Install-Recommends "false"',
      `--include=${packages.join(',')}`,
      release,
      fresh,
      mirror,
    ],
    { logFile },
  )
  rmSync(stamp, { force: true })
  rmSync(tree, { recursive: true, force: true })
  renameSync(fresh, tree)
  writeFileSync(stamp, recipe)
  return tree
}

/** Writes the package sources of the image for apt, in a folder tree of its own; returns that tree. */
export function writeAptSources(cacheDir: string, mirror: string): string {
  const tree = join(cacheDir, 'apt-sources')
  const folder = join(tree, 'etc/apt/sources.list.d')
  mkdirSync(folder, { recursive: true })
  const repository = (url: string, suites: string): string =>
    [
      'Types: deb',
      `URIs: ${url}`,
      `Suites: ${suites}`,
      'Components: main',
      'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg',
      '',
    ].join('\n')
  writeFileSync(
    join(folder, 'mkosi.sources'),
    [
      repository(mirror, `${release} ${release}-updates`),
      repository(`${mirror}-security`, `${release}-security`),
    ].join('\n'),
  )
  return tree
}
