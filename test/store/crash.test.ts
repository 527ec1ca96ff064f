import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { Store } from '#src/store/store.ts'
import { openTestStore, someDevice, temporaryDirectory } from './store-fixture.ts'

const rounds = 5
const writesPerRound = 400

/** Runs the writer until it has acknowledged so many writes, kills it, and returns everything it acknowledged. */
async function writeUntilKilled(dataDir: string, round: number): Promise<string[][]> {
  const writer = fileURLToPath(new URL('./crash-writer.ts', import.meta.url))
  const child = spawn(process.execPath, [writer, dataDir, String(round)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  const acknowledged: string[][] = []
  for await (const line of createInterface({ input: child.stdout })) {
    // A line shorter than PIPE_BUF reaches the pipe whole or not at all.
    acknowledged.push(line.split(' '))
    if (acknowledged.length === writesPerRound) child.kill('SIGKILL')
  }
  const [, signal] = (await closed) as [number | null, string | null]
  if (signal !== 'SIGKILL') throw new Error('the writer ended by itself')
  return acknowledged
}

/** How many of the acknowledged writes are missing from the store. */
function missing(store: Store, acknowledged: string[][]): string[] {
  const { stopGraceS = -1 } = store.settings.active().document as { stopGraceS?: number }
  return acknowledged
    .filter(([kind, name = '', value]) => {
      if (kind === 'binding') return !((store.bindings.find(name, 0)[0]?.cseq ?? 0) >= Number(value))
      if (kind === 'call') return store.callLog.find(name) === undefined
      if (kind === 'line') return store.lines.password(name) !== `password of ${name}`
      if (kind === 'signIn') {
        return store.signIns.tokenCache(name) !== `token of ${name}` || !store.signIns.forLine(name)
      }
      return stopGraceS < Number(name)
    })
    .map((words) => words.join(' '))
}

t.test('kill -9 under load, five times: every acknowledged write is there', async (t) => {
  const dataDir = temporaryDirectory(t)
  const prepared = openTestStore(t, { dataDir })
  prepared.devices.save(someDevice())
  await prepared.close()
  const everything: string[][] = []
  for (let round = 0; round < rounds; round++) {
    const acknowledged = await writeUntilKilled(dataDir, round)
    everything.push(...acknowledged)
    const kinds = new Set(acknowledged.map(([kind]) => kind))
    t.strictSame([...kinds].sort(), ['binding', 'call', 'line', 'settings', 'signIn'], 'load of every kind')
    const store = openTestStore(t, { dataDir })
    t.strictSame(missing(store, everything), [], `round ${round}: ${acknowledged.length} acknowledged writes`)
    t.equal(store.devices.find('d1')?.state, 'signed-in')
    await store.close()
  }
  t.ok(everything.length >= rounds * writesPerRound)
})
