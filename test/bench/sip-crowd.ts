// Two thousand phones: what their TLS connections take of memory, and what a call feels while all register at once.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freeMediaPort, freePort } from '#test/peers/free-port.ts'
import { startSipp } from '#test/peers/sipp.ts'
import {
  answerScenario,
  authenticationField,
  registerPatientlyScenario,
  registerScenario,
} from '#test/peers/sipp-scenarios.ts'
import { root } from '#test/house/source-files.ts'
import { Box } from '#test/support/box.ts'
import { seedLines, seededNumber, type SeededLine } from '#test/support/seed.ts'
import { must } from './measure.ts'
import { SetUpProbe, type SetUps } from './set-up-probe.ts'

/** A box with many lines; the last two belong to the call that is placed during the storm. */
export interface Crowd {
  box: Box
  phones: SeededLine[]
  caller: SeededLine
  callee: SeededLine
  calleeNumber: string
  stop(): Promise<void>
}

/** Starts a box with `count` phones. */
export async function startCrowd(count: number): Promise<Crowd> {
  const box = await Box.prepare({ lab: false })
  const lines = await seedLines(box.dataDir, count + 2)
  await box.start()
  return {
    box,
    phones: lines.slice(0, count),
    caller: lines[count] as SeededLine,
    callee: lines[count + 1] as SeededLine,
    calleeNumber: seededNumber(count + 1),
    async stop() {
      await box.stop()
      box.remove()
    },
  }
}

/** Registers every phone over a TLS connection of its own; megabytes that the box holds before and with all of them. */
export async function tlsMemory(
  crowd: Crowd,
): Promise<{ beforeMb: number; withAllMb: number; seconds: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'branchline-tls-load-'))
  const file = join(folder, 'phones.json')
  const users = crowd.phones.map(({ username, password }) => ({ username, password }))
  writeFileSync(file, JSON.stringify(users), { mode: 0o600 })
  const beforeMb = residentMb(crowd.box.pid)
  const startedMs = performance.now()
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      join(root, 'test/bench/tls-phones-process.ts'),
      String(crowd.box.ports.tls),
      file,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const ended = new Promise((resolve) => child.once('close', resolve))
  try {
    const said = await new Promise<string>((resolve, reject) => {
      child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString()))
      child.once('close', () => reject(new Error('the TLS phones ended')))
    })
    const { registered } = JSON.parse(said) as { registered: number }
    if (registered !== crowd.phones.length) throw new Error(`TLS phones: ${said}`)
    const seconds = (performance.now() - startedMs) / 1000
    // What the handshakes left behind has a moment to go, as it would have on a real morning.
    await new Promise((resolve) => setTimeout(resolve, 3000))
    return { beforeMb, withAllMb: residentMb(crowd.box.pid), seconds }
  } finally {
    child.kill('SIGKILL')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Resident memory of the process, MB of 10^6 bytes. */
function residentMb(pid: number): number {
  const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  return (kilobytes * 1024) / 1e6
}

/** What a storm of registrations did. */
export interface Storm {
  /** From the first REGISTER to the last 200. */
  seconds: number
  retransmissions: number
  /** How often a phone was asked to come back later (503 with Retry-After). */
  putOff: number
  /** Calls placed meanwhile, one every 50 ms. */
  during: SetUps
  /** The same before the storm. */
  before: SetUps
}

/** All phones register over UDP at once, as after a power cut, while one phone calls another twenty times a second. */
export async function storm(crowd: Crowd): Promise<Storm> {
  const { box } = crowd
  const calleePort = await freePort()
  const calleeField = [
    crowd.callee.username,
    authenticationField(crowd.callee.username, crowd.callee.password),
  ]
  const target = `127.0.0.1:${box.ports.udp}`
  const scenario = registerScenario()
  must(
    await startSipp({ scenario, fields: [calleeField], localPort: calleePort, target, rate: 1, calls: 1 })
      .done,
    'the called phone',
  )
  const callee = startSipp({
    scenario: answerScenario({ srtp: false }),
    localPort: calleePort,
    mediaPort: await freeMediaPort(),
  })
  const probe = await SetUpProbe.open(crowd.caller, crowd.calleeNumber, box.ports.udp)
  try {
    await probe.run(() => new Promise((resolve) => setTimeout(resolve, 2000)))
    const before = await probe.run(() => new Promise((resolve) => setTimeout(resolve, 3000)))
    let seconds = 0
    let retransmissions = 0
    let putOff = 0
    const during = await probe.run(async () => {
      const fields = crowd.phones.map((line) => [
        line.username,
        authenticationField(line.username, line.password),
      ])
      const calls = fields.length
      const startedMs = performance.now()
      const load = startSipp({
        scenario: registerPatientlyScenario(),
        fields,
        localPort: await freePort(),
        target,
        rate: calls * 10,
        calls,
        limit: calls,
        // A late answer must not end a phone.
        extra: ['-buff_size', '8388608', '-default_behaviors', 'all,-abortunexp'],
      })
      const result = await load.done
      seconds = (performance.now() - startedMs) / 1000
      must(result, 'the storm')
      retransmissions = result.retransmissions
      putOff = result.logs.length
    })
    return { seconds, retransmissions, putOff, during, before }
  } finally {
    probe.close()
    await callee.stop()
  }
}
