import { readdirSync, readFileSync } from 'node:fs'
import { createSocket } from 'node:dgram'
import t from 'tap'
import { parseMessage, SipParseError } from '#src/sip/parse-message.ts'
import { parseUri } from '#src/sip/uri.ts'
import { startTestEngine } from '#test/support/start-engine.ts'
import { probeOptions } from './probe.ts'

const folder = new URL('./found/', import.meta.url)

/** What each input did before it was mended. All of them cost the square of their size. */
const found: Record<string, string> = {
  'folds-before-stray-cr':
    'thousands of folds, then a CR of its own: read again from each fold on, a second of CPU',
  'blanks-before-fold': 'blanks that no fold follows: the pattern that unfolds tried each of them',
  'parameters-without-end': 'empty parameters: each searched the whole value for a quote',
  'quotes-without-end': 'empty quotes: each searched the whole value for a bracket',
  'folds-ended-by-lf': 'folds ended by LF: each searched the whole message for a CR',
  'tel-with-wrong-end':
    'a telephone number of 28,000 digits and a letter: the pattern cut it in two everywhere',
}

function read(name: string): Buffer {
  return readFileSync(new URL(`${name}.sip`, folder))
}

function parse(bytes: Buffer): void {
  try {
    const message = parseMessage(bytes)
    if (message.kind === 'request') parseUri(message.uri)
  } catch (error) {
    if (!(error instanceof SipParseError)) throw error
  }
}

function bestMs(work: () => void): number {
  let best = Infinity
  for (let run = 0; run < 7; run++) {
    const startedMs = performance.now()
    work()
    best = Math.min(best, performance.now() - startedMs)
  }
  return best
}

void t.test('inputs that once broke something are read at the price of their size', async (t) => {
  const names = readdirSync(folder).filter((name) => name.endsWith('.sip'))
  t.same(names.map((name) => name.replace('.sip', '')).sort(), Object.keys(found).sort())
  // An ordinary header section of the same size is what they are measured against.
  const plain = Buffer.from(
    `OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n` +
      `Call-ID: c\r\nCSeq: 1 OPTIONS\r\n${'Warning: 399 h "a"\r\n'.repeat(1500)}\r\n`,
  )
  const plainMs = bestMs(() => parse(plain))
  for (const [name, story] of Object.entries(found)) {
    const tookMs = bestMs(() => parse(read(name)))
    t.ok(
      tookMs < plainMs * 12,
      `${name}: ${story} (now ${(tookMs / plainMs).toFixed(1)} times an ordinary one)`,
    )
  }
})

void t.test('an engine that gets them all serves on', async (t) => {
  const { srf, udpPort, engine } = await startTestEngine(t)
  srf.use('options', (_req, res) => res.send(200))
  srf.use('invite', (_req, res) => res.send(486))
  const socket = createSocket('udp4')
  t.teardown(() => socket.close())
  for (const name of Object.keys(found)) socket.send(read(name), udpPort, '127.0.0.1')
  t.ok((await probeOptions(udpPort, 5000)) !== undefined)
  t.equal(engine.counters()['userFailures'], 0)
})
