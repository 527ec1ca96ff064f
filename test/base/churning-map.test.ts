import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { ChurningMap } from '#src/base/churning-map.ts'

t.test('it is a map', async (t) => {
  const map = new ChurningMap<string, number>()
  const model = new Map<string, number>()
  let seed = 1
  for (let step = 0; step < 50_000; step++) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    const key = `key ${seed % 300}`
    // Phases in which more comes than goes, and the other way round.
    if (seed % 7 < (step % 5_000 < 2_500 ? 5 : 1)) {
      map.set(key, step)
      model.set(key, step)
    } else if (map.delete(key) !== model.delete(key)) t.fail(`delete ${key}`)
    if (map.size !== model.size || map.get(key) !== model.get(key) || map.has(key) !== model.has(key)) {
      t.fail(`step ${step}`)
    }
  }
  t.same([...map], [...model], 'also the order is that of a map')
  t.same([[...map.keys()], [...map.values()]], [[...model.keys()], [...model.values()]])
  map.clear()
  t.match([map.size, map.get('key 1'), [...map]], [0, undefined, []])
})

t.test('what was deleted does not survive a young collection', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void
  /** Bytes that young collections keep of 20,000 entries of which 64 are there at a time. */
  const kept = (map: Map<number, object> | ChurningMap<number, object>): number => {
    let next = 0
    const turn = (): void => {
      map.set(next, { payload: Array.from({ length: 100 }, () => next) })
      map.delete(next - 64)
      next++
    }
    for (let count = 0; count < 200; count++) turn()
    collect()
    collect()
    const before = process.memoryUsage().heapUsed
    for (let round = 0; round < 40; round++) {
      for (let count = 0; count < 500; count++) turn()
      collect({ type: 'minor' })
    }
    return process.memoryUsage().heapUsed - before
  }
  const [plain, churning] = [kept(new Map()), kept(new ChurningMap())]
  t.ok(churning * 3 < plain, `${churning} bytes where a plain map keeps ${plain}`)
})
