import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { ownText } from '#src/base/own-text.ts'

t.test('the text is the same, whatever stands in it', async (t) => {
  for (const text of [
    '',
    'short',
    'z9hG4bK-a-branch-of-some-length',
    'Grüße aus Köln am Rhein',
    '☎'.repeat(20),
    'half \ud83d of a pair',
    '\0'.repeat(30),
  ]) {
    t.equal(ownText(text), text, JSON.stringify(text))
  }
})

t.test('a part does not hold the whole', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const heapMb = (): number => {
    collect()
    return process.memoryUsage().heapUsed / 2 ** 20
  }
  const message = (): string => Buffer.alloc(64 * 1024, 'x').toString('latin1')
  const before = heapMb()
  const parts = Array.from({ length: 200 }, () => message().slice(100, 140))
  const held = heapMb() - before
  const own = parts.map(ownText)
  parts.length = 0
  const kept = heapMb() - before
  t.ok(held > 10, `parts hold ${held.toFixed(1)} MB`)
  t.ok(kept < 1, `copies ${kept.toFixed(1)} MB`)
  t.equal(own.length, 200)
})
