import t from 'tap'
import { classify } from '#src/rtp/demux.ts'
import * as rtp from '#src/rtp/packet.ts'
import * as rtcp from '#src/rtp/rtcp.ts'
import { ReplayWindow, replayWindowSize } from '#src/rtp/replay-window.ts'
import { seeded, seededBytes } from './reference-srtp.ts'

t.test('a header is read back as it was written, also at the ends of each field', async (t) => {
  for (const header of [
    { marker: true, payloadType: 127, sequence: 65_535, timestamp: 0xffffffff, ssrc: -1 },
    { marker: false, payloadType: 0, sequence: 0, timestamp: 0, ssrc: 0 },
    { marker: false, payloadType: 8, sequence: 258, timestamp: 0x81020304, ssrc: 0x11223344 },
  ]) {
    const packet = Buffer.alloc(12)
    t.equal(rtp.writeRtpHeader(packet, header), 12)
    t.equal(rtp.rtpPayloadOffset(packet, 12), 12)
    t.same(
      {
        marker: rtp.rtpMarker(packet),
        payloadType: rtp.rtpPayloadType(packet),
        sequence: rtp.rtpSequence(packet),
        timestamp: rtp.rtpTimestamp(packet),
        ssrc: rtp.rtpSsrc(packet),
      },
      header,
    )
  }
})

t.test('payload bounds respect CSRC list, extension and padding', async (t) => {
  const cases: [name: string, hex: string, start: number, end: number][] = [
    ['plain', '8008000100000000000000010102', 12, 14],
    ['one CSRC', '810800010000000000000001aaaaaaaa01', 16, 17],
    ['CSRC cut off', '820800010000000000000001aaaaaaaa01', -1, 0],
    ['extension of one word', '900800010000000000000001bede0001aabbccdd01', 20, 21],
    ['extension cut off', '900800010000000000000001bede0002aabbccdd01', -1, 0],
    ['extension header cut off', '900800010000000000000001bede', -1, 0],
    ['padding of two', 'a0080001000000000000000101020002', 12, 14],
    ['padding of zero', 'a00800010000000000000001010200', 12, -1],
    ['padding beyond the payload', 'a00800010000000000000001010209', 12, -1],
    ['version 1', '4008000100000000000000010102', -1, 0],
    ['eleven bytes', '8008000100000000000000', -1, 0],
  ]
  t.equal(cases.length, 11)
  for (const [name, hex, start, end] of cases) {
    const packet = Buffer.from(hex, 'hex')
    t.equal(rtp.rtpPayloadOffset(packet, packet.length), start, name)
    if (start >= 0) t.equal(rtp.rtpPayloadEnd(packet, packet.length, start), end, `${name}: end`)
  }
  t.equal(rtp.rtpPayloadOffset(Buffer.alloc(20, 0x80), 21), -1, 'a length beyond the buffer')
})

t.test('first bytes are classed as RFC 7983 and 5761 say, all 65,536 pairs', async (t) => {
  const counts: Record<string, number> = {}
  for (let first = 0; first < 256; first++) {
    for (let second = 0; second < 256; second++) {
      const kind = classify(Buffer.from([first, second]), 2)
      counts[kind] = (counts[kind] ?? 0) + 1
    }
  }
  t.same(counts, {
    stun: 4 * 256,
    zrtp: 4 * 256,
    dtls: 44 * 256,
    turn: 16 * 256,
    rtp: 64 * 224,
    rtcp: 64 * 32,
    unknown: (12 + 48 + 64) * 256,
  })
  t.equal(classify(Buffer.from([0x80]), 1), 'unknown')
})

t.test('reports that we write are well-formed compounds', async (t) => {
  const packet = Buffer.alloc(200)
  const report = { ssrc: 5, nowMs: 1_700_000_000_250, rtpTimestamp: 1, packets: 2, octets: 3 }
  for (const cname of ['', 'a', 'abc', 'box@192.0.2.1', 'x'.repeat(100)]) {
    const length = rtcp.writeSenderReport(packet, report, cname)
    t.ok(rtcp.isRtcpCompound(packet, length), `sender report, cname of ${cname.length}`)
    t.equal(rtcp.rtcpSsrc(packet), 5)
    t.ok(rtcp.isRtcpCompound(packet, rtcp.writeEmptyReceiverReport(packet, 5, cname)))
  }
  t.equal(packet.readUInt32BE(4), 5)
  rtcp.writeSenderReport(packet, report, 'a')
  t.equal(packet.readUInt32BE(8), 1_700_000_000 + 2_208_988_800, 'NTP seconds')
  t.equal(packet.readUInt32BE(12), 0x40000000, 'a quarter of a second')
})

t.test('broken RTCP is told from whole RTCP', async (t) => {
  const cases: [name: string, hex: string, whole: boolean][] = [
    ['empty receiver report', '80c9000100000001', true],
    ['report and BYE', '80c900010000000181cb000100000001', true],
    ['length beyond the end', '80c9000200000001', false],
    ['bytes left over', '80c900010000000181cb', false],
    ['version 1', '40c9000100000001', false],
    ['RTP payload type', '8008000100000001', false],
    ['padding in the middle', 'a0c900010000000181cb000100000001', false],
    ['four bytes', '80c90000', false],
  ]
  for (const [name, hex, whole] of cases) {
    const packet = Buffer.from(hex, 'hex')
    t.equal(rtcp.isRtcpCompound(packet, packet.length), whole, name)
  }
})

t.test('the replay window agrees with a plain set of indices over random orders', async (t) => {
  const random = seeded(11)
  let wrong = 0
  for (let round = 0; round < 20; round++) {
    const window = new ReplayWindow()
    const seen = new Set<number>()
    let highest = -1
    let base = 0
    for (let step = 0; step < 3000; step++) {
      base += random() < 0.05 ? Math.floor(random() * 200) : 1
      const index = Math.max(0, base - Math.floor(random() * 160))
      const fresh = !seen.has(index) && index > highest - replayWindowSize
      if (window.check(index) !== fresh) wrong++
      if (!fresh) continue
      window.add(index)
      seen.add(index)
      highest = Math.max(highest, index)
      if (window.highest !== highest) wrong++
    }
  }
  t.equal(wrong, 0)
})

t.test('fuzzed bytes never make a reader throw or look beyond the length', async (t) => {
  const random = seeded(99)
  const endMs = performance.now() + 1500
  let count = 0
  while (performance.now() < endMs) {
    const bytes = seededBytes(random, Math.floor(random() * 80))
    if (bytes.length > 1 && random() < 0.8) bytes[0] = 0x80 | (bytes[0]! & 0x3f)
    classify(bytes, bytes.length)
    rtcp.isRtcpCompound(bytes, bytes.length)
    const start = rtp.rtpPayloadOffset(bytes, bytes.length)
    if (start > bytes.length) t.fail('payload beyond the packet')
    if (start >= 0) {
      const end = rtp.rtpPayloadEnd(bytes, bytes.length, start)
      if (end !== -1 && (end < start || end > bytes.length)) t.fail('end outside the payload')
    }
    count++
  }
  t.ok(count > 1000, `${count} packets`)
})
