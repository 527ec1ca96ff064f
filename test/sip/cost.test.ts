import t from 'tap'
import { parseDigestChallenge, parseDigestCredentials } from '#src/sip/digest.ts'
import { formatMessage } from '#src/sip/format-message.ts'
import { FrameStream } from '#src/sip/frame-stream.ts'
import { lookUpHeaderName } from '#src/sip/header-names.ts'
import { formatNameAddr, isSoundNameAddr, parseNameAddr, tagOf, uriOf, withTag } from '#src/sip/name-addr.ts'
import { parseParams, splitList } from '#src/sip/params.ts'
import { parseMessage, SipParseError } from '#src/sip/parse-message.ts'
import { escapeUser, formatUri, parseUri, unescapeUser, uriEquals } from '#src/sip/uri.ts'
import { branchOf, parseVia, withReceived } from '#src/sip/via.ts'

/**
 * What an attacker pays per byte must be what we pay per byte. Each shape is read at one size and at sixteen times that
 * size: a linear reader needs sixteen times as long, a quadratic one 256 times. Times are compared with each other, never
 * with a clock on the wall, and the best of several runs counts, so a busy machine changes nothing.
 */
const smallSize = 3000
const factor = 16
const allowed = 90
// The cache of spellings is full from the start, as after the first attack: a name costs the same at both sizes.
for (let index = 0; index < 3000; index++) lookUpHeaderName(`filler${index}`)
const limits = { maxHeaderBytes: 1 << 20 }

const head =
  'OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n' +
  'Call-ID: c\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n'

/** A message whose one odd part has about `size` characters. */
const messages: Record<string, (size: number) => string> = {
  'ten thousand Vias, a line each': (size) => head + 'v:SIP/2.0/UDP h\r\n'.repeat(size / 17) + '\r\n',
  'ten thousand Vias in one line': (size) => `${head}v: ${'SIP/2.0/UDP h,'.repeat(size / 14)}s\r\n\r\n`,
  'empty Vias': (size) => `${head}v: ${','.repeat(size)}\r\n\r\n`,
  'Contacts that all open a bracket': (size) => `${head}m: ${'<'.repeat(size)}\r\n\r\n`,
  'Contacts that all open a quote': (size) => `${head}m: ${'","'.repeat(size / 3)}\r\n\r\n`,
  'From full of quotes': (size) => head.replace('From: ', `From: ${'""'.repeat(size / 2)}`) + '\r\n',
  'To with parameters only': (size) =>
    head.replace('To: <sip:a@b>', `To: <sip:a@b>${';'.repeat(size)}`) + '\r\n',
  'Via with parameters only': (size) => head.replace(';branch', `${';'.repeat(size)};branch`) + '\r\n',
  'Via with blanks': (size) => head.replace('UDP h', `UDP${' '.repeat(size)}(`) + '\r\n',
  'Via with a long host': (size) => head.replace('UDP h', `UDP ${'a'.repeat(size)}(`) + '\r\n',
  'blanks before a fold that is none': (size) => `${head}X: a${' '.repeat(size)}b\r\n c\r\n\r\n`,
  'folds of blanks': (size) => `${head}X: a${'\r\n   '.repeat(size / 5)}\r\n\r\n`,
  'folds ended by LF alone': (size) => `${head}X: a${'\n '.repeat(size / 2)}\r\n\r\n`,
  'folds before a stray CR': (size) => `${head}X: a${'\r\n '.repeat(size / 3)}\r b\r\n\r\n`,
  'folds before stray LFs': (size) =>
    `${head}X: a${'\r\n '.repeat(size / 6)}${'\n \r'.repeat(size / 6)}\r\n\r\n`,
  'lines without a colon': (size) => `${head}${'x\r\n'.repeat(size / 3)}\r\n`,
  'lines without a colon, foreign': (size) => `${head}${'é\r\n'.repeat(size / 4)}\r\n`,
  'lines ended by LF alone': (size) => `${head}${'X:a\n'.repeat(size / 4)}\r\n\r\n`,
  'lines ended by CR alone': (size) => `${head}${'X:a\r'.repeat(size / 4)}\r\n\r\n`,
  'NUL bytes': (size) => `${head}X: ${'\0'.repeat(size)}\r\n\r\n`,
  'NUL bytes behind backslashes': (size) => `${head}X: ${'\\\0'.repeat(size / 2)}\r\n\r\n`,
  'field names of their own': (size) =>
    head + Array.from({ length: size / 10 }, (_, index) => `x${index}:\r\n`).join('') + '\r\n',
  'a field name without end': (size) => `${head}${'x'.repeat(size)}: a\r\n\r\n`,
  'a Request-URI of colons': (size) => head.replace('sip:a@b', `sip:${':'.repeat(size)}`) + '\r\n',
  'a Request-URI of at signs': (size) => head.replace('sip:a@b', `sip:${'@'.repeat(size)}b`) + '\r\n',
  'a Request-URI of foreign letters': (size) =>
    head.replace('sip:a@b', `sip:${'é'.repeat(size / 2)}`) + '\r\n',
  'nested brackets and quotes': (size) => head.replace('<sip:a@b>;', `${'<"'.repeat(size / 2)};`) + '\r\n',
  'Content-Length again and again': (size) => head + 'l:0\r\n'.repeat(size / 5) + '\r\n',
  'Content-Length with a long number': (size) => `${head}l: ${'0'.repeat(size)}\r\n\r\n`,
  'Content-Length folded for ever': (size) => `${head}l: ${'\r\n '.repeat(size / 3)}0\r\n\r\n`,
  'empty lines before the message': (size) => '\r\n'.repeat(size / 2) + head + '\r\n',
  'overlong UTF-8': (size) => `${head}X: ${'\xc0\x8d\xc0\x8a'.repeat(size / 4)}\r\n\r\n`,
}

