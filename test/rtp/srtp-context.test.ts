import t from 'tap'
import { writeRtpHeader } from '#src/rtp/packet.ts'
import { writeSenderReport } from '#src/rtp/rtcp.ts'
import type { SrtpKey } from '#src/rtp/key-derivation.ts'
import { createSrtpReceiver, createSrtpSender, srtpFailure, srtpFailureText } from '#src/rtp/srtp-context.ts'
import { referenceProtectRtcp, referenceProtectRtp, seeded, seededBytes } from './reference-srtp.ts'

const key: SrtpKey = {
  suite: 'AES_CM_128_HMAC_SHA1_80',
  masterKey: Buffer.from('e1f97a0d3e018be0d64fa32c06de4139', 'hex'),
  masterSalt: Buffer.from('0ec675ad498afeebb6960b3aabe6', 'hex'),
}

function rtp(sequence: number, options: { ssrc?: number; payload?: Buffer } = {}): Buffer {
  const payload = options.payload ?? Buffer.alloc(160, sequence & 0xff)
  const packet = Buffer.alloc(12 + payload.length)
  writeRtpHeader(packet, {
    marker: false,
    payloadType: 8,
    sequence,
    timestamp: sequence * 160,
    ssrc: options.ssrc ?? 0x1234567,
  })
  payload.copy(packet, 12)
  return packet
}

function withRoom(packet: Buffer): Buffer {
  return Buffer.concat([packet, Buffer.alloc(14)])
}

t.test('a packet protected by another implementation is the same byte for byte', async (t) => {
  const packet = Buffer.alloc(38)
  Buffer.from('800f1234decafbadcafebabeabababababababababababababababab', 'hex').copy(packet)
  t.equal(createSrtpSender(key).protectRtp(packet, 28), 38)
  t.equal(
    packet.toString('hex'),
    '800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb',
  )
})

for (const suite of ['AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32'] as const) {
  t.test(`${suite}: 600 random packets equal node:crypto's, across sizes, SSRCs and losses`, async (t) => {
    const random = seeded(suite.length)
    const keys: SrtpKey = { suite, masterKey: seededBytes(random, 16), masterSalt: seededBytes(random, 14) }
    const sender = createSrtpSender(keys)
    const receiver = createSrtpReceiver(keys)
    const positions = [0xfff0, 100, 40_000]
    const rocs = [0, 0, 0]
    for (let count = 0; count < 600; count++) {
      const stream = Math.floor(random() * 3)
      const size = random() < 0.7 ? 160 : Math.floor(random() * 1400)
      const packet = rtp(positions[stream]!, {
        ssrc: 0xf0000000 + stream,
        payload: seededBytes(random, size),
      })
      const expected = referenceProtectRtp(keys, packet, 12, rocs[stream]!)
      const buffer = withRoom(packet)
      const length = sender.protectRtp(buffer, packet.length)
      if (!buffer.subarray(0, length).equals(expected)) t.fail(`packet ${count} differs`)
      const clear = receiver.unprotectRtp(buffer, length)
      if (!buffer.subarray(0, clear).equals(packet)) t.fail(`packet ${count} does not come back`)
      positions[stream]! += random() < 0.9 ? 1 : Math.floor(random() * 300) + 1
      if (positions[stream]! > 0xffff) {
        positions[stream]! -= 0x10000
        rocs[stream]!++
      }
    }
    t.ok(rocs[0]! > 0, 'one stream rolled over on the way')
  })
}

t.test('CSRC list and header extension stay in the clear and are covered by the tag', async (t) => {
  const packet = Buffer.concat([
    Buffer.alloc(12),
    Buffer.alloc(4, 7),
    Buffer.from('bede000101020304', 'hex'),
    Buffer.alloc(33, 9),
  ])
  writeRtpHeader(packet, { marker: true, payloadType: 0, sequence: 5, timestamp: 1, ssrc: 2 })
  packet[0] = 0x91
  const buffer = withRoom(packet)
  const length = createSrtpSender(key).protectRtp(buffer, packet.length)
  t.same(buffer.subarray(0, length), referenceProtectRtp(key, packet, 24, 0))
  const forged = Buffer.from(buffer)
  forged[20]! ^= 1
  t.equal(createSrtpReceiver(key).unprotectRtp(forged, length), srtpFailure.badTag)
  t.equal(createSrtpReceiver(key).unprotectRtp(buffer, length), packet.length)
})

t.test('the sequence number rolls over at 65,536 and the rollover counter counts in the tag', async (t) => {
  const sender = createSrtpSender(key)
  const receiver = createSrtpReceiver(key)
  let wrong = 0
  for (let count = 0; count < 140_000; count++) {
    const sequence = (65_000 + count) % 0x10000
    const packet = rtp(sequence, { payload: Buffer.alloc(8, count & 0xff) })
    const buffer = withRoom(packet)
    const length = sender.protectRtp(buffer, packet.length)
    const roc = Math.floor((65_000 + count) / 0x10000)
    if (count % 1000 === 0 && !buffer.subarray(0, length).equals(referenceProtectRtp(key, packet, 12, roc)))
      wrong++
    if (receiver.unprotectRtp(buffer, length) !== packet.length) wrong++
  }
  t.equal(wrong, 0)
})

