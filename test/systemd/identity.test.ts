import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { root } from '#test/house/source-files.ts'

/** Stands for the host's encryption, which would leave a key on the machine that tests run on. */
const fakeCreds = `#!/bin/sh
[ "$1 $2 $3 $4" = "encrypt --with-key=host --name=branchline-seal-key -" ] || exit 64
printf 'sealed:' > "$5"
od -An -tx1 | tr -d ' \\n' >> "$5"
`

function prepare(t: { teardown(release: () => void): void }) {
  const folder = mkdtempSync(join(tmpdir(), 'branchline-identity-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const state = join(folder, 'state')
  const data = join(folder, 'data')
  for (const path of [state, data, join(folder, 'bin')]) mkdirSync(path)
  const put = (name: string, text: string): void => {
    writeFileSync(join(folder, 'bin', name), text)
    chmodSync(join(folder, 'bin', name), 0o755)
  }
  put('systemd-creds', fakeCreds)
  put('journalctl', `#!/bin/sh\necho "$@" >> ${join(folder, 'journalctl.log')}\n`)
  const credential = join(state, 'seal-key.cred')
  return {
    folder,
    state,
    data,
    credential,
    put,
    sealed: () => readFileSync(credential, 'utf8'),
    run: () =>
      spawnSync(join(root, 'systemd/branchline-identity'), {
        encoding: 'utf8',
        env: { PATH: `${join(folder, 'bin')}:/usr/bin:/bin`, STATE_DIRECTORY: state, BRANCHLINE_DATA: data },
      }),
  }
}

t.test('the first start makes a key of 32 bytes, later ones leave it alone', async (t) => {
  const box = prepare(t)
  t.equal(box.run().status, 0)
  const first = box.sealed()
  t.match(first, /^sealed:[0-9a-f]{64}$/)
  t.equal(statSync(box.credential).mode & 0o777, 0o600)
  t.equal(box.run().status, 0)
  t.equal(box.sealed(), first)
  const other = prepare(t)
  other.run()
  t.not(other.sealed(), first, 'no two boxes have the same key')
})

t.test('no new key is made beside a database that another key sealed', async (t) => {
  const box = prepare(t)
  writeFileSync(join(box.data, 'branchline.db'), 'x')
  const run = box.run()
  t.equal(run.status, 1)
  t.match(run.stderr, /put it back, or reset the box/)
  t.notOk(existsSync(box.credential))
})

t.test('an encryption that fails leaves no key behind', async (t) => {
  const box = prepare(t)
  box.put('systemd-creds', '#!/bin/sh\necho half > "$5"\nexit 1\n')
  t.not(box.run().status, 0)
  t.notOk(existsSync(box.credential))
})

t.test('a factory reset empties the data, makes a new key, and takes its mark away last', async (t) => {
  const box = prepare(t)
  box.run()
  const before = box.sealed()
  mkdirSync(join(box.data, 'lab'))
  for (const name of ['branchline.db', 'branchline.db-wal', 'lab/key.pem', '.hidden'])
    writeFileSync(join(box.data, name), 'secret')
  const outside = join(box.folder, 'outside')
  mkdirSync(outside)
  writeFileSync(join(outside, 'kept'), 'kept')
  symlinkSync(outside, join(box.data, 'link'))
  writeFileSync(join(box.state, 'machine-id'), 'abc')
  writeFileSync(join(box.state, 'factory-reset'), '')
  const run = box.run()
  t.equal(run.status, 0, run.stderr)
  t.strictSame(readdirSync(box.data), [], 'nothing is left, not even hidden files')
  t.equal(readFileSync(join(outside, 'kept'), 'utf8'), 'kept', 'a link is removed, not followed')
  t.not(box.sealed(), before, 'what a copy of the old data holds can no longer be opened')
  t.strictSame(
    readdirSync(box.state).sort(),
    ['machine-id', 'seal-key.cred'],
    'the machine stays the machine',
  )
  t.match(readFileSync(join(box.folder, 'journalctl.log'), 'utf8'), /--rotate --vacuum-time/)
})

t.test('a reset that was cut short is finished by the next start', async (t) => {
  const box = prepare(t)
  box.run()
  writeFileSync(join(box.data, 'branchline.db'), 'secret')
  writeFileSync(join(box.state, 'factory-reset'), '')
  // The key is gone, the data are not: as after a power cut in the middle.
  rmSync(box.credential)
  t.equal(box.run().status, 0)
  t.strictSame(readdirSync(box.data), [])
  t.match(box.sealed(), /^sealed:/)
})
