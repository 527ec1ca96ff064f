import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '#test/house/source-files.ts'
import { freeMediaPort, freePort } from '#test/peers/free-port.ts'
import { startSipp } from '#test/peers/sipp.ts'
import { answerScenario } from '#test/peers/sipp-scenarios.ts'
import { doorFrames, readCorpus } from './corpus.ts'
import { Dice } from './dice.ts'
import { LiveCalls } from './live-calls.ts'
import type { FromChild, Sample, ToChild } from './messages.ts'
import { mutate, refreshed } from './mutate.ts'
import { probeCall, probeOptions } from './probe.ts'
import { openDoor, openStream, openUdp, openWebSocket, tcpDial, tlsDial, type Wire } from './wires.ts'

/** How a run is made. */
export interface FuzzOptions {
  seconds: number
  seed: number
  /** Messages per second over all transports. */
  rate: number
  report(line: string): void
}

/** What a run found. */
export interface FuzzVerdict {
  /** In words; empty when nothing is wrong. */
  failures: string[]
  sent: Record<string, number>
  answeredCalls: number
  probes: { options: number; calls: number; worstOptionsMs: number }
  /** Worst 99th percentile of all samples: of the engine's own work, and by the clock on the wall. */
  ownP99Ms: number
  wallP99Ms: number
  /** Memory after garbage collection, MB, at the start, at each sample, at the end. */
  heapMb: number[]
  rssMb: number[]
  /** Least squares over the samples of the run itself, MB per minute. */
  heapSlopeMbPerMinute: number
  rssSlopeMbPerMinute: number
  /** What is alive at the end, when everything had its time to end. */
  leftOver: Record<string, number>
  refusals: number
}

const alive = [
  'serverTransactionsAlive',
  'clientTransactionsAlive',
  'dialogsAlive',
  'requestsServing',
  'requestsAsking',
] as const

const probeEveryMs = 2000
const probeLimitMs = 2000
const callProbeEveryMs = 5000
/** Timer D is 32 s whatever T1 is; nothing else lives as long. */
const endLimitMs = 45_000
/** Inputs remembered, to be looked at when something breaks. */
const rememberedInputs = 400

class Child {
  readonly process: ChildProcess
  exited: string | undefined
  #waiting: ((sample: Sample) => void)[] = []
  readonly ready: Promise<Extract<FromChild, { kind: 'ready' }>>

