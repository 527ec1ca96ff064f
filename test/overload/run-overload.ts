import { readFileSync } from 'node:fs'
import { freeMediaPort, freePort } from '#test/peers/free-port.ts'
import { startSipp, type SippResult } from '#test/peers/sipp.ts'
import { registerScenario } from '#test/peers/sipp-scenarios.ts'
import type { Box } from '#test/support/box.ts'
import { seededNumber, type SeededLine } from '#test/support/seed.ts'
import { until } from '../scenario/office.ts'
import { oneInvite, oneRegister, restlessAnswer, restlessCall } from './scenarios.ts'

/** How much is sent at a box, and for how long. */
export interface OverloadPlan {
  /** Calls that are up, each with a re-INVITE every second. */
  calls: number
  talkS: number
  floodS: number
  registersPerS: number
  invitesPerS: number
}

/** What came of it. */
export interface OverloadOutcome {
  /** The calls that were up. */
  calls: SippResult
  called: SippResult
  /** Seconds that the refused were told to wait. */
  retryAfterS: { registers: number[]; invites: number[] }
  answered: { registers: number; invites: number }
  /** Status of INVITEs for help during the flood. */
  emergency: string[]
  counters: Record<string, number>
  beforeMb: number
  mostMb: number
  afterMb: number
  /** From the end of the flood until the box says that all is well. */
  recoveryS: number
  /** Set-up of a call right after that. */
  callAfterwards: SippResult
  saidOverloaded: boolean
}

/** SIPp gives up when its machine leaves it no time, and with it all its calls. */
const noWatchdog = ['-watchdog_major_maxtriggers', '100000', '-watchdog_minor_maxtriggers', '100000']

/** Field 1 of SIPp's injection file: what it makes credentials of. */
const credentials = ({ username, password }: SeededLine): string =>
  `[authentication username=${username} password=${password}]`

/** Sends a flood at a box while calls are up. The first two lines talk, the others register in the flood. */
export async function runOverload(
  box: Box,
  lines: SeededLine[],
  plan: OverloadPlan,
): Promise<OverloadOutcome> {
  const [caller, callee, ...crowd] = lines as [SeededLine, SeededLine, ...SeededLine[]]
  const target = `127.0.0.1:${box.ports.udp}`
  const to = [caller.username, credentials(caller), seededNumber(1)]
  const calleePort = await freePort()
  const registered = await startSipp({
    scenario: registerScenario(),
    fields: [[callee.username, credentials(callee)]],
    localPort: calleePort,
    target,
    calls: 1,
  }).done
  if (registered.successful !== 1) throw new Error(`the called phone did not register: ${registered.errors}`)
  const called = startSipp({
    scenario: restlessAnswer,
    localPort: calleePort,
    mediaPort: await freeMediaPort(),
  })
  try {
    const calls = startSipp({
      scenario: restlessCall(plan.talkS, 1000),
      fields: [to],
      localPort: await freePort(),
      mediaPort: await freeMediaPort(),
      target,
      // Two INVITEs each: below the rate from which the box looks at its load at all.
      rate: 15,
      calls: plan.calls,
      extra: noWatchdog,
    }).done
    // A call that fails, or ends while the last ones are being placed, makes it vain to wait on.
    await Promise.race([
      until('all calls up', 30_000, async () => ((await liveCalls(box)) >= plan.calls ? true : undefined)),
      calls.then(({ successful, failed, errors }) => {
        throw new Error(
          `not all calls were up together: ${successful} ended well, ${failed} failed: ${errors}`,
        )
      }),
    ])
    const beforeMb = residentMb(box.pid)
    const flood = await pour(box, crowd, plan)
    const endedAtMs = performance.now()
    await box.waitForHealth(({ state }) => state === 'ok', 60_000)
    const recoveryS = (performance.now() - endedAtMs) / 1000
    const callAfterwards = await startSipp({
      scenario: restlessCall(1, 200),
      fields: [to],
      localPort: await freePort(),
      mediaPort: await freeMediaPort(),
      target,
      calls: 1,
    }).done
    const ended = await calls
    return {
      ...flood,
      calls: ended,
      called: await called.stop(),
      beforeMb,
      afterMb: residentMb(box.pid),
      recoveryS,
      callAfterwards,
      counters: await box.json<Record<string, number>>('/api/counters'),
    }
  } finally {
    await called.stop()
  }
}

type Flood = Pick<OverloadOutcome, 'retryAfterS' | 'answered' | 'emergency' | 'mostMb' | 'saidOverloaded'>

async function pour(box: Box, crowd: SeededLine[], plan: OverloadPlan): Promise<Flood> {
  const target = `127.0.0.1:${box.ports.udp}`
  const fields = crowd.map((line) => [line.username, credentials(line)])
  const load = async (scenario: string, rate: number, seconds: number): Promise<SippResult> =>
    startSipp({
      scenario,
      fields,
      localPort: await freePort(),
      target,
      rate,
      calls: rate * seconds,
      limit: rate * 3,
      extra: ['-recv_timeout', '3000', '-buff_size', '8388608', ...noWatchdog],
    }).done
  let running = true
  let mostMb = 0
  let saidOverloaded = false
  const watching = (async () => {
    while (running) {
      mostMb = Math.max(mostMb, residentMb(box.pid))
      const health = (await box.ask('/api/health')).text
      saidOverloaded ||= health.includes('SIP_OVERLOADED')
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
  })()
  const help = until('an overloaded box', plan.floodS * 1000, () => (saidOverloaded ? true : undefined)).then(
    () => load(oneInvite('112'), 10, 2),
    () => undefined,
  )
  const [registers, invites, emergency] = await Promise.all([
    load(oneRegister, plan.registersPerS, plan.floodS),
    load(oneInvite('4711'), plan.invitesPerS, plan.floodS),
    help,
  ])
  running = false
  await watching
  const waits = ({ logs }: SippResult): number[] =>
    logs.flatMap((line) => (line.startsWith('503 ') ? [Number(line.slice(4))] : []))
  return {
    retryAfterS: { registers: waits(registers), invites: waits(invites) },
    answered: { registers: registers.successful, invites: invites.successful },
    emergency: emergency?.logs.map((line) => line.slice(0, 3)) ?? [],
    mostMb,
    saidOverloaded,
  }
}

async function liveCalls(box: Box): Promise<number> {
  return (await box.json<{ counts: { liveCalls: number } }>('/api/status')).counts.liveCalls
}

/** Memory of a process that is in RAM, megabytes. */
export function residentMb(pid: number): number {
  const kb = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kb ?? 0) / 1024
}
