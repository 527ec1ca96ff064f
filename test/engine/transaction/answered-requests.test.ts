import t from 'tap'
import { AnsweredRequests } from '#src/engine/transaction/answered-requests.ts'
import { systemRandom } from '#src/base/random.ts'
import { FakeClock } from '#test/support/fake-clock.ts'

const lifetimeMs = 32_000

function ring(maxBytes?: number) {
  const clock = new FakeClock()
  const answered = new AnsweredRequests({
    clock,
    random: systemRandom,
    lifetimeMs,
    ...(maxBytes === undefined ? {} : { maxBytes }),
  })
  return { clock, answered }
}

const keep = (answered: AnsweredRequests, key: string, answer: Buffer): boolean =>
  answered.keep(answered.hashOf(key), key, answer)
const find = (answered: AnsweredRequests, key: string): Buffer | undefined =>
  answered.find(answered.hashOf(key), key)
const answerTo = (key: string): Buffer => Buffer.from(`SIP/2.0 200 OK to ${key}`)

t.test('an answer is found for at least timer J, and by its own key only', async (t) => {
  const { clock, answered } = ring()
  const keys = Array.from({ length: 3_000 }, (_, index) => `z9hG4bK${index}|phone${index}:5060|REGISTER`)
  for (const [index, key] of keys.entries()) {
    t.ok(keep(answered, key, answerTo(key)))
    // They come all through three seconds, over the turn of a stretch.
    if (index % 100 === 99) clock.advance(300)
  }
  t.equal(answered.size, 3_000)
  const wrong = keys.filter((key) => !find(answered, key)?.equals(answerTo(key)))
  t.strictSame(wrong, [])
  for (const other of ['', 'z9hG4bK0', 'z9hG4bK0|phone0:5060|register', `${keys[0]} `]) {
    t.equal(find(answered, other), undefined, other)
  }
  clock.advance(lifetimeMs - 9_000)
  t.ok(find(answered, keys[0] as string), 'the first one is 32 s old')
  clock.advance(9_000 - 1)
  t.ok(find(answered, keys[2_999] as string), 'and the last one a moment less')
  clock.advance(9_000)
  t.equal(find(answered, keys[0] as string), undefined)
  clock.advance(2 * lifetimeMs)
  t.equal(answered.size, 0)
  t.equal(clock.pending, 0, 'no timer runs for nothing')
})

t.test('an answer is kept as it was, and given away as a copy', async (t) => {
  const { answered } = ring()
  const answer = Buffer.from([0, 255, 13, 10, 200])
  keep(answered, 'schlüssel|\u{1f4de}', answer)
  answer.fill(1)
  find(answered, 'schlüssel|\u{1f4de}')?.fill(2)
  t.strictSame(find(answered, 'schlüssel|\u{1f4de}'), Buffer.from([0, 255, 13, 10, 200]))
})

t.test('what is too large, or one too many, is refused and left to its owner', async (t) => {
  const { clock, answered } = ring(2 * 65_536)
  t.notOk(keep(answered, 'large', Buffer.alloc(65_536)))
  t.equal(find(answered, 'large'), undefined)
  let kept = 0
  while (keep(answered, `key ${kept}`, Buffer.alloc(1_000, kept))) kept++
  t.ok(kept > 100 && kept < 131, `${kept} of 1,000 bytes and more in 131,072`)
  t.notOk(keep(answered, 'another', Buffer.alloc(1_000)))
  clock.advance(2 * lifetimeMs)
  t.ok(keep(answered, 'another', Buffer.alloc(1_000)), 'there is room again')
  t.equal(answered.size, 1)
})

t.test('keys that meet in one hash are told apart; a heap of them is refused', async (t) => {
  const { answered } = ring()
  // 65,536 short keys in 2^30 hashes: two of them meet by chance now and then, and nobody is taken for another.
  const keyOf = (at: number): string => String.fromCharCode(at)
  let refused = 0
  for (let at = 0; at < 65_536; at++) if (!keep(answered, keyOf(at), Buffer.from([at, at >> 8]))) refused++
  t.equal(refused, 0)
  let mistaken = 0
  for (let at = 0; at < 65_536; at++) {
    if (find(answered, keyOf(at))?.equals(Buffer.from([at, at >> 8])) !== true) mistaken++
  }
  t.equal(mistaken, 0)
  // The same key again and again has the same hash each time.
  let times = 0
  while (times < 100 && keep(answered, 'twice', Buffer.from(String(times)))) times++
  t.equal(times, 8)
  t.same(find(answered, 'twice'), Buffer.from('7'), 'the last one counts')
})

t.test('clear leaves nothing', async (t) => {
  const { clock, answered } = ring()
  keep(answered, 'a', answerTo('a'))
  answered.clear()
  t.match([answered.size, find(answered, 'a'), clock.pending], [0, undefined, 0])
})
