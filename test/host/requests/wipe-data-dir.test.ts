import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { refuseForeignDir, wipeDataDir } from '#src/host/requests/wipe-data-dir.ts'

t.test('what the box made goes, what somebody else put there stays', async (t) => {
  const dir = t.testdir({
    'branchline.db': 'x',
    'branchline.db-wal': 'x',
    'seal.key': 'x',
    'network.json': '{}',
    backup: { 'a.db': 'x' },
    lab: { people: { 'anna.json': 'x' } },
    'notes.txt': 'mine',
    photos: { 'cat.jpg': 'x' },
  })
  wipeDataDir(dir)
  t.strictSame(readdirSync(dir).sort(), ['notes.txt', 'photos'])
  t.throws(
    () => wipeDataDir(dir),
    { code: 'DATA_DIR_UNUSABLE' },
    'and a second time there is nothing of ours',
  )
})

t.test('links are removed, never followed', async (t) => {
  const root = t.testdir({ data: { 'seal.key': 'x' }, precious: { 'file.txt': 'x' }, 'other.db': 'x' })
  symlinkSync(join(root, 'precious'), join(root, 'data', 'backup'))
  symlinkSync(join(root, 'other.db'), join(root, 'data', 'branchline.db'))
  wipeDataDir(join(root, 'data'))
  t.strictSame(readdirSync(join(root, 'data')), [])
  t.ok(existsSync(join(root, 'precious', 'file.txt')))
  t.ok(existsSync(join(root, 'other.db')))
})

t.test('a directory in which no box lived is refused', async (t) => {
  const root = t.testdir({
    home: { 'letter.txt': 'x', backup: { 'disk.img': 'x' }, lab: {} },
    file: 'x',
    mine: { 'seal.key': 'x' },
  })
  mkdirSync(join(root, 'links'))
  symlinkSync(join(root, 'mine'), join(root, 'links', 'data'))
  for (const [dir, reason] of [
    [join(root, 'home'), /no box has lived there/],
    [join(root, 'missing'), /ENOENT/],
    [join(root, 'file'), /not a directory/],
    [join(root, 'links', 'data'), /not a directory of its own/],
    ['/', /no box has lived there/],
  ] as const) {
    t.throws(() => refuseForeignDir(dir), { code: 'DATA_DIR_UNUSABLE', details: { reason } }, dir)
    t.throws(() => wipeDataDir(dir), { code: 'DATA_DIR_UNUSABLE' }, dir)
  }
  t.ok(existsSync(join(root, 'home', 'backup', 'disk.img')))
  writeFileSync(join(root, 'home', 'seal.key'), 'x')
  t.doesNotThrow(() => refuseForeignDir(join(root, 'home')))
})
