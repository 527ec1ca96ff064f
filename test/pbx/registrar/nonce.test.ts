import { createHmac } from 'node:crypto'
import t from 'tap'
import { systemRandom } from '#src/base/random.ts'
import { NonceBook } from '#src/pbx/registrar/nonce.ts'
import { FakeClock } from '#test/support/fake-clock.ts'

function book() {
  const clock = new FakeClock()
  return { clock, nonces: new NonceBook({ clock, random: systemRandom }) }
}

t.test('a nonce is good for five minutes and only if we made it', async (t) => {
  const { clock, nonces } = book()
  const nonce = nonces.issue('192.0.2.7')
  t.equal(nonces.judge(nonce, 1), 'fresh')
  t.not(nonces.issue('192.0.2.7'), nonce, 'two nonces of one moment differ')
  clock.advance(300_000)
  t.equal(nonces.judge(nonce, 1), 'fresh')
  clock.advance(1)
  t.equal(nonces.judge(nonce, 1), 'stale')

  const other = book().nonces.issue('192.0.2.7')
  const flipped = `${nonce.slice(0, -1)}${nonce.endsWith('A') ? 'B' : 'A'}`
  for (const forged of [other, flipped, '', 'abc', `${nonce}A`, ` ${nonce}`, 'é'.repeat(40)]) {
    t.equal(nonces.judge(forged, 1), 'forged', JSON.stringify(forged))
  }
})

t.test('the signature is HMAC-SHA1 of time, number and address, cut to 16 bytes', async (t) => {
  const key = systemRandom.bytes(32)
  const random = {
    ...systemRandom,
    bytes: (length: number) => (length === 32 ? key : Buffer.alloc(length, 7)),
  }
  const clock = new FakeClock()
  const nonces = new NonceBook({ clock, random })
  for (const stepMs of [0, 1, 1000]) {
    clock.advance(stepMs)
    const bytes = Buffer.from(nonces.issue('192.0.2.7'), 'base64url')
    const tag = createHmac('sha1', key).update(bytes.subarray(0, 14)).digest().subarray(0, 16)
    t.same(bytes.subarray(14), tag)
    t.equal(bytes.readUIntBE(0, 6), clock.nowMs())
  }
})

t.test('a nonce judged good does not vouch for another', async (t) => {
  const { nonces } = book()
  const nonce = nonces.issue('192.0.2.7')
  t.equal(nonces.judge(nonce, 1), 'fresh')
  t.equal(nonces.judge(nonce, 1), 'fresh')
  t.equal(nonces.use(book().nonces.issue('192.0.2.7'), 1), 'forged')
  t.equal(nonces.use(nonce, 1), 'fresh')
})

t.test('a nonce that is no longer at hand is judged by its signature, and keeps its number', async (t) => {
  const { clock, nonces } = book()
  const first = nonces.issue('192.0.2.7')
  const issuedAtMs = clock.nowMs()
  // Also over the turn of the numbers, which begin anywhere.
  const others = new Set(Array.from({ length: 5_000 }, () => nonces.issue('192.0.2.7')))
  t.equal(others.size, 5_000)
  clock.advance(200_000)
  t.equal(nonces.use(first, 1), 'fresh')
  for (const nonce of others) nonces.judge(nonce, 1)
  t.equal(nonces.use(first, 1), 'replayed')
  t.equal(Buffer.from(first, 'base64url').readUIntBE(0, 6), issuedAtMs)
  for (let at = 0; at < first.length; at++) {
    const other = first[at] === 'B' ? 'C' : 'B'
    t.equal(nonces.judge(first.slice(0, at) + other + first.slice(at + 1), 1), 'forged', `character ${at}`)
  }
})

