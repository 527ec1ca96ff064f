import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '#test/house/source-files.ts'
import { freeMediaPort, freePort } from '#test/peers/free-port.ts'
import { startSipp, type SippProcess } from '#test/peers/sipp.ts'
import {
  answerScenario,
  authenticationField,
  callScenario,
  plainCallScenario,
  registerScenario,
} from '#test/peers/sipp-scenarios.ts'
import { Box } from '#test/support/box.ts'
import { nodeFlags } from '#test/support/node-flags.ts'
import { seedLines, seededNumber } from '#test/support/seed.ts'
import type { FromSoaked, ToSoaked } from './messages.ts'

/** The memory of the process under load, at one moment. */
export interface Memory {
  rssMb: number
  /** What the latest full collection left. */
  heapMb: number
}

/** All figures of the process under load, at one moment. */
export interface Figures extends Memory {
  /** Open files, sockets and pipes. */
  handles: number
  dialogs: number
  transactions: number
}

/** One minute of load. */
export interface Minute {
  calls: number
  failedCalls: number
  registrations: number
  failedRegistrations: number
  figures: Figures
}

/** What is loaded: the whole box, or the engine with the smallest B2BUA. */
export interface Soaked {
  /** Calls and registrations for so many seconds. */
  load(rate: number, seconds: number): Promise<Omit<Minute, 'figures'>>
  figures(): Promise<Figures>
  /** Asks the process nothing. */
  memory(): Memory
  stop(): Promise<void>
}

const lineCount = 200
const registrationsPerS = 20

function handlesOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

function rssMbOf(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(line?.[1] ?? 0) / 1024
}

/** What notes the heap of a process, and where. */
interface HeapWatch {
  preload: URL
  file: string
  remove(): void
}

