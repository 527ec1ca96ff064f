import { systemClock } from '#src/base/clock.ts'
import { silentLogger } from '#src/base/logger.ts'
import { maskMessage } from '#src/engine/trace/mask-message.ts'
import type { MessageTap } from '#src/engine/trace/message-tap.ts'
import { Signalling } from '#src/engine/trace/signalling.ts'
import type { Flow } from '#src/engine/transport/transport-port.ts'
import type { SipMessage } from '#src/sip/message.ts'
import { formatMessage } from '#src/sip/format-message.ts'
import { parseMessage } from '#src/sip/parse-message.ts'
import { message, sampleFlow, sampleSdp } from '#test/engine/trace/sample-call.ts'

// What listening to every message costs: `node test/bench/trace-tap.ts`. Parsing and formatting go on around it, as in
// the engine, so that the collector has the garbage of both to deal with.

const phones = 2_000
const rounds = 100_000
const callBytes = message(
  'INVITE sip:b@branchline SIP/2.0',
  { callId: 'CALL', cseq: '1 INVITE' },
  [],
  sampleSdp,
)
const box = { host: '192.0.2.1', port: 5060 }

interface Peer {
  flow: Flow
  register: Buffer
  invite: Buffer
}

const peers: Peer[] = Array.from({ length: phones }, (_, index) => ({
  flow: sampleFlow('udp', box, { host: `10.0.${index >> 8}.${index & 255}`, port: 5060 }),
  register: message('REGISTER sip:branchline SIP/2.0', { callId: `r${index}`, cseq: '1 REGISTER' }, [
    `X-Fill: ${'f'.repeat(250)}`,
  ]),
  invite: Buffer.from(callBytes.toString().replace('Call-ID: CALL', `Call-ID: c${index}`)),
}))

/** CPU in us per message: one received and parsed, one formatted and sent, per round. */
function measure(
  tap: MessageTap | undefined,
  pick: (peer: Peer) => Buffer,
  each?: (index: number) => void,
): number {
  const before = process.cpuUsage()
  for (let round = 0; round < rounds; round++) {
    const peer = peers[round % phones] as Peer
    const bytes = Buffer.from(pick(peer))
    const parsed: SipMessage = parseMessage(bytes)
    tap?.received(bytes, peer.flow, parsed)
    each?.(round % phones)
    const answer: SipMessage = {
      kind: 'response',
      status: 200,
      reason: 'OK',
      headers: parsed.headers,
      body: parsed.body,
    }
    const sent = formatMessage(answer)
    tap?.sent(sent, peer.flow, answer)
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / rounds / 2
}

function tapWith(megabytes: number): Signalling {
  const signalling = new Signalling({ clock: systemClock, logger: silentLogger, secretCodes: ['*55*'] })
  signalling.start({ limits: { maxBytes: megabytes * 1024 * 1024, maxAgeMs: 3_600_000 }, homer: undefined })
  return signalling
}

function median(runs: number[]): number {
  return runs.sort((a, b) => a - b)[runs.length >> 1] as number
}

function show(name: string, pick: (peer: Peer) => Buffer, calls: boolean): void {
  const ways: [string, () => Signalling | undefined][] = [
    ['no tap', () => undefined],
    ['tap, keeping off', () => tapWith(0)],
    ['tap, 16 MB', () => tapWith(16)],
  ]
  const runs = ways.map((): number[] => [])
  // In turns, so that a busy moment of the machine does not hit one way alone.
  for (let run = 0; run < 7; run++) {
    for (const [index, [, make]] of ways.entries()) {
      const tap = make()
      const join = (peer: number): void =>
        tap?.join(`call${peer}`, `c${peer}`, { kind: 'line', id: '1', number: '1', displayName: '' })
      runs[index]?.push(measure(tap, pick, calls ? join : undefined))
      tap?.stop()
    }
  }
  const none = median(runs[0] as number[])
  for (const [index, [way]] of ways.entries()) {
    const us = median(runs[index] as number[])
    const more = index === 0 ? '' : `  (${(us - none).toFixed(2)} us more)`
    process.stdout.write(`${name.padEnd(10)} ${way.padEnd(18)} ${us.toFixed(2)} us per message${more}\n`)
  }
}

show('REGISTER', ({ register }) => register, false)
show('INVITE', ({ invite }) => invite, true)
const maskedAt = process.cpuUsage()
for (let index = 0; index < 20_000; index++) maskMessage(callBytes, ['*55*'])
const { user } = process.cpuUsage(maskedAt)
process.stdout.write(`masking an INVITE, only when it is read: ${(user / 20_000).toFixed(1)} us\n`)