const values: Record<string, (size: number) => string> = {
  'a tel number that ends wrongly': (size) => `tel:+${'1'.repeat(size)}x`,
  'a local tel number that ends wrongly': (size) => `tel:${'1'.repeat(size)}x!`,
  'a host of dots': (size) => `sip:${'a.'.repeat(size / 2)}-`,
  'a host of hyphens': (size) => `sip:a${'-'.repeat(size)}`,
  'a user of percents': (size) => `sip:${'%41'.repeat(size / 3)}%@h`,
  'a user that is sound': (size) => `sip:${'%41b'.repeat(size / 4)}@h`,
  'URI parameters': (size) => `sip:h${';a'.repeat(size / 2)}`,
  'URI parameters of their own': (size) =>
    `sip:h;${Array.from({ length: size / 6 }, (_, index) => `p${index}`).join(';')}`,
  'URI headers': (size) => `sip:h?${'a=%62&'.repeat(size / 6)}`,
  'field parameters': (size) => `<sip:h>${';'.repeat(size)}`,
  'quoted field parameters': (size) => `<sip:h>${';a="b"'.repeat(size / 6)}`,
  'quotes before a bracket': (size) => `${'""'.repeat(size / 2)}<sip:h>;tag=1`,
  'quotes and no bracket': (size) => '""'.repeat(size / 2),
  'escapes in a quote': (size) => `"${'\\"'.repeat(size / 2)}" <sip:h>`,
  'blanks in a display name': (size) => `a${' '.repeat(size)}b${' '.repeat(size)}<sip:h>`,
  'a bracket that opens and opens': (size) => '<'.repeat(size),
  'a Via of blanks': (size) => `SIP/2.0/UDP h${' '.repeat(size)}x`,
  'a Via of blanks before its version': (size) => `SIP${' '.repeat(size)}2.0/UDP h`,
  'a digest of commas': (size) => `Digest ${','.repeat(size)}`,
  'a digest of directives': (size) => `Digest ${'a=b,'.repeat(size / 4)}`,
}

function bestOf(runs: number, work: () => void): number {
  let best = Infinity
  for (let run = 0; run < runs; run++) {
    const startedMs = performance.now()
    work()
    best = Math.min(best, performance.now() - startedMs)
  }
  return best
}

/** How many times longer sixteen times the input takes. */
function growth(work: (size: number) => void): number {
  work(smallSize)
  work(smallSize * factor)
  // Repeated until the small one takes long enough to be measured.
  let repeats = 1
  const some = (size: number) => (): void => {
    for (let count = 0; count < repeats; count++) work(size)
  }
  while (bestOf(1, some(smallSize)) < 0.4 && repeats < 256) repeats *= 2
  const small = bestOf(5, some(smallSize))
  const large = bestOf(5, some(smallSize * factor))
  return large / small
}

function readMessage(bytes: Buffer): void {
  try {
    formatMessage(parseMessage(bytes, limits))
  } catch (error) {
    if (!(error instanceof SipParseError)) throw error
    if (error.partial) formatMessage(error.partial)
  }
}

function readStream(bytes: Buffer): void {
  const frames = new FrameStream(
    { maxMessageBytes: 1 << 20, maxHeaderBytes: 1 << 20 },
    { onMessage: () => undefined, onPing: () => undefined, onError: () => undefined },
  )
  // In small pieces, as a slow sender would.
  for (let at = 0; at < bytes.length; at += 200) frames.push(bytes.subarray(at, at + 200))
}

function readValue(value: string): void {
  parseNameAddr(value)
  isSoundNameAddr(value)
  tagOf(value)
  tagOf(withTag(value, 'x'))
  formatNameAddr({ displayName: value, uri: 'sip:h' })
  const uri = parseUri(uriOf(value) ?? value) ?? parseUri(value)
  if (uri) uriEquals(uri, parseUri(formatUri(uri)) ?? uri)
  unescapeUser(value)
  escapeUser(value)
  parseVia(value)
  branchOf(value)
  withReceived(value, '192.0.2.1', 5060)
  parseParams(value, value.indexOf(';'))
  splitList(value)
  parseDigestCredentials(value)
  parseDigestChallenge(value)
}

function judge(name: string, make: (size: number) => (size: number) => void): void {
  void t.test(name, async (t) => {
    // A stop of the whole process may hit one measurement; it does not hit five.
    let grew = Infinity
    for (let attempt = 0; attempt < 5 && grew >= allowed; attempt++) {
      grew = Math.min(grew, growth(make(smallSize)))
    }
    t.ok(grew < allowed, `${factor} times the size took ${grew.toFixed(1)} times as long`)
  })
}

function cached<Input>(build: (size: number) => Input, read: (input: Input) => void): (size: number) => void {
  const inputs = new Map<number, Input>()
  return (size) => {
    let input = inputs.get(size)
    if (input === undefined) inputs.set(size, (input = build(size)))
    read(input)
  }
}

for (const [name, build] of Object.entries(messages)) {
  const bytes = (size: number): Buffer => Buffer.from(build(size), name.includes('UTF-8') ? 'latin1' : 'utf8')
  judge(`message: ${name}`, () => cached(bytes, readMessage))
  judge(`stream: ${name}`, () => cached(bytes, readStream))
}
for (const [name, build] of Object.entries(values)) judge(`value: ${name}`, () => cached(build, readValue))

void t.test('all shapes were judged', async (t) => {
  t.equal(Object.keys(messages).length, 32)
  t.equal(Object.keys(values).length, 20)
})
