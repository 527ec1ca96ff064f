import t from 'tap'
import { SlabPool } from '#src/engine/trace/slab-pool.ts'

t.test('gives memory of the size that was given back, and only of that size', async (t) => {
  const slabs = new SlabPool()
  const slab = slabs.take(4096)
  t.equal(slab.length, 4096)
  slabs.give(slab)
  t.equal(slabs.spareBytes, 4096)
  t.not(slabs.take(8192), slab)
  t.equal(slabs.take(4096), slab)
  t.not(slabs.take(4096), slab, 'to one only')
  t.equal(slabs.spareBytes, 0)
})

t.test('keeps a mebibyte ready at most', async (t) => {
  const slabs = new SlabPool()
  for (let index = 0; index < 300; index++) slabs.give(Buffer.allocUnsafeSlow(4096))
  t.equal(slabs.spareBytes, 1024 * 1024)
  slabs.clear()
  t.equal(slabs.spareBytes, 0)
})
