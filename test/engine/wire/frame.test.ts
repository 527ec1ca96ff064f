import t from 'tap'
import { encodeFrame, FrameError, FrameReader } from '#src/engine/wire/frame.ts'

void t.test('counts bytes, not characters', async (t) => {
  t.equal(encodeFrame('id|ping'), '7#id|ping')
  t.equal(encodeFrame('é☎'), '5#é☎')
})

void t.test('frames are found wherever the stream was cut', async (t) => {
  const payloads = ['a|ping', 'b|sip||\r\nINVITE ☎#12#', '9#9', 'ä'.repeat(500)]
  const stream = Buffer.from(payloads.map(encodeFrame).join(''))
  let cuts = 0
  for (const size of [1, 2, 3, 5, 7, 64, stream.length]) {
    const reader = new FrameReader()
    const found: string[] = []
    for (let at = 0; at < stream.length; at += size)
      found.push(...reader.push(stream.subarray(at, at + size)))
    t.same(found, payloads, `in pieces of ${size}`)
    cuts++
  }
  t.equal(cuts, 7)
})

void t.test('a megabyte passes, more than the limit does not', async (t) => {
  const large = 'x'.repeat(1024 * 1024 + 17)
  const frame = Buffer.from(encodeFrame(large))
  const reader = new FrameReader()
  const found: string[] = []
  for (let at = 0; at < frame.length; at += 65_536)
    found.push(...reader.push(frame.subarray(at, at + 65_536)))
  t.equal(found.length, 1)
  t.equal(found[0]?.length, large.length)
  t.throws(() => new FrameReader(1000).push(Buffer.from('1001#')), FrameError)
})

void t.test('what is no frame is refused at once', async (t) => {
  const bad = ['#x', 'x', 'GET / HTTP/1.1\r\n', '-1#', '1 #', '99999999', '12345678#', '\u0000']
  for (const text of bad)
    t.throws(() => new FrameReader().push(Buffer.from(text)), FrameError, JSON.stringify(text))
})

void t.test('a frame of nothing is a frame', async (t) => {
  t.same(new FrameReader().push(Buffer.from('0#1#a')), ['', 'a'])
})
