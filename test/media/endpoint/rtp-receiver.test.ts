import t from 'tap'
import { muLaw } from '#src/media/endpoint/g711.ts'
import { RtpReceiver, type IncomingFormat } from '#src/media/endpoint/rtp-receiver.ts'
import { writeRtpHeader } from '#src/rtp/packet.ts'
import { createSrtpReceiver, createSrtpSender } from '#src/rtp/srtp-context.ts'
import { keyFromBytes } from '#src/sdp/crypto-line.ts'

const source = { host: '127.0.0.1', port: 4000 }
const plain: IncomingFormat = {
  codecs: new Map([[0, muLaw]]),
  dtmfPayloadTypes: [101],
  srtp: undefined,
  expected: source,
}
const key = keyFromBytes('AES_CM_128_HMAC_SHA1_80', Buffer.alloc(30, 7))

function makeReceiver(format: IncomingFormat): { receiver: RtpReceiver; heard: number[]; keys: string[] } {
  const heard: number[] = []
  const keys: string[] = []
  const receiver = new RtpReceiver({
    onAudio: (pcm) => heard.push(pcm.length),
    onKey: (one) => keys.push(one),
  })
  receiver.expect(format)
  return { receiver, heard, keys }
}

function packet(
  sequence: number,
  payloadType = 0,
  payload: Uint8Array = new Uint8Array(160),
  ssrc = 1,
): Buffer {
  const bytes = Buffer.alloc(12 + payload.length)
  writeRtpHeader(bytes, { marker: false, payloadType, sequence, timestamp: sequence * 160, ssrc })
  bytes.set(payload, 12)
  return bytes
}

void t.test('packets of any size are decoded, comfort noise and unknown types are not heard', async (t) => {
  const { receiver, heard } = makeReceiver(plain)
  receiver.accept(packet(1), source)
  receiver.accept(packet(2, 0, new Uint8Array(480)), source)
  receiver.accept(packet(3, 13, Uint8Array.of(64)), source)
  receiver.accept(packet(4, 77), source)
  receiver.accept(packet(4), source)
  t.same(heard, [160, 480, 160])
  t.equal(receiver.received, 4)
  t.equal(receiver.lost, 0)
})

void t.test('padding is taken off, and padding that cannot be is refused', async (t) => {
  const { receiver, heard } = makeReceiver(plain)
  const padded = packet(1)
  padded[0] = 0xa0
  padded[padded.length - 1] = 20
  receiver.accept(padded, source)
  const broken = packet(2)
  broken[0] = 0xa0
  broken[broken.length - 1] = 255
  receiver.accept(broken, source)
  t.same(heard, [140])
})

void t.test('another SSRC goes on at once, with a new sequence and new events', async (t) => {
  const { receiver, heard, keys } = makeReceiver(plain)
  const event = Uint8Array.of(5, 0x0a, 0, 160)
  receiver.accept(packet(60000), source)
  receiver.accept(packet(60001, 101, event), source)
  receiver.accept(packet(3, 0, new Uint8Array(80), 2), source)
  receiver.accept(packet(4, 101, event, 2), source)
  t.same(heard, [160, 80])
  t.same(keys, ['5', '5'])
})

void t.test('SRTP: the peer moves with its packets, a replay or a forgery moves nothing', async (t) => {
  const { receiver, heard } = makeReceiver({ ...plain, srtp: createSrtpReceiver(key) })
  const sender = createSrtpSender(key)
  const protect = (sequence: number): Buffer => {
    const bytes = Buffer.concat([packet(sequence), Buffer.alloc(10)])
    return bytes.subarray(0, sender.protectRtp(bytes, 172))
  }
  const first = protect(1)
  const elsewhere = { host: '127.0.0.9', port: 4009 }
  const thief = { host: '127.0.0.66', port: 4066 }
  receiver.accept(Buffer.from(first), source)
  t.same(receiver.peer, source)
  receiver.accept(Buffer.from(first), thief)
  const forged = Buffer.from(protect(2))
  forged[20] = (forged[20] ?? 0) ^ 1
  receiver.accept(forged, thief)
  receiver.accept(packet(3), thief)
  t.same(receiver.peer, source)
  t.equal(receiver.badTag, 2)
  receiver.accept(protect(4), elsewhere)
  t.same(receiver.peer, elsewhere)
  t.equal(receiver.received, 2)
  t.equal(heard.length, 1, 'the packet behind the gap waits')
})

void t.test(
  'a hundred thousand bytes of nonsense are taken without a throw and without a trace',
  async (t) => {
    let seed = 42
    const next = (): number => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) >> 8
    for (const format of [plain, { ...plain, srtp: createSrtpReceiver(key) }]) {
      const { receiver, keys } = makeReceiver(format)
      for (let count = 0; count < 2000; count++) {
        const bytes = Buffer.from(Array.from({ length: next() % 60 }, next))
        // Every second one looks like RTP, so that the code behind the first check is reached.
        if (count % 2 === 0 && bytes.length > 1) {
          bytes[0] = 0x80 | (next() & 0x30)
          bytes[1] = [0, 13, 101, 128][next() % 4] as number
        }
        receiver.accept(bytes, source)
      }
      if (format.srtp) {
        t.equal(receiver.received, 0)
        t.same(keys, [])
        t.ok(receiver.badTag > 100)
      } else t.ok(receiver.received > 100)
    }
  },
)

void t.test('before anything was agreed nothing is heard', async (t) => {
  const heard: number[] = []
  const receiver = new RtpReceiver({ onAudio: (pcm) => heard.push(pcm.length), onKey: () => undefined })
  receiver.accept(packet(1), source)
  t.equal(receiver.received, 0)
})
