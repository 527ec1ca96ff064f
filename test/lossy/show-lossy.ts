// Calls over bad paths with the timers of RFC 3261, and what became of each: `npm run show:lossy [calls] [seed]`.
import { lossyPlans } from './plans.ts'
import { runLossy, total } from './run-lossy.ts'

const calls = Number(process.argv[2] ?? 300)
const seed = Number(process.argv[3] ?? 1)
const started = performance.now()
const plans = lossyPlans({ t1Ms: 500, calls, rate: 10, seed })
const reports = await Promise.all(plans.map(({ run }) => runLossy(run)))
let failed = 0
for (const [index, { name, run, outcomes }] of plans.entries()) {
  const report = reports[index]
  if (!report) continue
  const { paths, retransmissions } = report
  const left = total(report.left)
  const right = Object.keys(report.caller).every((text) => outcomes.some((allowed) => allowed.test(text)))
  const sound = right && left === 0 && total(report.caller) === run.calls
  if (!sound) failed++
  const list = (counts: Record<string, number>): string =>
    Object.entries(counts)
      .map(([text, count]) => `${count} ${text}`)
      .join(', ')
  console.log(`${sound ? 'ok    ' : 'FAILED'} ${name}: ${run.calls} calls`)
  console.log(`         datagrams: ${list({ ...paths })}`)
  console.log(`         caller: ${list(report.caller)}`)
  console.log(`         application: ${list(report.application)}`)
  console.log(`         callee: ${list(report.callee) || 'nothing'}`)
  console.log(`         repeated: ${list(retransmissions)}`)
  console.log(`         left behind in the engine: ${left === 0 ? 'nothing' : list(report.left)}`)
  if (!sound) console.log(report.errors.slice(-2000))
}
const seconds = Math.round((performance.now() - started) / 1000)
console.log(`\n${plans.length - failed} of ${plans.length} as they should be, in ${seconds} s, seed ${seed}.`)
process.exitCode = failed === 0 ? 0 : 1
