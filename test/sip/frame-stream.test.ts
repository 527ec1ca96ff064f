import { readFileSync } from 'node:fs'
import t from 'tap'
import { FrameStream, type FrameError } from '#src/sip/frame-stream.ts'

const limits = { maxMessageBytes: 4000, maxHeaderBytes: 2000 }

function collect(bytesPerChunk: number, stream: Buffer, limit = limits) {
  const messages: string[] = []
  const errors: FrameError[] = []
  let pings = 0
  const frames = new FrameStream(limit, {
    onMessage: (bytes) => messages.push(bytes.toString('latin1')),
    onPing: () => pings++,
    onError: (error) => errors.push(error),
  })
  for (let at = 0; at < stream.length; at += bytesPerChunk) {
    // A copy per chunk, overwritten afterwards: whatever the framer keeps must be its own or never reused.
    frames.push(Buffer.from(stream.subarray(at, at + bytesPerChunk)))
  }
  return { messages, errors, pings, half: frames.half }
}

const wsinv = readFileSync(new URL('./torture/rfc4475/wsinv.sip', import.meta.url)).toString('latin1')
const escnull = readFileSync(new URL('./torture/rfc4475/escnull.sip', import.meta.url)).toString('latin1')
const withBody =
  'MESSAGE sip:a@b SIP/2.0\r\ncontent-length :\r\n  5\r\nX: Content-Length: 99\r\n\r\n\r\n\r\n\x80'
const stream = Buffer.from(`\r\n\r\n${wsinv}${escnull}\r\n\r\n\r\n${withBody}${wsinv}`, 'latin1')

void t.test('the same messages come out wherever the stream is cut', (t) => {
  const expected = [wsinv, escnull, withBody, wsinv]
  for (let size = 1; size <= stream.length; size++) {
    const seen = collect(size, stream)
    if (
      seen.messages.join('|') !== expected.join('|') ||
      seen.pings !== 2 ||
      seen.errors.length > 0 ||
      seen.half
    ) {
      t.same(seen, { messages: expected, pings: 2, errors: [], half: false }, `chunks of ${size}`)
    }
  }
  for (let cut = 0; cut <= stream.length; cut++) {
    const messages: string[] = []
    const frames = new FrameStream(limits, {
      onMessage: (bytes) => messages.push(bytes.toString('latin1')),
      onPing: () => undefined,
      onError: (error) => t.fail(error.reason),
    })
    frames.push(stream.subarray(0, cut))
    frames.push(stream.subarray(cut))
    if (messages.join('|') !== expected.join('|')) t.same(messages, expected, `cut at ${cut}`)
  }
  t.pass(`${stream.length} sizes and ${stream.length + 1} cuts`)
  t.end()
})

void t.test('a message that was handed out is not changed by what follows', (t) => {
  const kept: Buffer[] = []
  const frames = new FrameStream(limits, {
    onMessage: (bytes) => kept.push(bytes),
    onPing: () => undefined,
    onError: (error) => t.fail(error.reason),
  })
  for (const byte of stream) frames.push(Buffer.from([byte]))
  t.same(
    kept.map((bytes) => bytes.toString('latin1')),
    [wsinv, escnull, withBody, wsinv],
  )
  t.end()
})

void t.test('blank lines: a double CRLF is a ping, a single one is not, also when split', (t) => {
  t.equal(collect(1, Buffer.from('\r\n\r\n\r\n\r\n')).pings, 2)
  t.equal(collect(4, Buffer.from('\r\n')).pings, 0)
  t.equal(collect(3, Buffer.from('\r\n\r\n')).pings, 1)
  t.equal(collect(1, Buffer.from(`\r\n${escnull}\r\n`)).pings, 0, 'a message between them separates them')
  t.end()
})

void t.test('what cannot be framed ends the stream with a reason', (t) => {
  const start = 'OPTIONS sip:a SIP/2.0\r\n'
  const table: [string, string, number, RegExp][] = [
    ['no Content-Length', `${start}Via: x\r\n\r\n`, 400, /Missing Content-Length/],
    ['negative', `${start}Content-Length: -1\r\n\r\n`, 400, /Bad Content-Length/],
    ['two that differ', `${start}l: 1\r\nContent-Length: 2\r\n\r\nab`, 400, /Bad Content-Length/],
    ['not a number', `${start}Content-Length: 1 2\r\n\r\n`, 400, /Bad Content-Length/],
    ['too long a body', `${start}Content-Length: 5000\r\n\r\n`, 513, /Message Too Large/],
    ['too long a head', `${start}X: ${'x'.repeat(2100)}`, 513, /Header Section Too Large/],
    ['a bare LF first', `\n${start}`, 400, /Line End/],
    ['a bare CR first', `\r${start}`, 400, /Line End/],
  ]
  for (const [name, text, status, reason] of table) {
    for (const size of [1, 7, 10_000]) {
      const seen = collect(size, Buffer.from(`${text}${escnull}`, 'latin1'))
      t.equal(seen.errors.length, 1, name)
      t.equal(seen.errors[0]?.status, status, name)
      t.match(seen.errors[0]?.reason, reason, name)
      t.same(seen.messages, [], `${name}: nothing after the error is read`)
    }
  }
  t.end()
})

void t.test('ending while messages are handed out stops at once', (t) => {
  const messages: string[] = []
  const frames = new FrameStream(limits, {
    onMessage: (bytes) => {
      messages.push(bytes.toString('latin1'))
      frames.end()
    },
    onPing: () => undefined,
    onError: () => undefined,
  })
  frames.push(Buffer.from(escnull + escnull))
  frames.push(Buffer.from(escnull))
  t.equal(messages.length, 1)
  t.end()
})

void t.test(
  'no line end or length that another element could read differently lets a second request in',
  async (t) => {
    const smuggled = 'OPTIONS sip:admin@b SIP/2.0\r\nContent-Length: 0\r\n\r\n'
    const start = 'OPTIONS sip:a@b SIP/2.0\r\n'
    const outer = [
      `Content-Length: 0\r\nX: y\nContent-Length: ${smuggled.length}\r\n`,
      `Content-Length: 0\r\nX: y\rContent-Length: ${smuggled.length}\r\n`,
      `X: y\nContent-Length: ${smuggled.length}\r\nl: 0\r\n`,
      `Content-Length: 0\r\r\nl: ${smuggled.length}\r\n`,
      `Content-Length: 0\r\nl: ${smuggled.length}\r\n`,
      `l: 0\r\nCONTENT-LENGTH\t: ${smuggled.length}\r\n`,
      `l: 0\r\nl:\r\n ${smuggled.length}\r\n`,
      'l: -1\r\n',
      'l: +0\r\n',
      'l: 0x0\r\n',
      'l: 0, 0\r\n',
      'l: 0 0\r\n',
      'l: 00000000000\r\n',
      'l:\r\n',
      'l: 0\0\r\n',
      'l: ٠\r\n',
      'X: l: 0\r\n',
      'Content-Length\0: 0\r\n',
    ]
    for (const fields of outer) {
      const seen = collect(4096, Buffer.from(`${start}${fields}\r\n${smuggled}`))
      t.same(seen.messages, [], JSON.stringify(fields))
      t.equal(seen.errors.length, 1)
    }
    const agreed = collect(4096, Buffer.from(`${start}l: 0\r\nContent-Length: 0\r\n\r\n${smuggled}`))
    t.equal(agreed.messages.length, 2, 'twice the same length is one length')
  },
)