function watchHeap(): HeapWatch {
  const folder = mkdtempSync(join(tmpdir(), 'branchline-soak-'))
  const file = join(folder, 'heap')
  const preload = new URL('heap-watch.ts', import.meta.url)
  preload.search = encodeURIComponent(file)
  return { preload, file, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

function memoryOf(pid: number, heap: HeapWatch): Memory {
  // Nothing is there before the first full collection, and nothing in the moment in which it is written.
  const heapBytes = existsSync(heap.file) ? Number(readFileSync(heap.file, 'utf8')) : 0
  return { rssMb: rssMbOf(pid), heapMb: heapBytes / 1e6 }
}

function sumOf(metrics: string, name: RegExp): number {
  return metrics
    .split('\n')
    .filter((line) => !line.startsWith('#') && name.test(line))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

async function loaded(runs: {
  register: SippProcess | undefined
  call: SippProcess
}): Promise<Omit<Minute, 'figures'>> {
  const [registered, called] = await Promise.all([runs.register?.done, runs.call.done])
  for (const result of [registered, called])
    if (result && result.failed > 0) process.stderr.write(`${result.errors.slice(-1500)}\n`)
  return {
    calls: called.successful,
    failedCalls: called.failed,
    registrations: registered?.successful ?? 0,
    failedRegistrations: registered?.failed ?? 0,
  }
}

/** The whole box without lab: bindings on disk, media sessions, call log. */
export async function soakBox(options: { overloadControl: boolean }): Promise<Soaked> {
  const heap = watchHeap()
  const box = await Box.prepare({
    lab: false,
    preload: heap.preload,
    settings: { sip: { overload: { enabled: options.overloadControl } } },
  })
  // Those who register all the time are others than those who are called: a phone is called where it registered from.
  const lines = await seedLines(box.dataDir, lineCount * 2)
  await box.start()
  await box.logIn()
  const fieldsOf = (some: typeof lines): string[][] =>
    some.map((line, index) => [
      line.username,
      authenticationField(line.username, line.password),
      seededNumber((index + 1) % lineCount),
    ])
  const callers = fieldsOf(lines.slice(0, lineCount))
  const others = fieldsOf(lines.slice(lineCount))
  const target = `127.0.0.1:${box.ports.udp}`
  const phonePort = await freePort()
  const registered = await startSipp({
    scenario: registerScenario(),
    fields: callers,
    localPort: phonePort,
    target,
    rate: 100,
    calls: lineCount,
  }).done
  if (registered.failed > 0) throw new Error(`phones could not register: ${registered.errors}`)
  const phones = startSipp({
    scenario: answerScenario({ srtp: false }),
    localPort: phonePort,
    mediaPort: await freeMediaPort(),
  })
  const registrarPort = await freePort()
  const callerPort = await freePort()
  return {
    async load(rate, seconds) {
      return loaded({
        register: startSipp({
          scenario: registerScenario(),
          fields: others,
          localPort: registrarPort,
          target,
          rate: registrationsPerS,
          calls: registrationsPerS * seconds,
        }),
        call: startSipp({
          scenario: callScenario({ talkMs: 500 }),
          fields: callers,
          localPort: callerPort,
          target,
          rate,
          calls: rate * seconds,
          mediaPort: await freeMediaPort(),
        }),
      })
    },
    async figures() {
      const metrics = (await box.ask('/api/metrics')).text
      return {
        ...memoryOf(box.pid, heap),
        handles: handlesOf(box.pid),
        dialogs: sumOf(metrics, /dialogs_alive/),
        transactions: sumOf(metrics, /transactions_alive/),
      }
    },
    memory: () => memoryOf(box.pid, heap),
    async stop() {
      await phones.stop()
      await box.stop()
      box.remove()
      heap.remove()
    },
  }
}

/** The engine with drachtio-srf in one process, and nothing else. */
export async function soakEngine(): Promise<Soaked> {
  const phonePort = await freePort()
  const phones = startSipp({
    scenario: answerScenario({ srtp: false }),
    localPort: phonePort,
    mediaPort: await freeMediaPort(),
  })
  const heap = watchHeap()
  const child = spawn(
    process.execPath,
    [
      ...nodeFlags(),
      `--import=${heap.preload.href}`,
      join(root, 'test/soak/engine-process.ts'),
      `sip:phone@127.0.0.1:${phonePort}`,
    ],
    { cwd: root, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
  )
  const next = async (): Promise<FromSoaked> => (await once(child, 'message'))[0] as FromSoaked
  const ready = await next()
  if (ready.kind !== 'ready') throw new Error('the engine did not start')
  const target = `127.0.0.1:${ready.udp}`
  const pid = child.pid ?? 0
  const ports = { call: await freePort(), register: await freePort() }
  const fields = Array.from({ length: lineCount }, (_, index) => [
    `phone${index}`,
    authenticationField(`phone${index}`, 'any'),
  ])
  return {
    async load(rate, seconds) {
      return loaded({
        register: startSipp({
          scenario: registerScenario(),
          fields,
          localPort: ports.register,
          target,
          rate: registrationsPerS,
          calls: registrationsPerS * seconds,
        }),
        call: startSipp({
          scenario: plainCallScenario({ talkMs: 500 }),
          localPort: ports.call,
          target,
          rate,
          calls: rate * seconds,
          mediaPort: await freeMediaPort(),
          extra: ['-s', 'phone'],
        }),
      })
    },
    async figures() {
      const message: ToSoaked = { kind: 'figures' }
      child.send(message)
      const answer = await next()
      if (answer.kind !== 'figures') throw new Error('the engine said something else')
      return {
        ...memoryOf(pid, heap),
        handles: handlesOf(pid),
        dialogs: answer.dialogs,
        transactions: answer.transactions,
      }
    },
    memory: () => memoryOf(pid, heap),
    async stop() {
      await phones.stop()
      child.disconnect()
      if (child.exitCode === null) await once(child, 'exit')
      heap.remove()
    },
  }
}
