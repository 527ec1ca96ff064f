import t from 'tap'
import { StreamStats } from '#src/media/embedded/worker/stream-stats.ts'
import { writeRtpHeader } from '#src/rtp/packet.ts'

const rates = new Int32Array(128)
rates[8] = 8000

function feed(
  stats: StreamStats,
  sequences: number[],
  change: { ssrc?: number; payloadType?: number } = {},
): void {
  for (const sequence of sequences) {
    const packet = Buffer.alloc(12)
    writeRtpHeader(packet, {
      marker: false,
      payloadType: change.payloadType ?? 8,
      sequence: sequence & 0xffff,
      timestamp: sequence * 160,
      ssrc: change.ssrc ?? 1,
    })
    stats.count(packet, rates, sequence * 20)
  }
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index)

t.test('loss over the ways a stream can go (RFC 3550 A.1, A.3)', async (t) => {
  const cases: [name: string, sequences: number[], lost: number][] = [
    ['none', range(0, 100), 0],
    ['a gap of three', [...range(0, 10), ...range(13, 20)], 3],
    ['reordered', [0, 1, 3, 2, 4], 0],
    ['twice the same', [0, 1, 1, 2], 0],
    ['a gap across 65,536', [65_533, 65_534, 65_537, 65_538], 2],
    ['a restart far ahead', [...range(0, 10), ...range(30_000, 30_010)], 0],
    ['a loss before a restart', [0, 1, 5, 30_000, 30_001, 30_002], 3],
    ['one stray packet', [...range(0, 10), 40_000, ...range(10, 20)], 0],
  ]
  t.equal(cases.length, 8)
  for (const [name, sequences, lost] of cases) {
    const stats = new StreamStats()
    feed(stats, sequences)
    // A restart leaves the packet in doubt out of the count, so one may be missing there.
    t.ok(
      Math.abs(stats.lostPackets - lost) <= (name.includes('restart') ? 1 : 0),
      `${name}: ${stats.lostPackets}`,
    )
  }
})

t.test('a new SSRC starts anew and keeps what was lost before', async (t) => {
  const stats = new StreamStats()
  feed(stats, [0, 1, 4])
  feed(stats, [500, 501, 503], { ssrc: 2 })
  t.equal(stats.lostPackets, 3)
})

t.test('jitter follows RFC 3550 A.8 and leaves events and pauses out', async (t) => {
  const even = new StreamStats()
  feed(even, range(0, 50))
  t.equal(even.jitterMs, 0)

  const uneven = new StreamStats()
  let expected = 0
  const packet = Buffer.alloc(12)
  for (let sequence = 0; sequence < 200; sequence++) {
    const lateMs = sequence % 2 ? 8 : 0
    writeRtpHeader(packet, { marker: false, payloadType: 8, sequence, timestamp: sequence * 160, ssrc: 1 })
    uneven.count(packet, rates, sequence * 20 + lateMs)
    if (sequence > 0) expected += (8 - expected) / 16
  }
  t.ok(Math.abs(uneven.jitterMs - expected) < 1e-9)
  t.ok(Math.abs(uneven.jitterMs - 8) < 0.1)

  const events = new StreamStats()
  feed(events, [1, 7, 3], { payloadType: 101 })
  t.equal(events.jitterMs, 0)
})
