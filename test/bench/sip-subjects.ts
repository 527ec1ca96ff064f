// What npm run bench:sip loads: our box and Kamailio, each with 200 phones on one SIPp port.
import { freeMediaPort, freePort } from '#test/peers/free-port.ts'
import { startKamailioRegistrar } from '#test/peers/kamailio.ts'
import { startSipp, type SippProcess } from '#test/peers/sipp.ts'
import {
  answerScenario,
  authenticationField,
  callScenario,
  registerScenario,
} from '#test/peers/sipp-scenarios.ts'
import { Box } from '#test/support/box.ts'
import { seedLines, seededNumber } from '#test/support/seed.ts'
import { cpuPerUnit, must } from './measure.ts'

const lineCount = 200
const password = 'kamailio-password'

/** Something that registers phones and connects them. */
export class Subject {
  readonly name: string
  readonly pid: number
  readonly port: number
  readonly #fields: string[][]
  readonly #stop: () => Promise<void>
  #phonePort = 0
  #phones: SippProcess | undefined

  constructor(parts: {
    name: string
    pid: number
    port: number
    users: { username: string; password: string; dial: string }[]
    stop: () => Promise<void>
  }) {
    this.name = parts.name
    this.pid = parts.pid
    this.port = parts.port
    this.#stop = parts.stop
    this.#fields = parts.users.map((user) => [
      user.username,
      authenticationField(user.username, user.password),
      user.dial,
    ])
  }

  /** Registers all phones over and over; each time is REGISTER, 401, REGISTER, 200. */
  async register(rate: number, count: number): Promise<void> {
    this.#phonePort ||= await freePort()
    const run = startSipp({
      scenario: registerScenario(),
      fields: this.#fields,
      localPort: this.#phonePort,
      target: `127.0.0.1:${this.port}`,
      rate,
      calls: count,
    })
    must(await run.done, `${this.name}: registrations`)
  }

  /** CPU per registration, microseconds. */
  registrationCpu(rate: number, count: number): Promise<number> {
    return cpuPerUnit(this.pid, count, () => this.register(rate, count))
  }

  /** Calls from each phone to the next, half a second of silence each; `register` must have run. */
  async call(rate: number, count: number): Promise<void> {
    // All phones answer on the port that they registered.
    this.#phones ??= startSipp({
      scenario: answerScenario({ srtp: false }),
      localPort: this.#phonePort,
      mediaPort: await freeMediaPort(),
    })
    const run = startSipp({
      scenario: callScenario({ talkMs: 500 }),
      fields: this.#fields,
      localPort: await freePort(),
      target: `127.0.0.1:${this.port}`,
      rate,
      calls: count,
      mediaPort: await freeMediaPort(),
    })
    must(await run.done, `${this.name}: calls`)
  }

  /** CPU per call, microseconds. */
  callCpu(rate: number, count: number): Promise<number> {
    return cpuPerUnit(this.pid, count, () => this.call(rate, count))
  }

  async stop(): Promise<void> {
    await this.#phones?.stop()
    await this.#stop()
  }
}

/** The whole box as a process of its own, with 200 lines that may call each other. */
export async function startOurs(): Promise<Subject> {
  // A part refused (503) because this machine does something else as well would make the rest look cheap.
  const box = await Box.prepare({ lab: false, settings: { sip: { overload: { enabled: false } } } })
  const lines = await seedLines(box.dataDir, lineCount)
  await box.start()
  return new Subject({
    name: 'Branchline',
    pid: box.pid,
    port: box.ports.udp,
    users: lines.map(({ username, password: secret }, index) => ({
      username,
      password: secret,
      dial: seededNumber((index + 1) % lineCount),
    })),
    async stop() {
      await box.stop()
      box.remove()
    },
  })
}

/** Kamailio: one UDP worker, locations in memory, stateful proxy without media. */
export async function startKamailio(): Promise<Subject> {
  const kamailio = await startKamailioRegistrar({ realm: 'branchline', password })
  return new Subject({
    name: 'Kamailio',
    pid: kamailio.pid,
    port: kamailio.port,
    users: Array.from({ length: lineCount }, (_, index) => ({
      username: `phone${index}`,
      password,
      dial: `phone${(index + 1) % lineCount}`,
    })),
    stop: () => kamailio.stop(),
  })
}
