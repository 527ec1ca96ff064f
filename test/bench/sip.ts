// npm run bench:sip: CPU per authenticated registration and per call, ours beside Kamailio, in one run.
// Load comes from SIPp; CPU (user and system, all threads) is read from /proc around each run. The last line is JSON.
import { freeMediaPort, freePort } from '#test/peers/free-port.ts'
import { startKamailioRegistrar } from '#test/peers/kamailio.ts'
import { cpuMs } from '#test/peers/process-cpu.ts'
import { startSipp, type SippResult } from '#test/peers/sipp.ts'
import {
  answerScenario,
  authenticationField,
  callScenario,
  registerScenario,
} from '#test/peers/sipp-scenarios.ts'
import { Box } from '#test/support/box.ts'
import { seedLines, seededNumber } from '#test/support/seed.ts'

const lineCount = 200
const registrationsPerS = 800
const callsPerS = 50
const seconds = 10
const password = 'kamailio-password'

interface Subject {
  name: string
  pid: number
  port: number
  users: { username: string; password: string; dial: string }[]
}

interface Figures {
  registrationUs: number
  callUs: number
}

function must(result: SippResult, what: string): void {
  if (result.failed > 0 || result.successful === 0) {
    throw new Error(`${what}: ${result.successful} succeeded, ${result.failed} failed\n${result.errors}`)
  }
}

/** CPU per unit of work, microseconds, less what the process uses when nothing happens. */
async function measure(pid: number, units: number, work: () => Promise<void>): Promise<number> {
  const idleStart = cpuMs(pid)
  await new Promise((resolve) => setTimeout(resolve, 1000))
  const idlePerMs = (cpuMs(pid) - idleStart) / 1000
  const startedMs = performance.now()
  const before = cpuMs(pid)
  await work()
  const spentMs = cpuMs(pid) - before - idlePerMs * (performance.now() - startedMs)
  return (spentMs * 1000) / units
}

async function measureSubject(subject: Subject): Promise<Figures> {
  const target = `127.0.0.1:${subject.port}`
  const phonePort = await freePort()
  const fields = subject.users.map(({ username, password: secret, dial }) => [
    username,
    authenticationField(username, secret),
    dial,
  ])
  const register = async (rate: number, count: number): Promise<void> => {
    const run = startSipp({
      scenario: registerScenario(),
      fields,
      localPort: phonePort,
      target,
      rate,
      calls: count,
    })
    must(await run.done, `${subject.name}: registrations`)
  }
  await register(200, lineCount * 5) // warm: every line has its binding, code is compiled
  const registrations = registrationsPerS * seconds
  const registrationUs = await measure(subject.pid, registrations, () =>
    register(registrationsPerS, registrations),
  )

  // All phones answer on the port that they registered.
  const phones = startSipp({
    scenario: answerScenario({ srtp: false }),
    localPort: phonePort,
    mediaPort: await freeMediaPort(),
  })
  const callerPort = await freePort()
  const call = async (count: number): Promise<void> => {
    const scenario = callScenario({ talkMs: 500 })
    const run = startSipp({
      scenario,
      fields,
      localPort: callerPort,
      target,
      rate: callsPerS,
      calls: count,
      mediaPort: await freeMediaPort(),
    })
    must(await run.done, `${subject.name}: calls`)
  }
  await call(callsPerS * 2)
  const calls = callsPerS * seconds
  const callUs = await measure(subject.pid, calls, () => call(calls))
  await phones.stop()
  console.log(
    `${subject.name.padEnd(10)} registration ${registrationUs.toFixed(0).padStart(6)} us   call ${callUs.toFixed(0).padStart(7)} us`,
  )
  return { registrationUs, callUs }
}

async function measureOurs(): Promise<Figures> {
  const box = await Box.prepare({ lab: false })
  try {
    const lines = await seedLines(box.dataDir, lineCount)
    await box.start()
    return await measureSubject({
      name: 'Branchline',
      pid: box.pid,
      port: box.ports.udp,
      users: lines.map(({ username, password: secret }, index) => ({
        username,
        password: secret,
        dial: seededNumber((index + 1) % lineCount),
      })),
    })
  } finally {
    await box.stop()
    box.remove()
  }
}

async function measureKamailio(): Promise<Figures> {
  const kamailio = await startKamailioRegistrar({ realm: 'branchline', password })
  try {
    return await measureSubject({
      name: 'Kamailio',
      pid: kamailio.pid,
      port: kamailio.port,
      users: Array.from({ length: lineCount }, (_, index) => ({
        username: `phone${index}`,
        password,
        dial: `phone${(index + 1) % lineCount}`,
      })),
    })
  } finally {
    await kamailio.stop()
  }
}

console.log(
  `${registrationsPerS} registrations/s (REGISTER, 401, REGISTER, 200) and ${callsPerS} calls/s (INVITE, 407, INVITE .. BYE), ${seconds} s each.
Kamailio: one UDP worker, locations in memory, stateful proxy without media. Branchline: B2BUA, bindings committed to disk,
a media session opened and closed for each call.\n`,
)
const kamailio = await measureKamailio()
const ours = await measureOurs()
const round = (value: number, digits: number): number => Number(value.toFixed(digits))
console.log(
  JSON.stringify({
    registration_cpu_us: round(ours.registrationUs, 1),
    registration_vs_kamailio: round(ours.registrationUs / kamailio.registrationUs, 2),
    call_cpu_us: round(ours.callUs, 1),
    call_vs_kamailio: round(ours.callUs / kamailio.callUs, 2),
  }),
)
