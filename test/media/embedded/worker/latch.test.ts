import t from 'tap'
import { Latch } from '#src/media/embedded/worker/latch.ts'

const signalled = { host: '10.0.0.5', port: 4000 }

t.test('nothing is let in before a description', async (t) => {
  const latch = new Latch()
  t.equal(latch.admits('10.0.0.5', 4000), false)
  t.equal(latch.target, undefined)
})

t.test(
  'sends to the signalled address until a proven packet tells the true one, then holds it',
  async (t) => {
    const latch = new Latch()
    latch.open(signalled)
    t.same(latch.target, signalled)
    t.equal(latch.admits('203.0.113.1', 61_000), true, 'looking at it proves nothing yet')
    t.same(latch.target, signalled)
    t.equal(latch.prove('203.0.113.1', 61_000), true)
    t.same(latch.target, { host: '203.0.113.1', port: 61_000 })
    t.equal(latch.admits('203.0.113.1', 61_001), false)
    t.equal(latch.prove('198.51.100.1', 5), false)
  },
)

t.test(
  'a re-offer with the same address opens it and keeps sending; a new address is used at once',
  async (t) => {
    const latch = new Latch()
    latch.open(signalled)
    latch.prove('203.0.113.1', 61_000)
    t.equal(latch.expects(signalled), true)
    latch.open({ ...signalled })
    t.equal(latch.locked, false)
    t.same(latch.target, { host: '203.0.113.1', port: 61_000 })
    t.equal(latch.prove('203.0.113.1', 61_000), false, 'the same peer is no change')
    const moved = { host: '10.0.0.5', port: 4002 }
    t.equal(latch.expects(moved), false)
    latch.open(moved)
    t.same(latch.target, moved)
  },
)

t.test('a hold without address changes neither peer nor signalled address', async (t) => {
  const latch = new Latch()
  latch.open(signalled)
  latch.prove('203.0.113.1', 61_000)
  t.equal(latch.expects(undefined), true)
  latch.open(undefined)
  t.same(latch.signalled, signalled)
  t.same(latch.target, { host: '203.0.113.1', port: 61_000 })
})

t.test(
  'a source that fits the description better takes over; one that fits as well or worse never does',
  async (t) => {
    const latch = new Latch()
    latch.open(signalled)
    t.equal(latch.prove('203.0.113.9', 6666), true, 'a stranger came first')
    t.equal(latch.admits('198.51.100.1', 6666), false, 'a second stranger')
    t.equal(latch.admits('10.0.0.5', 4001), true, 'the host that was signalled')
    t.same(latch.target, { host: '203.0.113.9', port: 6666 }, 'nothing moves before the proof')
    t.equal(latch.prove('10.0.0.5', 4001), true)
    t.equal(latch.admits('203.0.113.9', 6666), false, 'the stranger is out')
    t.equal(latch.prove('203.0.113.9', 6666), false)
    t.equal(latch.prove('10.0.0.5', 4000), true, 'the very address')
    t.equal(latch.admits('10.0.0.5', 4001), false)
    t.equal(latch.prove('10.0.0.5', 4001), false)
    t.same(latch.peer, signalled)
    latch.open({ ...signalled })
    t.equal(latch.prove('203.0.113.1', 61_000), true, 'a new exchange opens it for everybody')
    t.equal(latch.prove('10.0.0.5', 4000), true)
  },
)
