import t from 'tap'
import { Box } from '#test/support/box.ts'
import { seedLines } from '#test/support/seed.ts'
import { runOverload } from './run-overload.ts'

// The short form of `npm run show:overload`: SIPp sends several times what the box can do while calls are up.

t.test('calls that are up go on, new work is sent away, and it is over within seconds', async (t) => {
  // So that any machine that this runs on is loaded enough.
  const settings = { sip: { overload: { busyPercent: 50 } } }
  const box = await Box.prepare({ lab: false, settings })
  const lines = await seedLines(box.dataDir, 102)
  t.teardown(async () => {
    await box.stop()
    box.remove()
  })
  await box.start()
  await box.logIn()
  const plan = { calls: 50, talkS: 12, floodS: 3, registersPerS: 3000, invitesPerS: 3000 }
  const outcome = await runOverload(box, lines, plan)
  const { calls, called, counters, retryAfterS, answered } = outcome

  t.match(calls, { successful: 50, failed: 0 }, 'every call ended as its caller wished')
  t.match(called, { successful: 51, failed: 0 }, 'and as the called phone knows it')
  t.equal(outcome.saidOverloaded, true, 'the box says SIP_OVERLOADED')
  t.strictSame(answered, { registers: 9000, invites: 9000 }, 'whoever asked was answered')
  t.ok(retryAfterS.registers.length > 500, `${retryAfterS.registers.length} registrations were sent away`)
  t.ok(retryAfterS.registers.every((seconds) => seconds >= 2 && seconds <= 40))
  t.ok(new Set(retryAfterS.registers).size > 30, 'and come back one after the other')
  t.ok(retryAfterS.invites.every((seconds) => seconds >= 2 && seconds <= 10))
  t.strictSame(new Set(outcome.emergency), new Set(['407']), 'nobody who calls for help is sent away')
  t.equal(
    (counters['sip.refusedCallsByLoad'] ?? 0) +
      (counters['sip.refusedRegistersByLoad'] ?? 0) +
      (counters['sip.refusedRegistersInProgress'] ?? 0),
    retryAfterS.registers.length + retryAfterS.invites.length,
    'each refusal is counted',
  )
  t.equal(counters['sip.overloadsBegun'], 1, 'it began once')
  t.equal(box.output.match(/more new work than the box can do/g)?.length, 1, 'and one line says so')
  t.ok(outcome.recoveryS < 12, `well again after ${outcome.recoveryS.toFixed(1)} s`)
  t.equal(outcome.callAfterwards.successful, 1)
  t.ok(
    outcome.mostMb < outcome.beforeMb + 300,
    `${outcome.beforeMb.toFixed(0)} MB, at most ${outcome.mostMb.toFixed(0)}`,
  )
})