  constructor(args: string[]) {
    this.process = spawn(
      process.execPath,
      [
        '--expose-gc',
        '--disable-warning=ExperimentalWarning',
        join(root, 'test/fuzz/engine-process.ts'),
        ...args,
      ],
      { cwd: root, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
    )
    this.ready = new Promise((resolve, reject) => {
      this.process.on('message', (message: FromChild) => {
        if (message.kind === 'ready') resolve(message)
        else this.#waiting.shift()?.(message.sample)
      })
      this.process.on('exit', (code, signal) => {
        this.exited = `exit ${code ?? signal}`
        reject(new Error(`the engine's process ended: ${this.exited}`))
      })
    })
  }

  /** Undefined when the process does not answer in time: it hangs or is gone. */
  sample(limitMs = 10_000): Promise<Sample | undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(undefined), limitMs)
      this.#waiting.push((sample) => {
        clearTimeout(timer)
        resolve(sample)
      })
      const message: ToChild = { kind: 'sample' }
      if (this.process.connected) this.process.send(message)
    })
  }

  async stop(): Promise<void> {
    if (this.exited !== undefined) return
    const ended = new Promise<void>((resolve) => this.process.once('exit', () => resolve()))
    const message: ToChild = { kind: 'stop' }
    if (this.process.connected) this.process.send(message)
    setTimeout(() => this.process.kill('SIGKILL'), 5000).unref()
    await ended
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Slope of the least-squares line through equally spaced values, per step. */
export function slope(values: readonly number[]): number {
  const count = values.length
  if (count < 2) return 0
  const meanX = (count - 1) / 2
  const meanY = values.reduce((sum, value) => sum + value, 0) / count
  let over = 0
  let under = 0
  values.forEach((value, index) => {
    over += (index - meanX) * (value - meanY)
    under += (index - meanX) ** 2
  })
  return over / under
}

/** True in a network namespace of our own, where the engine can reach nothing but itself. */
export function isAlone(): boolean {
  return spawnSync('ip', ['-o', 'route', 'show', 'default'], { encoding: 'utf8' }).stdout.trim() === ''
}

/** Throws mutated messages at an engine in a process of its own, and watches how it fares. */
export async function fuzz(options: FuzzOptions): Promise<FuzzVerdict> {
  const dice = new Dice(options.seed)
  const corpus = readCorpus()
  const failures: string[] = []
  const fail = (text: string): void => {
    if (failures.length < 20) failures.push(text)
    options.report(`FAILED ${text}`)
  }
  const probePort = await freePort()
  const answering = startSipp({
    scenario: answerScenario({ srtp: false }),
    localPort: probePort,
    mediaPort: await freeMediaPort(),
  })
  const live = await LiveCalls.open(dice)
  const child = new Child([String(probePort), String(live.port)])
  const { ports, door } = await child.ready
  const port = (name: string): number => ports[name] ?? 0
  live.begin(port('udp'))
  const wires: Wire[] = [
    await openUdp(port('udp'), dice),
    openStream('tcp', tcpDial(port('tcp')), dice),
    openStream('tls', tlsDial(port('tls')), dice, 3),
    openWebSocket('ws', port('ws'), dice),
    openWebSocket('wss', port('wss'), dice),
  ]
  // What an application may make the engine send could leave this machine; in a network of its own it cannot.
  const doorWire = isAlone() ? openDoor(door, dice) : undefined
  if (!doorWire) options.report('not alone in its network: frames at the door are left out')

  const sent: Record<string, number> = {}
  const inputs: string[] = []
  const throwOne = (): void => {
    const kind = dice.float()
    let wire = dice.pick(wires)
    let bytes: Buffer
    if (doorWire && kind < 0.05) {
      wire = doorWire
      const frame = Buffer.from(dice.pick(doorFrames))
      bytes = dice.chance(0.4) ? frame : mutate(frame, Buffer.from(dice.pick(doorFrames)), dice)
    } else if (kind < 0.12) {
      live.call()
      return
    } else if (kind < 0.3) {
      // Into dialogs and transactions that live; from the address that they know, more often than not.
      const base = (dice.chance(0.6) ? live.request() : live.response()) ?? dice.pick(corpus)
      if (dice.chance(0.7)) wire = wires[0] as Wire
      bytes = dice.chance(0.5) ? base : mutate(base, dice.pick(corpus), dice)
    } else {
      const base = dice.chance(0.8) ? refreshed(dice.pick(corpus), dice) : dice.pick(corpus)
      bytes = dice.chance(0.1) ? base : mutate(base, dice.pick(corpus), dice)
    }
    sent[wire.name] = (sent[wire.name] ?? 0) + 1
    inputs.push(`${wire.name} ${bytes.toString('base64')}`)
    if (inputs.length > rememberedInputs) inputs.shift()
    wire.send(bytes)
  }

  const probes = { options: 0, calls: 0, worstOptionsMs: 0 }
  let ownP99Ms = 0
  let wallP99Ms = 0
  const heapMb: number[] = []
  const rssMb: number[] = []
  let last: Sample | undefined
  const takeSample = async (limitMs?: number): Promise<void> => {
    last = await child.sample(limitMs)
    if (!last) {
      fail(`the engine's process does not answer (${child.exited ?? 'hangs'})`)
      return
    }
    for (const error of last.errors) fail(error)
    heapMb.push(last.heapUsed / 1e6)
    rssMb.push(last.rss / 1e6)
  }
  const stopped = (): boolean => child.exited !== undefined || failures.length >= 20

  await probeCall(port('udp'))
  await takeSample()
  heapMb.length = 0
  rssMb.length = 0

  const startedMs = performance.now()
  const elapsedMs = (): number => performance.now() - startedMs
  const untilMs = options.seconds * 1000
  // The first tenth warms caches and compiled code; memory is judged from there on.
  const warmMs = untilMs / 10
  const sampleEveryMs = Math.max(3000, Math.min(60_000, untilMs / 8))
  let nextSampleMs = warmMs
  let nextProbeMs = probeEveryMs
  let nextCallMs = callProbeEveryMs
  let owed = 0
  let lastMs = 0
  const running: Promise<unknown>[] = []
  while (elapsedMs() < untilMs && !stopped()) {
    await sleep(5)
    const nowMs = elapsedMs()
    owed += ((nowMs - lastMs) * options.rate) / 1000
    lastMs = nowMs
    // After a pause of this process the rest is let go: a burst of seconds would prove nothing about the engine.
    owed = Math.min(owed, options.rate / 20)
    for (; owed >= 1; owed--) throwOne()
    if (nowMs >= nextProbeMs) {
      nextProbeMs = nowMs + probeEveryMs
      running.push(
        probeOptions(port('udp'), probeLimitMs).then((tookMs) => {
          probes.options++
          if (tookMs === undefined) fail(`OPTIONS unanswered for ${probeLimitMs} ms`)
          else probes.worstOptionsMs = Math.max(probes.worstOptionsMs, tookMs)
        }),
      )
    }
    if (nowMs >= nextCallMs) {
      nextCallMs = nowMs + callProbeEveryMs
      running.push(
        probeCall(port('udp')).then((problem) => {
          probes.calls++
          if (problem !== undefined) fail(`a call by SIPp failed: ${problem.slice(-600)}`)
        }),
      )
    }
    if (nowMs >= nextSampleMs) {
      nextSampleMs = nowMs + sampleEveryMs
      await takeSample()
      if (last) {
        // The first sample holds the compilation of everything.
        if (heapMb.length > 1) {
          ownP99Ms = Math.max(ownP99Ms, last.loop.ownP99Ms)
          wallP99Ms = Math.max(wallP99Ms, last.loop.wallP99Ms)
        }
        const total = Object.values(sent).reduce((sum, count) => sum + count, 0)
        options.report(
          `${(nowMs / 1000).toFixed(0).padStart(4)} s  ${total} sent  heap ${(heapMb.at(-1) ?? 0).toFixed(1)} MB  ` +
            `rss ${(rssMb.at(-1) ?? 0).toFixed(0)} MB  loop p99 ${last.loop.ownP99Ms.toFixed(1)} ms (wall ${last.loop.wallP99Ms.toFixed(1)}, max ${last.loop.ownMaxMs.toFixed(0)})  ` +
            `alive ${alive.map((name) => last?.counters[name] ?? 0).join('/')}  calls ${live.answered}`,
        )
      }
    }
  }
  await Promise.all(running)
  const heapSlope = (slope(heapMb) * 60_000) / sampleEveryMs
  const rssSlope = (slope(rssMb) * 60_000) / sampleEveryMs

  for (const wire of wires) wire.close()
  doorWire?.close()
  live.close()
  await answering.stop()
  // Everything has its time to end: lost phones, unanswered transactions, dialogs whose BYE nobody answers.
  const endMs = performance.now() + endLimitMs
  const total = (): number => alive.reduce((sum, name) => sum + (last?.counters[name] ?? 0), 0)
  do {
    await sleep(1000)
    last = await child.sample()
    for (const error of last?.errors ?? []) fail(error)
  } while (last && total() > 0 && performance.now() < endMs)
  heapMb.push((last?.heapUsed ?? 0) / 1e6)
  rssMb.push((last?.rss ?? 0) / 1e6)
  const leftOver = Object.fromEntries(alive.map((name) => [name, last?.counters[name] ?? -1]))
  if (total() > 0) fail(`left over: ${JSON.stringify(leftOver)}`)
  if ((last?.counters['userFailures'] ?? 0) > 0)
    fail(`${last?.counters['userFailures']} messages made the engine throw`)
  if (child.exited !== undefined) fail(`the engine's process ended: ${child.exited}`)
  if (failures.length > 0) {
    const file = join(mkdtempSync(join(tmpdir(), 'fuzz-sip-')), 'inputs.txt')
    writeFileSync(file, `${inputs.join('\n')}\n`)
    options.report(`the last ${inputs.length} inputs stand in ${file}, base64, oldest first`)
  }
  await child.stop()
  return {
    failures,
    sent,
    answeredCalls: live.answered,
    probes,
    ownP99Ms,
    wallP99Ms,
    heapMb,
    rssMb,
    heapSlopeMbPerMinute: heapSlope,
    rssSlopeMbPerMinute: rssSlope,
    leftOver,
    refusals: last?.refusals ?? 0,
  }
}