t.test('each count is good once, also when requests overtake each other', async (t) => {
  const { nonces } = book()
  const nonce = nonces.issue('192.0.2.7')
  t.equal(nonces.use(nonce, 1), 'fresh')
  t.equal(nonces.use(nonce, 1), 'replayed')
  t.equal(nonces.use(nonce, 4), 'fresh')
  t.equal(nonces.use(nonce, 3), 'fresh', 'overtaken, not used before')
  t.equal(nonces.use(nonce, 3), 'replayed')
  t.equal(nonces.use(nonce, 100), 'fresh')
  t.equal(nonces.use(nonce, 4), 'replayed')
  t.equal(nonces.use(nonce, 68), 'replayed', 'too far behind to tell')
  t.equal(nonces.use(nonce, 69), 'fresh', 'the last one inside the window')
  t.equal(nonces.use(nonce, 69), 'replayed')
  t.equal(nonces.use(nonce, 100), 'replayed')
})

t.test('judging remembers nothing', async (t) => {
  const { nonces } = book()
  const nonce = nonces.issue('192.0.2.7')
  nonces.judge(nonce, 1)
  t.equal(nonces.tracked, 0)
  t.equal(nonces.use(nonce, 1), 'fresh')
  t.equal(nonces.tracked, 1)
})

t.test('a full table forgets the older half without opening a replay', async (t) => {
  const { clock, nonces } = book()
  const first = nonces.issue('192.0.2.7')
  nonces.use(first, 1)
  for (let count = 0; count < 9_999; count++) nonces.use(nonces.issue('192.0.2.7'), 1)
  clock.advance(1)
  const unused = nonces.issue('192.0.2.7')
  const young = nonces.issue('192.0.2.7')
  nonces.use(young, 1)
  for (let count = 0; count < 9_999; count++) nonces.use(nonces.issue('192.0.2.7'), 1)
  t.equal(nonces.tracked, 20_000)
  t.equal(nonces.use(first, 1), 'replayed')
  clock.advance(1)
  const later = nonces.issue('192.0.2.7')
  t.equal(nonces.use(later, 1), 'fresh')
  t.equal(nonces.tracked, 10_001)
  t.equal(nonces.use(first, 1), 'stale', 'forgotten, so it is refused with a new challenge')
  t.equal(nonces.use(young, 1), 'replayed', 'the younger half is remembered')
  t.equal(nonces.use(unused, 1), 'fresh', 'younger than what was forgotten')
})

t.test('what was forgotten stays refused, also when an old nonce is used late', async (t) => {
  const { clock, nonces } = book()
  const fill = (): void => {
    for (let count = 0; count < 10_000; count++) nonces.use(nonces.issue('192.0.2.7'), 1)
  }
  const before = nonces.issue('192.0.2.7')
  clock.advance(10)
  fill()
  t.equal(nonces.use(before, 1), 'fresh', 'used late: it stands among younger ones')
  clock.advance(10)
  fill()
  fill()
  fill()
  t.ok(nonces.tracked <= 20_000)
  t.equal(nonces.use(before, 1), 'stale')
})

t.test('a table that has been full for long takes no longer than an empty one', async (t) => {
  const { nonces } = book()
  const timeOf = (count: number): number => {
    const startedMs = performance.now()
    for (let index = 0; index < count; index++) nonces.use(nonces.issue('192.0.2.7'), 1)
    return performance.now() - startedMs
  }
  // The best of many: what else the machine does must not decide.
  const best = (): number => Math.min(...Array.from({ length: 20 }, () => timeOf(250)))
  timeOf(4_000)
  const early = best()
  for (let round = 0; round < 6; round++) timeOf(10_000)
  // It was 30 times as long when each new nonce looked through the whole table for room.
  const late = best()
  t.ok(late < 8 * early, `${early} ms, then ${late} ms`)
})

t.test('a nonce tells whether this address received it', async (t) => {
  const { nonces } = book()
  const nonce = nonces.issue('2001:db8::7')
  t.ok(nonces.wasIssuedTo(nonce, '2001:db8::7'))
  t.notOk(nonces.wasIssuedTo(nonce, '192.0.2.7'))
  t.equal(nonces.judge(nonce, 1), 'fresh', 'and is good from anywhere')
})
