import t from 'tap'
import { lossyPlans } from '#test/lossy/plans.ts'
import { runLossy, total } from '#test/lossy/run-lossy.ts'

// Timers of a tenth, on both sides alike; `npm run show:lossy` is the same with those of RFC 3261.
const plans = lossyPlans({ t1Ms: 50, calls: 24, rate: 12, seed: 20_261_122 })

void t.test('calls over bad paths complete or end with the right cause, and leave nothing', async (t) => {
  const reports = await Promise.all(plans.map(({ run }) => runLossy(run)))
  for (const [index, { name, run, outcomes }] of plans.entries()) {
    const report = reports[index]
    if (!report) throw new Error(`no report of ${name}`)
    t.equal(total(report.caller), run.calls, `${name}: each call ended for its caller`)
    t.ok(
      Object.keys(report.caller).every((text) => outcomes.some((allowed) => allowed.test(text))),
      `${name}: with a right cause`,
    )
    const usual = Object.entries(report.caller).filter(([text]) => outcomes[0]?.test(text))
    t.ok(total(Object.fromEntries(usual)) >= run.calls * 0.9, `${name}: nearly all the same way`)
    const up = report.application['up'] ?? 0
    const refused = Object.keys(report.application).filter((key) => key.startsWith('refused'))
    const refusals = refused.reduce((sum, key) => sum + (report.application[key] ?? 0), 0)
    t.equal(up + refusals, run.calls, `${name}: the application knows each`)
    t.equal(total(report.callee), up, `${name}: each call that was up ended for its callee`)
    t.same(
      Object.values(report.left).filter((alive) => alive !== 0),
      [],
      `${name}: nothing is left`,
    )
    const { retransmissions, errors, ...rest } = report
    if (run.impairment.drop >= 0.05) t.ok(total(retransmissions) > 0, `${name}: something was repeated`)
    if (!t.passing())
      t.comment(JSON.stringify({ ...rest, retransmissions, errors: errors.slice(-2000) }, null, 1))
  }
  t.equal(reports.length, 6)
})