t.test('packets that cross the rollover out of order find their own rollover counter', async (t) => {
  const sender = createSrtpSender(key)
  const receiver = createSrtpReceiver(key)
  const protectedPackets = [65_533, 65_534, 65_535, 0, 1, 2].map((sequence) => {
    const buffer = withRoom(rtp(sequence))
    return { buffer, length: sender.protectRtp(buffer, 172) }
  })
  for (const index of [0, 3, 1, 5, 2, 4]) {
    const { buffer, length } = protectedPackets[index]!
    t.equal(receiver.unprotectRtp(buffer, length), 172, `packet ${index}`)
  }
})

t.test('a replayed packet is refused, as is one older than the window', async (t) => {
  const sender = createSrtpSender(key)
  const receiver = createSrtpReceiver(key)
  const first = withRoom(rtp(1))
  const length = sender.protectRtp(first, 172)
  const replay = Buffer.from(first)
  t.equal(receiver.unprotectRtp(first, length), 172)
  t.equal(receiver.unprotectRtp(Buffer.from(replay), length), srtpFailure.replayed)
  const skipped = withRoom(rtp(2))
  sender.protectRtp(skipped, 172)
  for (let sequence = 3; sequence < 140; sequence++) {
    const buffer = withRoom(rtp(sequence))
    receiver.unprotectRtp(buffer, sender.protectRtp(buffer, 172))
  }
  t.equal(receiver.unprotectRtp(skipped, length), srtpFailure.replayed, 'never seen, but 137 behind')
  t.equal(receiver.unprotectRtp(replay, length), srtpFailure.replayed)
})

t.test('a sender never uses one index twice', async (t) => {
  const sender = createSrtpSender(key)
  t.equal(sender.protectRtp(withRoom(rtp(9)), 172), 182)
  t.equal(sender.protectRtp(withRoom(rtp(9, { payload: Buffer.alloc(160, 1) })), 172), srtpFailure.replayed)
})

t.test('forged packets move neither window nor rollover counter nor stream table', async (t) => {
  const sender = createSrtpSender(key)
  const receiver = createSrtpReceiver(key, { maxStreams: 2 })
  const real = withRoom(rtp(10))
  t.equal(receiver.unprotectRtp(real, sender.protectRtp(real, 172)), 172)
  for (let sequence = 0; sequence < 0x10000; sequence += 97) {
    const forged = Buffer.concat([rtp(sequence), Buffer.alloc(10, 0xee)])
    const result = receiver.unprotectRtp(forged, forged.length)
    if (result !== srtpFailure.badTag && sequence !== 10) t.fail(`sequence ${sequence} gave ${result}`)
  }
  for (let ssrc = 100; ssrc < 200; ssrc++) {
    const forged = Buffer.concat([rtp(1, { ssrc }), Buffer.alloc(10)])
    t.equal(receiver.unprotectRtp(forged, forged.length), srtpFailure.badTag)
  }
  const next = withRoom(rtp(11))
  t.equal(receiver.unprotectRtp(next, sender.protectRtp(next, 172)), 172, 'the real stream goes on')
  const second = withRoom(rtp(1, { ssrc: 77 }))
  t.equal(receiver.unprotectRtp(second, sender.protectRtp(second, 172)), 172, 'a second real stream fits')
  const third = withRoom(rtp(1, { ssrc: 78 }))
  t.equal(receiver.unprotectRtp(third, sender.protectRtp(third, 172)), srtpFailure.tooManyStreams)
})

t.test('a refused packet is left as it was', async (t) => {
  const sender = createSrtpSender(key)
  const receiver = createSrtpReceiver(key)
  const buffer = withRoom(rtp(10))
  const length = sender.protectRtp(buffer, 172)
  buffer[length - 1]! ^= 0x80
  const before = Buffer.from(buffer)
  t.equal(receiver.unprotectRtp(buffer, length), srtpFailure.badTag)
  t.same(buffer, before)
  buffer[length - 1]! ^= 0x80
  t.equal(receiver.unprotectRtp(buffer, length), 172, 'the same packet with its true tag is welcome')
})

t.test('another key does not open it, and both suites are told apart by their tag', async (t) => {
  const buffer = withRoom(rtp(1))
  const length = createSrtpSender(key).protectRtp(buffer, 172)
  const other = { ...key, masterKey: Buffer.alloc(16, 1) }
  t.equal(createSrtpReceiver(other).unprotectRtp(buffer, length), srtpFailure.badTag)
  const short: SrtpKey = { ...key, suite: 'AES_CM_128_HMAC_SHA1_32' }
  t.equal(createSrtpReceiver(short).unprotectRtp(buffer, length), srtpFailure.badTag)
})

