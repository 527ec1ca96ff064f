import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { build, decodeFromCompressedBase64 } from 'hdr-histogram-js'
import { systemClock } from '#src/base/clock.ts'
import { silentLogger } from '#src/base/logger.ts'
import { systemRandom } from '#src/base/random.ts'
import type { RtpProfile } from '#src/media/media-relay.ts'
import { createRtpengineRelay } from '#src/media/rtpengine/rtpengine-relay.ts'
import { startRtpengine } from '#test/support/rtpengine.ts'
import type { RelayReply, RelayRequest } from './media-relay-process.ts'
import { run, type RunResult, type Subject } from './media-run.ts'

// `npm run bench:media`: our relay and rtpengine under the same load, one after the other, in one run.
// 200 one-way flows of 172-byte G.711 packets every 20 ms; sender, receiver and relay are processes of their own.
// CPU is user + system time of the relaying process (/proc/<pid>/stat) over the packets sent in the measured window.
// Latency goes from the sender's clock before send() to the receiver's callback, before it decrypts; so it includes
// both loopback hops and the wake-up of two processes. The direct run has one hop and no relay: "added" is the
// difference of the two percentiles.

//
// Relays take turns in short rounds whose figures are added up: other work on the machine hits both alike.

const options = { flows: 200, warmMs: 1500, measureMs: 3000 }
const rounds = 3
const allowedLoss = 0.001

const ours = await startOurs()
const engine = await startRtpengine({ portMin: 26_000, portMax: 27_999, args: ['--num-threads=1'] })
const theirs = createRtpengineRelay({
  ...engine,
  clock: systemClock,
  random: systemRandom,
  logger: silentLogger,
})
await theirs.start()
const rtpengine: Subject = {
  name: 'rtpengine',
  pid: engine.process.pid ?? 0,
  offer: (request) => theirs.offer(request),
  answer: (request) => theirs.answer(request),
  delete: (sessionId) => theirs.delete(sessionId),
}

const plan: [name: string, subject: Subject | undefined, profile: RtpProfile][] = [
  ['direct', undefined, 'RTP/AVP'],
  ['ours RTP→RTP', ours.subject, 'RTP/AVP'],
  ['rtpengine RTP→RTP', rtpengine, 'RTP/AVP'],
  ['ours RTP→SRTP', ours.subject, 'RTP/SAVP'],
  ['rtpengine RTP→SRTP', rtpengine, 'RTP/SAVP'],
]

let right = true
try {
  const results: RunResult[][] = plan.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (const [index, [name, subject, profile]] of plan.entries()) {
      const result = await run(name, subject, profile, options)
      right &&= isRight(result)
      results[index]?.push(result)
    }
  }
  const [direct, plainOurs, plainTheirs, secureOurs, secureTheirs] = results.map(summary)
  if (!direct || !plainOurs || !plainTheirs || !secureOurs || !secureTheirs)
    throw new Error('a run is missing')
  print([direct, plainOurs, plainTheirs, secureOurs, secureTheirs])
  const added = (key: keyof Percentiles): number =>
    round(Math.max(0, secureOurs.latencyUs[key] - direct.latencyUs[key]), 1)
  console.log(
    JSON.stringify({
      rtp_srtp_cpu_us: round(secureOurs.cpuUs, 2),
      rtp_srtp_vs_rtpengine: round(secureOurs.cpuUs / secureTheirs.cpuUs, 3),
      rtp_rtp_vs_rtpengine: round(plainOurs.cpuUs / plainTheirs.cpuUs, 3),
      added_latency_us: { p50: added('p50'), p99: added('p99'), p999: added('p999') },
    }),
  )
} finally {
  ours.child.kill()
  await theirs.stop()
  await engine.stop()
}
process.exitCode = right ? 0 : 1

interface Percentiles {
  p50: number
  p99: number
  p999: number
}

interface Summary {
  name: string
  packets: number
  lost: number
  userUs: number
  systemUs: number
  cpuUs: number
  latencyUs: Percentiles
}

function summary(results: RunResult[]): Summary {
  const sum = (value: (result: RunResult) => number): number =>
    results.reduce((total, result) => total + value(result), 0)
  const packets = sum((result) => result.packets)
  const userUs = (sum((result) => result.userS) * 1e6) / packets
  const systemUs = (sum((result) => result.systemS) * 1e6) / packets
  const all = build({ numberOfSignificantValueDigits: 3 })
  for (const { report } of results) all.add(decodeFromCompressedBase64(report.histogram))
  const us = (percentile: number): number => all.getValueAtPercentile(percentile) / 1000
  return {
    name: results[0]?.name ?? '',
    packets,
    lost: sum((result) => result.lost),
    userUs,
    systemUs,
    cpuUs: userUs + systemUs,
    latencyUs: { p50: us(50), p99: us(99), p999: us(99.9) },
  }
}

function isRight({ name, report, lost, packets }: RunResult): boolean {
  const { undecryptable, damaged } = report
  if (undecryptable === 0 && damaged === 0 && Math.abs(lost) <= packets * allowedLoss) return true
  console.error(`${name} is not right: ${JSON.stringify({ packets, lost, undecryptable, damaged })}`)
  return false
}

function print(results: Summary[]): void {
  const { flows, measureMs } = options
  console.log(
    `${flows} flows, 172-byte G.711 packets every 20 ms, ${rounds} rounds of ${measureMs / 1000} s after warm-up`,
  )
  console.log(
    'CPU of the relaying process per packet; latency from send() to the receiver, loopback included\n',
  )
  console.log(row('', 'packets', 'lost', 'user µs', 'system µs', 'CPU µs', 'p50 µs', 'p99 µs', 'p99.9 µs'))
  for (const { name, packets, lost, userUs, systemUs, cpuUs, latencyUs } of results) {
    const figures = [userUs, systemUs, cpuUs].map((value) => (cpuUs === 0 ? '-' : value.toFixed(2)))
    const latencies = [latencyUs.p50, latencyUs.p99, latencyUs.p999].map((value) => value.toFixed(0))
    console.log(row(name, String(packets), String(lost), ...figures, ...latencies))
  }
  console.log('')
}

function row(name: string, ...cells: string[]): string {
  return name.padEnd(20) + cells.map((cell) => cell.padStart(11)).join('')
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}

async function startOurs(): Promise<{ child: ChildProcess; subject: Subject }> {
  const child = fork(new URL('./media-relay-process.ts', import.meta.url))
  const waiting = new Map<number, (reply: RelayReply) => void>()
  let nextId = 1
  child.on('message', (reply: RelayReply) => {
    waiting.get(reply.id)?.(reply)
    waiting.delete(reply.id)
  })
  await once(child, 'message')
  const ask = async (message: DistributiveOmit<RelayRequest, 'id'>): Promise<string> => {
    const id = nextId++
    const reply = await new Promise<RelayReply>((resolve) => {
      waiting.set(id, resolve)
      child.send({ ...message, id })
    })
    if (reply.error !== undefined) throw new Error(reply.error)
    return reply.text ?? ''
  }
  return {
    child,
    subject: {
      name: 'ours',
      pid: child.pid ?? 0,
      offer: (request) => ask({ kind: 'offer', request }),
      answer: (request) => ask({ kind: 'answer', request }),
      delete: (sessionId) => ask({ kind: 'delete', sessionId }),
    },
  }
}

type DistributiveOmit<T, Key extends PropertyKey> = T extends unknown ? Omit<T, Key> : never
