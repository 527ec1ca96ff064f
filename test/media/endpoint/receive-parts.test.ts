import t from 'tap'
import { HeardAudio } from '#src/media/endpoint/heard-audio.ts'
import { ReorderBuffer } from '#src/media/endpoint/reorder-buffer.ts'
import { concatPcm, tone } from '#src/media/endpoint/tone-generator.ts'

function pass(sequences: number[], depth = 3): { out: number[]; lost: number } {
  const out: number[] = []
  const buffer = new ReorderBuffer<number>(depth, (packet) => out.push(packet))
  for (const sequence of sequences) buffer.push(sequence, sequence)
  return { out, lost: buffer.lost }
}

void t.test('packets in order pass at once, over the wrap of the number', async (t) => {
  t.same(pass([65534, 65535, 0, 1]), { out: [65534, 65535, 0, 1], lost: 0 })
})

void t.test('swapped packets are put in order', async (t) => {
  t.same(pass([1, 3, 2, 4]), { out: [1, 2, 3, 4], lost: 0 })
  t.same(pass([1, 4, 3, 2, 5]), { out: [1, 2, 3, 4, 5], lost: 0 })
})

void t.test('a gap is given up after `depth` later packets, and counted', async (t) => {
  t.same(pass([1, 3, 4]), { out: [1], lost: 0 })
  t.same(pass([1, 3, 4, 5]), { out: [1, 3, 4, 5], lost: 1 })
  t.same(pass([1, 5, 6, 7]), { out: [1, 5, 6, 7], lost: 3 })
})

void t.test('duplicates and latecomers are left out', async (t) => {
  t.same(pass([1, 2, 2, 1, 3]), { out: [1, 2, 3], lost: 0 })
  t.same(pass([1, 3, 4, 5, 2, 6]), { out: [1, 3, 4, 5, 6], lost: 1 })
})

void t.test('packets without a content keep their place', async (t) => {
  const out: (string | undefined)[] = []
  const buffer = new ReorderBuffer<string | undefined>(3, (packet) => out.push(packet))
  for (const [sequence, packet] of [
    [1, 'a'],
    [2, undefined],
    [4, 'd'],
    [3, undefined],
  ] as const) {
    buffer.push(sequence, packet)
  }
  t.same(out, ['a', undefined, undefined, 'd'])
})

void t.test(
  'one stray number far away changes nothing, two in a row are a restart (RFC 3550 A.1)',
  async (t) => {
    t.same(pass([1, 2, 40000, 3]), { out: [1, 2, 3], lost: 0 })
    t.same(pass([1, 2, 40000, 40001, 40002]), { out: [1, 2, 40001, 40002], lost: 0 })
  },
)

void t.test('a restart delivers what waits', async (t) => {
  const out: number[] = []
  const buffer = new ReorderBuffer<number>(3, (packet) => out.push(packet))
  for (const sequence of [1, 3]) buffer.push(sequence, sequence)
  buffer.restart()
  buffer.push(900, 900)
  t.same(out, [1, 3, 900])
})

void t.test('heard audio keeps its last seconds and names the tone in them', async (t) => {
  const heard = new HeardAudio(2)
  const first = tone({ hz: 500, levelDbm0: -10, durationMs: 2500 })
  const second = tone({ hz: 1200, levelDbm0: -16, durationMs: 1300 })
  const all = concatPcm([first, second])
  for (let at = 0; at < all.length; at += 160) heard.add(all.subarray(at, at + 160))
  t.equal(heard.samples, all.length)
  t.same(heard.last(), all.slice(-16000))
  t.equal(heard.tone()?.hz, 1200)
  heard.add(first)
  t.same(heard.last(), first.slice(-16000), 'more than it can keep at once')
  t.equal(new HeardAudio(1).tone(), undefined)
})
