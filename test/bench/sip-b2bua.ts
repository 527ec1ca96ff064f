// A call through the engine alone, with the smallest drachtio-srf application: in its process, and at its TCP door.
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { freeMediaPort, freePort } from '#test/peers/free-port.ts'
import { startSipp } from '#test/peers/sipp.ts'
import { answerScenario, plainCallScenario } from '#test/peers/sipp-scenarios.ts'
import { root } from '#test/house/source-files.ts'
import { cpuMs } from '#test/peers/process-cpu.ts'
import { cpuPerUnit, must } from './measure.ts'

/** A child of the benchmark that says where it listens. */
interface Child {
  process: ChildProcess
  pid: number
  /** The line of JSON that it printed. */
  said: { udp?: number; door?: number }
}

/** An engine with the smallest B2BUA behind it, and SIPp as the phone that it calls. */
export interface B2bua {
  /** Engine and application together, microseconds per call, and the engine's part when it is a process of its own. */
  callCpu(rate: number, count: number): Promise<{ totalUs: number; engineUs: number | undefined }>
  call(rate: number, count: number): Promise<void>
  stop(): Promise<void>
}

/** Starts one; with `door` the application is a process of its own and speaks drachtio's protocol over TCP. */
export async function startB2bua(options: { door: boolean }): Promise<B2bua> {
  const phonePort = await freePort()
  const target = `sip:phone@127.0.0.1:${phonePort}`
  const phone = startSipp({
    scenario: answerScenario({ srtp: false }),
    localPort: phonePort,
    mediaPort: await freeMediaPort(),
  })
  const children: Child[] = []
  if (options.door) {
    const engine = await run('test/support/engine-door.ts', ['secret'])
    children.push(engine)
    children.push(await run('test/bench/b2bua-process.ts', [target, String(engine.said.door), 'secret']))
  } else children.push(await run('test/bench/b2bua-process.ts', [target]))
  const [engine, application] = children as [Child, Child | undefined]
  const call = async (rate: number, count: number): Promise<void> => {
    const load = startSipp({
      scenario: plainCallScenario({ talkMs: 500 }),
      localPort: await freePort(),
      target: `127.0.0.1:${engine.said.udp}`,
      rate,
      calls: count,
      mediaPort: await freeMediaPort(),
    })
    must(await load.done, 'calls through the engine')
  }
  return {
    call,
    async callCpu(rate, count) {
      const before = application ? cpuMs(application.pid) : 0
      const engineUs = await cpuPerUnit(engine.pid, count, () => call(rate, count))
      if (!application) return { totalUs: engineUs, engineUs: undefined }
      return { totalUs: engineUs + ((cpuMs(application.pid) - before) * 1000) / count, engineUs }
    },
    async stop() {
      await phone.stop()
      for (const child of children) {
        const ended = new Promise((resolve) => child.process.once('close', resolve))
        child.process.kill('SIGKILL')
        await ended
      }
    },
  }
}

async function run(script: string, parameters: string[]): Promise<Child> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(root, script), ...parameters],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let output = ''
  const said = await new Promise<Child['said']>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes('\n')) resolve(JSON.parse(output.slice(0, output.indexOf('\n'))) as Child['said'])
    })
    child.once('close', (code) => reject(new Error(`${script} ended with ${code}`)))
  })
  return { process: child, pid: child.pid as number, said }
}
