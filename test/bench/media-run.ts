import { fork, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { systemRandom } from '#src/base/random.ts'
import type { DescribeRequest, RtpProfile } from '#src/media/media-relay.ts'
import { formatCryptoLine, keyFromBytes } from '#src/sdp/crypto-line.ts'
import { findAudio } from '#src/sdp/offer-answer.ts'
import { parseSdp } from '#src/sdp/parse.ts'
import type { LoadReply, LoadReport, LoadRequest } from './media-load.ts'

/** A relay under test: what to ask, and the process that does the relaying. */
export interface Subject {
  name: string
  pid: number
  offer(request: DescribeRequest): Promise<string>
  answer(request: DescribeRequest): Promise<string>
  delete(sessionId: string): Promise<unknown>
}

export interface RunResult {
  name: string
  /** Packets sent in the measured window. */
  packets: number
  /** What the relaying process used in that window. */
  userS: number
  systemS: number
  report: LoadReport
  lost: number
}

export interface RunOptions {
  flows: number
  warmMs: number
  measureMs: number
}

let nextSession = 1

/** Runs the load through a relay, or straight when there is none, and measures what the relay's process used. */
export async function run(
  name: string,
  subject: Subject | undefined,
  profile: RtpProfile,
  options: RunOptions,
): Promise<RunResult> {
  const sender = new Load('sender')
  const receiver = new Load('receiver')
  const sessions: string[] = []
  try {
    const from = await sender.ask({ kind: 'open', flows: options.flows }, 'opened')
    const to = await receiver.ask({ kind: 'open', flows: options.flows }, 'opened')
    const plan: Extract<LoadRequest, { kind: 'receive' }> = {
      kind: 'receive',
      relayPorts: [],
      relayKeys: [],
      ownKeys: [],
    }
    const targets = subject ? [] : to.ports
    for (let flow = 0; subject && flow < options.flows; flow++) {
      const sessionId = `${name}-${nextSession++}`
      sessions.push(sessionId)
      targets.push(await connectCall(subject, sessionId, profile, from.ports[flow]!, to.ports[flow]!, plan))
    }
    await receiver.ask(plan, 'receiving')
    const measuring = sender.next('measuring')
    const sent = sender.ask(
      { kind: 'send', targets, warmMs: options.warmMs, measureMs: options.measureMs },
      'sent',
    )
    await measuring
    const before = subject && cpuOf(subject.pid)
    const { sent: packets, sentMeasured } = await sent
    const after = subject && cpuOf(subject.pid)
    const report = await settled(receiver, packets)
    return {
      name,
      packets: sentMeasured,
      userS: before && after ? after.userS - before.userS : 0,
      systemS: before && after ? after.systemS - before.systemS : 0,
      report,
      lost: packets - report.received,
    }
  } finally {
    sender.end()
    receiver.end()
    for (const sessionId of sessions) await subject?.delete(sessionId)
  }
}

/** Asks for the report until every packet has arrived, or nothing more arrives. */
async function settled(receiver: Load, packets: number): Promise<LoadReport> {
  let last = -1
  for (;;) {
    const { report } = await receiver.ask({ kind: 'report' }, 'report')
    const seen = report.received + report.undecryptable + report.damaged
    if (seen >= packets || seen === last) return report
    last = seen
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
}

async function connectCall(
  subject: Subject,
  sessionId: string,
  profile: RtpProfile,
  callerPort: number,
  calleePort: number,
  plan: Extract<LoadRequest, { kind: 'receive' }>,
): Promise<number> {
  const ownKey = keyFromBytes('AES_CM_128_HMAC_SHA1_80', new Uint8Array(systemRandom.bytes(30)))
  const ownLine = profile === 'RTP/SAVP' ? formatCryptoLine(1, ownKey) : undefined
  const offered = await subject.offer({
    sessionId,
    from: 'caller',
    sdp: sdp(callerPort, 'RTP/AVP', undefined),
    toward: { profile, localAddress: '127.0.0.1' },
  })
  const offer = findAudio(parseSdp(offered))
  plan.relayPorts.push(offer.remote?.port ?? 0)
  if (offer.crypto) plan.relayKeys.push(formatCryptoLine(1, offer.crypto.key))
  if (ownLine !== undefined) plan.ownKeys.push(ownLine)
  const answered = await subject.answer({
    sessionId,
    from: 'callee',
    // The answer repeats the tag of the line that it takes.
    sdp: sdp(calleePort, profile, ownLine?.replace(/^1 /, `${offer.crypto?.tag ?? 1} `)),
    toward: { profile: 'RTP/AVP', localAddress: '127.0.0.1' },
  })
  return findAudio(parseSdp(answered)).remote?.port ?? 0
}

function sdp(port: number, profile: RtpProfile, crypto: string | undefined): string {
  const lines = [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    `m=audio ${port} ${profile} 8`,
  ]
  if (crypto !== undefined) lines.push(`a=crypto:${crypto}`)
  return lines.join('\r\n') + '\r\n'
}

/** User and system seconds of a process with all its threads (proc(5), fields 14 and 15, in ticks of 10 ms). */
function cpuOf(pid: number): { userS: number; systemS: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { userS: Number(fields[11]) / 100, systemS: Number(fields[12]) / 100 }
}

/** A load process and the replies it gives. */
class Load {
  readonly #child: ChildProcess
  readonly #waiting: { kind: string; resolve: (reply: LoadReply) => void; reject: (error: Error) => void }[] =
    []

  constructor(role: string) {
    this.#child = fork(new URL('./media-load.ts', import.meta.url), [role])
    this.#child.on('message', (reply: LoadReply) => {
      const index = this.#waiting.findIndex((waiting) => waiting.kind === reply.kind)
      if (index >= 0) this.#waiting.splice(index, 1)[0]?.resolve(reply)
    })
    this.#child.on('exit', () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error(`the ${role} process ended`))
    })
  }

  /** The next reply of a kind. */
  next<Kind extends LoadReply['kind']>(kind: Kind): Promise<Extract<LoadReply, { kind: Kind }>> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ kind, resolve: resolve as (reply: LoadReply) => void, reject })
    })
  }

  ask<Kind extends LoadReply['kind']>(
    request: LoadRequest,
    kind: Kind,
  ): Promise<Extract<LoadReply, { kind: Kind }>> {
    const reply = this.next(kind)
    this.#child.send(request)
    return reply
  }

  end(): void {
    this.#child.kill()
  }
}
