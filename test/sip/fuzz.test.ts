import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { parseDigestChallenge, parseDigestCredentials } from '#src/sip/digest.ts'
import { formatMessage } from '#src/sip/format-message.ts'
import { FrameStream } from '#src/sip/frame-stream.ts'
import { parseNameAddr, tagOf, uriOf, withTag } from '#src/sip/name-addr.ts'
import { parseMessage, SipParseError } from '#src/sip/parse-message.ts'
import { formatUri, parseUri, uriEquals } from '#src/sip/uri.ts'
import { parseVia, withReceived } from '#src/sip/via.ts'

const seeds = ['rfc4475', 'rfc5118'].flatMap((kind) => {
  const folder = new URL(`./torture/${kind}/`, import.meta.url)
  return readdirSync(folder).map((file) => readFileSync(new URL(file, folder)))
})

/** mulberry32: small, and the same numbers for the same seed. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const interesting = [
  '\r\n',
  '\r',
  '\n',
  '\0',
  '"',
  '\\',
  '<',
  '>',
  ';',
  ',',
  ':',
  '%',
  '=',
  ' ',
  '\t',
  '\xff',
  '999999999999',
  '-1',
]

function mutate(seed: Buffer, random: () => number): Buffer {
  let bytes = Buffer.from(seed)
  const edits = 1 + Math.floor(random() * 6)
  for (let edit = 0; edit < edits; edit++) {
    const at = Math.floor(random() * (bytes.length + 1))
    const choice = random()
    if (choice < 0.3 && bytes.length > 0) bytes[at % bytes.length] = Math.floor(random() * 256)
    else if (choice < 0.6) {
      const piece = Buffer.from(interesting[Math.floor(random() * interesting.length)] as string, 'latin1')
      bytes = Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)])
    } else if (choice < 0.8) {
      bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + Math.floor(random() * 40))])
    } else {
      const other = seeds[Math.floor(random() * seeds.length)] as Buffer
      const from = Math.floor(random() * other.length)
      bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(from, from + 60), bytes.subarray(at)])
    }
  }
  return bytes
}

void t.test('mutated messages raise SipParseError or nothing, in every function that reads them', (t) => {
  const random = generator(4475)
  const untilMs = performance.now() + 3000
  let accepted = 0
  let refused = 0
  let framed = 0
  while (performance.now() < untilMs) {
    const bytes = mutate(seeds[Math.floor(random() * seeds.length)] as Buffer, random)
    try {
      const message = parseMessage(bytes, { maxHeaderBytes: 8000 })
      accepted++
      for (const value of message.headers.flat) {
        const nameAddr = parseNameAddr(value)
        tagOf(withTag(value, 'x'))
        const uri = parseUri(nameAddr?.uri ?? uriOf(value) ?? value)
        if (uri && !uriEquals(uri, parseUri(formatUri(uri)) ?? { ...uri, host: '' }))
          t.fail(`URI changed: ${value}`)
        parseVia(value)
        withReceived(value, '192.0.2.1', 5060)
        parseDigestCredentials(value)
        parseDigestChallenge(value)
      }
      const again = parseMessage(formatMessage(message))
      if (again.headers.flat.join('\n') !== message.headers.flat.join('\n')) {
        t.same(again.headers.flat, message.headers.flat, 'an accepted message survives formatting')
      }
    } catch (error) {
      if (!(error instanceof SipParseError)) {
        t.fail(`${String(error)} for ${JSON.stringify(bytes.toString('latin1'))}`)
        break
      }
      refused++
      if (error.partial) formatMessage(error.partial)
    }
    const frames = new FrameStream(
      { maxMessageBytes: 20_000, maxHeaderBytes: 8000 },
      {
        onMessage: () => framed++,
        onPing: () => undefined,
        onError: () => undefined,
      },
    )
    const cut = Math.floor(random() * bytes.length)
    frames.push(bytes.subarray(0, cut))
    frames.push(bytes.subarray(cut))
  }
  t.ok(
    accepted > 500 && refused > 500 && framed > 500,
    `${accepted} accepted, ${refused} refused, ${framed} framed`,
  )
  t.end()
})
