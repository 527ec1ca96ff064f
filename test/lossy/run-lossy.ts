import type { EngineOptions } from '#src/engine/options.ts'
import { startEngine } from '#src/engine/engine.ts'
import { connectEmbedded } from '#src/pbx/connect-srf.ts'
import { freePort } from '#test/peers/free-port.ts'
import { startSipp, type SippResult } from '#test/peers/sipp.ts'
import { portOf, testEngineOptions } from '#test/support/start-engine.ts'
import { until } from '#test/support/until.ts'
import { LossyRelay, type Impairment, type RelayCounts } from './lossy-relay.ts'
import { lossyCallee, lossyCaller } from './scenarios.ts'

/** One run over a bad path. */
export interface LossyRun {
  impairment: Impairment
  seed: number
  calls: number
  rate: number
  t1Ms: number
  talkMs: number
  /** `bob` answers; `nobody` is never heard from again. */
  callee: 'bob' | 'nobody'
  acknowledges: boolean
}

/** What the three parties say about it. */
export interface LossyReport {
  /** How each call ended for its caller. */
  caller: Record<string, number>
  /** What the application saw: calls up, refused by status, ended by reason. */
  application: Record<string, number>
  /** Calls that the callee saw end by BYE. */
  callee: Record<string, number>
  retransmissions: { caller: number; callee: number; engineSent: number; engineReceived: number }
  paths: RelayCounts
  /** The engine's figures of what is alive, after the longest timer: all 0 when nothing is left behind. */
  left: Record<string, number>
  errors: string
}

const aliveNames = [
  'dialogsAlive',
  'requestsServing',
  'requestsAsking',
  'serverTransactionsAlive',
  'clientTransactionsAlive',
]

/** SIPp, a bad path, the engine with a B2BUA of drachtio-srf, a bad path, SIPp. */
export async function runLossy(run: LossyRun): Promise<LossyReport> {
  const { t1Ms } = run
  const timers = { t1Ms, t2Ms: 8 * t1Ms, t4Ms: 10 * t1Ms }
  const engine = await startEngine(testEngineOptions({ timers } satisfies Partial<EngineOptions>))
  const srf = await connectEmbedded(engine.openMemoryLink())
  const enginePort = portOf(engine, 'udp')
  const [callerPort, calleePort] = [await freePort(), await freePort()]
  const away = await LossyRelay.open({ peer: callerPort, engine: enginePort }, run.impairment, run.seed)
  const beyond = await LossyRelay.open(
    { peer: calleePort, engine: enginePort },
    run.callee === 'bob' ? run.impairment : { ...run.impairment, drop: 1 },
    run.seed + 1,
  )
  const application: Record<string, number> = {}
  const count = (name: string): void => void (application[name] = (application[name] ?? 0) + 1)
  srf.use('invite', (req, res) => {
    const target = `sip:${run.callee}@127.0.0.1:${beyond.engineSide}`
    srf.createB2BUA(req, res, target, { localSdpB: req.body }).then(
      ({ uas, uac }) => {
        count('up')
        for (const [leg, other] of [
          [uas, uac],
          [uac, uas],
        ] as const) {
          leg.on('destroy', (...values: unknown[]) => {
            count(`ended: ${String(values[1])}`)
            Promise.resolve(other.destroy()).catch(() => count('other leg gone before'))
          })
        }
      },
      (error: { status?: number }) => count(`refused ${error.status ?? 'without status'}`),
    )
  })
  const quiet = ['-default_behaviors', 'none', '-max_invite_retrans', '7', '-max_non_invite_retrans', '11']
  const callee = startSipp({
    scenario: lossyCallee({ contactPort: beyond.engineSide, t1Ms }),
    localPort: calleePort,
    extra: quiet,
  })
  let caller: SippResult
  try {
    const process = startSipp({
      scenario: lossyCaller({
        callee: run.callee,
        contactPort: away.engineSide,
        t1Ms,
        talkMs: run.talkMs,
        acknowledges: run.acknowledges,
      }),
      localPort: callerPort,
      target: `127.0.0.1:${away.peerSide}`,
      rate: run.rate,
      calls: run.calls,
      extra: quiet,
    })
    caller = await process.done
  } catch (error) {
    await callee.stop()
    throw error
  }
  // The longest that anything may live on: 64*T1 of a transaction or an unanswered BYE, 32 s for timer D.
  const alive = (): Record<string, number> =>
    Object.fromEntries(aliveNames.map((name) => [name, engine.counters()[name] ?? 0]))
  const empty = (): boolean => Object.values(alive()).every((value) => value === 0)
  await until(empty, Math.max(40_000, 130 * t1Ms)).catch(() => undefined)
  const left = alive()
  const answered = await callee.stop()
  const counters = engine.counters()
  srf.disconnect()
  await engine.stop()
  away.close()
  beyond.close()
  return {
    caller: outcomes(caller),
    application,
    callee: outcomes(answered),
    retransmissions: {
      caller: caller.retransmissions,
      callee: answered.retransmissions,
      engineSent: counters['retransmissionsSent'] ?? 0,
      engineReceived: counters['retransmissionsReceived'] ?? 0,
    },
    paths: sum(away.counts, beyond.counts),
    left,
    errors: caller.errors,
  }
}

function outcomes(result: SippResult): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const line of result.logs) {
    const text = /outcome (.*)$/.exec(line)?.[1]?.trim()
    if (text !== undefined) counts[text] = (counts[text] ?? 0) + 1
  }
  return counts
}

function sum(left: RelayCounts, right: RelayCounts): RelayCounts {
  return {
    passed: left.passed + right.passed,
    dropped: left.dropped + right.dropped,
    duplicated: left.duplicated + right.duplicated,
    reordered: left.reordered + right.reordered,
  }
}

/** All values of a table of counts together. */
export function total(counts: Record<string, number>): number {
  return Object.values(counts).reduce((all, value) => all + value, 0)
}
