import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { listBackups, restoreBackup } from '#src/store/backup.ts'
import { ApplianceError } from '#src/base/errors.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { openTestStore, someCall, someUser, temporaryDirectory } from './store-fixture.ts'

/** A closed store with a few hundred calls, so that the file has pages to damage. */
async function filledDirectory(t: { teardown(release: () => Promise<void> | void): void }): Promise<string> {
  const dataDir = temporaryDirectory(t)
  const store = openTestStore(t, { dataDir })
  store.users.save(someUser())
  const calls = Array.from({ length: 300 }, (_, index) =>
    someCall({ id: `call${index}`, startedAtMs: index }),
  )
  await Promise.all(calls.map((call) => store.callLog.add(call)))
  await store.close()
  return dataDir
}

function openFails(t: Parameters<typeof openTestStore>[0], dataDir: string): ApplianceError {
  try {
    openTestStore(t, { dataDir })
  } catch (error) {
    if (error instanceof ApplianceError) return error
    throw error
  }
  throw new Error('the store opened')
}

const damages: [string, (path: string) => void][] = [
  [
    'a file that is no database',
    (path) => writeFileSync(path, 'this is not a database, it is a letter '.repeat(200)),
  ],
  ['a truncated file', (path) => truncateSync(path, 3 * 4096 + 100)],
  ['an emptied file', (path) => truncateSync(path, 0)],
  [
    'overwritten pages',
    (path) => {
      const handle = openSync(path, 'r+')
      for (let page = 2; page < 12; page++) writeSync(handle, Buffer.alloc(2048, 0xa5), 0, 2048, page * 4096)
      closeSync(handle)
    },
  ],
]

for (const [name, damage] of damages) {
  t.test(`${name}: refused, left as it is, and the backup copy leads back`, async (t) => {
    const dataDir = await filledDirectory(t)
    const path = join(dataDir, 'branchline.db')
    damage(path)
    const bytes = readFileSync(path)
    const error = openFails(t, dataDir)
    t.equal(error.code, 'STORE_CORRUPT')
    t.equal(error.details['file'], path)
    t.ok(readFileSync(path).equals(bytes), 'same bytes')
    const [backup] = listBackups(join(dataDir, 'backup'))
    t.type(backup, 'string')
    t.match(error.advice, backup)
    t.equal(readdirSync(join(dataDir, 'backup')).length, 1, 'looking at the copy leaves nothing beside it')

    t.equal(restoreBackup({ dataDir, atMs: 42 }), backup)
    t.ok(readFileSync(`${path}.damaged-42`).equals(bytes), 'the damaged file is kept')
    const store = openTestStore(t, { dataDir })
    t.equal(store.callLog.count(), 300)
    t.strictSame(store.users.find('u1'), someUser())
  })
}

t.test('without a copy the advice says how to start empty; a damaged copy is not offered', async (t) => {
  const dataDir = await filledDirectory(t)
  const path = join(dataDir, 'branchline.db')
  for (const backup of listBackups(join(dataDir, 'backup'))) writeFileSync(backup, 'no database')
  writeFileSync(path, 'no database either')
  t.match(openFails(t, dataDir).advice, /no backup copy.*start empty/)
  t.throws(() => restoreBackup({ dataDir, atMs: 1 }), { code: 'NOT_FOUND' })
  t.equal(readFileSync(path, 'utf8'), 'no database either')
})

t.test('a copy is made once a day and the latest three are kept', async (t) => {
  const dataDir = temporaryDirectory(t)
  const clock = new FakeClock(Date.now())
  const store = openTestStore(t, { dataDir, clock })
  const folder = join(dataDir, 'backup')
  const made: string[] = []
  for (let day = 0; day < 5; day++) {
    await clock.run(day === 0 ? 3_600_000 : 25 * 3_600_000, 3_600_000)
    await until(() => listBackups(folder)[0] !== made.at(-1))
    made.push(listBackups(folder)[0] ?? '')
  }
  t.strictSame(listBackups(folder), made.slice(2).reverse())
  t.notOk(readdirSync(folder).some((name) => name.endsWith('.partial')))
  const before = listBackups(folder)
  await store.close()
  t.strictSame(listBackups(folder), before, 'none at close when there is one of the day')
  t.ok(existsSync(join(dataDir, 'branchline.db')))
})

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setImmediate(resolve))
}
