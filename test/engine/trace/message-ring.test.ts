import t from 'tap'
import { MessageRing, type RingLimits } from '#src/engine/trace/message-ring.ts'
import { SlabPool } from '#src/engine/trace/slab-pool.ts'
import { sampleFlow } from './sample-call.ts'

const flow = sampleFlow('udp', { host: '127.0.0.1', port: 5060 }, { host: '127.0.0.2', port: 5062 })
const asIs = (ms: number): number => ms

function body(index: number, length: number): Buffer {
  return Buffer.from(`${index}:`.padEnd(length, 'x').slice(0, Math.max(length, `${index}:`.length)))
}

t.test('gives messages back as they were, with size, time, direction and flow', async (t) => {
  const ring = new MessageRing(
    { firstBytes: 64, maxBytes: 4096, keepBytes: 0, maxMessageBytes: 100 },
    new SlabPool(),
  )
  const other = sampleFlow('tls', { host: '::1', port: 5061 }, { host: '2001:db8::2', port: 40000 })
  ring.append(Buffer.from('first'), false, 1.25, flow)
  ring.append(Buffer.alloc(500, 'y'), true, 2.5, other)
  const [first, second] = ring.read((ms) => ms + 1000)
  t.match(first, { atMs: 1001.25, sent: false, size: 5, flow: { protocol: 'udp', remoteHost: '127.0.0.2' } })
  t.equal(first?.bytes.toString(), 'first')
  t.match(second, { atMs: 1002.5, sent: true, size: 500, flow: { protocol: 'tls', remotePort: 40000 } })
  t.equal(second?.bytes.length, 100, 'of a long message only the beginning is kept')
  t.equal(ring.count, 2)
  t.equal(ring.lastAtMs, 2.5)
})

t.test('what is read does not change when the ring goes on', async (t) => {
  const ring = new MessageRing(
    { firstBytes: 128, maxBytes: 128, keepBytes: 0, maxMessageBytes: 64 },
    new SlabPool(),
  )
  ring.append(Buffer.from('before'), false, 0, flow)
  const [before] = ring.read(asIs)
  for (let index = 0; index < 20; index++) ring.append(Buffer.from('after!'), false, 1, flow)
  t.equal(before?.bytes.toString(), 'before')
})

t.test('for any sizes: never beyond its memory, the beginning kept, the latest without a gap', async (t) => {
  const shapes: RingLimits[] = [
    { firstBytes: 64, maxBytes: 1024, keepBytes: 0, maxMessageBytes: 300 },
    { firstBytes: 128, maxBytes: 2048, keepBytes: 300, maxMessageBytes: 500 },
    { firstBytes: 1024, maxBytes: 1024, keepBytes: 1, maxMessageBytes: 900 },
    { firstBytes: 100, maxBytes: 777, keepBytes: 200, maxMessageBytes: 200 },
  ]
  // A linear congruential generator: the same sizes in every run.
  let seed = 7
  const next = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return seed % below
  }
  let checked = 0
  for (const limits of shapes) {
    const ring = new MessageRing(limits, new SlabPool())
    for (let index = 0; index < 2_000; index++) {
      ring.append(body(index, next(400)), index % 2 === 0, index, flow)
      if (ring.bytes > limits.maxBytes) t.fail(`${ring.bytes} bytes used of ${limits.maxBytes}`)
      if (index % 37 !== 0) continue
      const messages = ring.read(asIs)
      const numbers = messages.map(({ atMs }) => atMs)
      for (const { atMs, bytes } of messages)
        if (!bytes.toString().startsWith(`${atMs}:`)) t.fail(`message ${atMs} is not its own`)
      if (messages.length !== ring.count || ring.count + ring.dropped !== index + 1)
        t.fail(`${messages.length} read, ${ring.count} counted, ${ring.dropped} dropped of ${index + 1}`)
      // One gap at most: between what is kept for ever and what is recent.
      const gaps = numbers.filter((number, at) => at > 0 && number !== (numbers[at - 1] ?? 0) + 1)
      if (gaps.length > 1) t.fail(`gaps before ${gaps.join(', ')}`)
      if (limits.keepBytes > 0 && numbers[0] !== 0) t.fail('the beginning is gone')
      if (numbers.at(-1) !== index) t.fail('the latest message is missing')
      checked++
    }
    t.ok(ring.dropped > 1000, `${ring.dropped} were pushed out`)
  }
  t.equal(checked, 4 * 55)
})

t.test('a sender with ever new ports under one Call-ID is not followed for ever', async (t) => {
  const ring = new MessageRing(
    { firstBytes: 64, maxBytes: 65_536, keepBytes: 0, maxMessageBytes: 64 },
    new SlabPool(),
  )
  for (let port = 1; port <= 300; port++) {
    const from = sampleFlow('udp', { host: '127.0.0.1', port: 5060 }, { host: '127.0.0.3', port })
    ring.append(Buffer.from('x'), false, port, from)
  }
  t.equal(ring.count, 250)
  t.equal(ring.dropped, 50)
  t.strictSame(
    ring.read(asIs).map(({ flow }) => flow.remotePort),
    Array.from({ length: 250 }, (_, index) => index + 1),
  )
})

t.test(
  'memory of a ring that grew or was released serves the next one, and shows it nothing old',
  async (t) => {
    const slabs = new SlabPool()
    const limits = { firstBytes: 64, maxBytes: 256, keepBytes: 0, maxMessageBytes: 64 }
    const ring = new MessageRing(limits, slabs)
    ring.append(Buffer.alloc(40, 'a'), false, 1, flow)
    ring.append(Buffer.alloc(40, 'b'), false, 2, flow)
    t.equal(slabs.spareBytes, 64, 'what it began with')
    const next = new MessageRing(limits, slabs)
    t.equal(slabs.spareBytes, 0, 'the next one has it')
    t.strictSame(next.read(asIs), [])
    t.equal(ring.read(asIs)[0]?.bytes.toString(), 'a'.repeat(40))
    const growing = ring.bytes
    ring.release()
    ring.release()
    t.equal(slabs.spareBytes, growing, 'given back once')
    ring.append(Buffer.from('late'), false, 3, flow)
    t.match(ring, { bytes: 0, count: 0 }, 'and takes nothing any more')
    t.strictSame(ring.read(asIs), [])
  },
)