t.test('SRTCP equals node:crypto, refuses replays, forgeries and short packets', async (t) => {
  const sender = createSrtpSender(key)
  const receiver = createSrtpReceiver(key)
  const plain = Buffer.alloc(200)
  const length = writeSenderReport(
    plain,
    { ssrc: -5, nowMs: 1_700_000_000_500, rtpTimestamp: 160, packets: 3, octets: 480 },
    'box@example',
  )
  for (let index = 0; index < 5; index++) {
    const buffer = Buffer.from(plain)
    const size = sender.protectRtcp(buffer, length)
    t.same(buffer.subarray(0, size), referenceProtectRtcp(key, plain.subarray(0, length), index))
    const copy = Buffer.from(buffer)
    const forged = Buffer.from(buffer)
    forged[9]! ^= 1
    t.equal(receiver.unprotectRtcp(forged, size), srtpFailure.badTag)
    t.equal(receiver.unprotectRtcp(buffer, size), length)
    t.same(buffer.subarray(0, length), plain.subarray(0, length))
    t.equal(receiver.unprotectRtcp(copy, size), srtpFailure.replayed)
  }
  t.equal(receiver.unprotectRtcp(plain, 12), srtpFailure.malformed)
  t.equal(sender.protectRtcp(plain.subarray(0, length), length), srtpFailure.noRoom)
})

t.test('bad shapes and missing room are refused', async (t) => {
  const sender = createSrtpSender(key)
  const receiver = createSrtpReceiver(key)
  t.equal(sender.protectRtp(rtp(1), 172), srtpFailure.noRoom)
  t.equal(sender.protectRtp(Buffer.alloc(40), 30), srtpFailure.malformed)
  t.equal(
    receiver.unprotectRtp(rtp(1).subarray(0, 21), 21),
    srtpFailure.malformed,
    'shorter than header and tag',
  )
  t.equal(receiver.unprotectRtp(rtp(1), 400), srtpFailure.malformed, 'longer than the buffer')
  t.throws(() => createSrtpSender({ ...key, masterSalt: Buffer.alloc(12) }), RangeError)
  for (const code of Object.values(srtpFailure)) t.type(srtpFailureText(code), 'string')
})

t.test('fuzzed SRTP and SRTCP never throw and never pass; the real stream is unmoved', async (t) => {
  const random = seeded(2026)
  const sender = createSrtpSender(key)
  const receiver = createSrtpReceiver(key)
  let sequence = 0
  let passed = 0
  let lost = 0
  const endMs = performance.now() + 2000
  while (performance.now() < endMs) {
    for (let count = 0; count < 50; count++) {
      const noise = seededBytes(random, Math.floor(random() * 220))
      if (random() < 0.7 && noise.length > 1) noise[0] = 0x80 | (noise[0]! & 0x3f)
      if (random() < 0.5 && noise.length > 11) rtp(sequence).copy(noise, 0, 0, 12)
      if (receiver.unprotectRtp(noise, noise.length) >= 0) passed++
      if (receiver.unprotectRtcp(noise, noise.length) >= 0) passed++
    }
    const buffer = withRoom(rtp(sequence++ & 0xffff))
    if (receiver.unprotectRtp(buffer, sender.protectRtp(buffer, 172)) !== 172) lost++
  }
  t.equal(passed, 0)
  t.equal(lost, 0)
  t.ok(sequence > 20, `${sequence} rounds`)
})

t.test('a key identifier before the tag is taken off, and may be left out (RFC 3711 3.1)', async (t) => {
  const mki = Buffer.from([0, 1])
  const receiver = createSrtpReceiver({ ...key, mki })
  for (const [sequence, present] of [
    [1, true],
    [2, false],
    [3, true],
  ] as const) {
    const plain = rtp(sequence)
    const bare = referenceProtectRtp(key, plain, 12, 0)
    const packet = present ? Buffer.concat([bare.subarray(0, 172), mki, bare.subarray(172)]) : bare
    t.equal(receiver.unprotectRtp(packet, packet.length), 172)
    t.same(packet.subarray(0, 172), plain)
    const report = Buffer.from('80c9000100000007' + '81cb000100000007', 'hex')
    const secure = referenceProtectRtcp(key, report, sequence)
    const rtcp = present ? Buffer.concat([secure.subarray(0, 20), mki, secure.subarray(20)]) : secure
    const forged = Buffer.from(rtcp)
    forged[forged.length - 1]! ^= 1
    t.equal(receiver.unprotectRtcp(forged, forged.length), srtpFailure.badTag)
    t.equal(receiver.unprotectRtcp(rtcp, rtcp.length), 16)
    t.same(rtcp.subarray(0, 16), report)
  }
})
