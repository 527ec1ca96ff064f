import { writeSync } from 'node:fs'
import { systemClock } from '#src/base/clock.ts'
import { silentLogger } from '#src/base/logger.ts'
import { openStore } from '#src/store/open-store.ts'
import { someBinding, someCall, someLine, someUser, testKey } from './store-fixture.ts'

/*
 * Writes under load until it is killed. Each acknowledged write is one line on stdout, written at once:
 * what stands there must be in the store afterwards.
 */
const [dataDir = '', round = '0'] = process.argv.slice(2)
const store = openStore({
  dataDir,
  sealKey: testKey,
  realm: 'branchline',
  clock: systemClock,
  logger: silentLogger,
})
const acknowledge = (...words: (string | number)[]): void => void writeSync(1, `${words.join(' ')}\n`)

async function register(aor: string): Promise<void> {
  for (let cseq = Number(round) * 1_000_000 + 1; ; cseq++) {
    await store.bindings.change(aor, 0, () => [someBinding({ aor, cseq })])
    acknowledge('binding', aor, cseq)
  }
}

async function call(worker: number): Promise<void> {
  for (let index = 0; ; index++) {
    const id = `r${round}w${worker}n${index}`
    await store.callLog.add(someCall({ id, startedAtMs: index }))
    acknowledge('call', id)
  }
}

async function administer(): Promise<void> {
  for (let index = 0; ; index++) {
    const lineId = `r${round}l${index}`
    store.lines.add(someLine({ id: lineId, username: lineId }), `password of ${lineId}`)
    acknowledge('line', lineId)
    store.signIns.save(
      { lineId, userId: 'u1', signedInAtMs: index, verifiedAtMs: index },
      someUser(),
      `token of ${lineId}`,
    )
    acknowledge('signIn', lineId)
    const stopGraceS = Number(round) * 100_000 + index
    store.settings.activate({ stopGraceS }, store.settings.active().etag)
    acknowledge('settings', stopGraceS)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

await Promise.all([
  ...Array.from({ length: 20 }, (_, index) => register(`line${index}`)),
  ...Array.from({ length: 5 }, (_, index) => call(index)),
  administer(),
])
