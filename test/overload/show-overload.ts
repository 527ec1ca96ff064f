// npm run show:overload: a whole box under several times what it can do. Three floods while 50 calls are up, then a storm
// of 2,000 phones that come back when they are told to. Ends with 1 when anything was not as it must be.
import { freePort } from '#test/peers/free-port.ts'
import { startSipp } from '#test/peers/sipp.ts'
import { registerPatientlyScenario } from '#test/peers/sipp-scenarios.ts'
import { Box } from '#test/support/box.ts'
import { seedLines } from '#test/support/seed.ts'
import { residentMb, runOverload } from './run-overload.ts'

const crowd = 2000
const say = (text: string): void => console.log(text)
let wrong = 0
const must = (right: boolean, text: string): void => {
  if (!right) wrong++
  say(`${right ? 'yes' : 'NO '}  ${text}`)
}

const box = await Box.prepare({ lab: false })
const lines = await seedLines(box.dataDir, crowd)
try {
  await box.start()
  await box.logIn()
  for (let round = 1; round <= 3; round++) {
    say(`\nflood ${round}: 4,000 registrations and 4,000 calls per second for 15 s, 50 calls are up`)
    const plan = { calls: 50, talkS: 25, floodS: 15, registersPerS: 4000, invitesPerS: 4000 }
    const outcome = await runOverload(box, lines, plan)
    const { calls, called, retryAfterS, emergency, callAfterwards, recoveryS } = outcome
    must(
      calls.successful === 50 && calls.failed === 0,
      `${calls.successful} of 50 calls with 24 re-INVITEs each ended well`,
    )
    must(called.failed === 0, 'so says the called phone')
    const sentAway = retryAfterS.registers.length + retryAfterS.invites.length
    must(
      sentAway > 0,
      `${sentAway} of ${outcome.answered.registers + outcome.answered.invites} were sent away with 503`,
    )
    const waits = [...retryAfterS.registers, ...retryAfterS.invites]
    must(
      waits.every((seconds) => seconds >= 2 && seconds <= 40),
      `each with Retry-After, ${Math.min(...waits.slice(0, 1e4))} to ${Math.max(...waits.slice(0, 1e4))} s`,
    )
    must(
      emergency.length > 0 && emergency.every((status) => status === '407'),
      `${emergency.length} emergency calls, none sent away`,
    )
    must(recoveryS < 15, `well again after ${recoveryS.toFixed(1)} s`)
    must(callAfterwards.successful === 1, 'and a call is set up')
    say(
      `     memory ${outcome.beforeMb.toFixed(0)} MB before, ${outcome.mostMb.toFixed(0)} at most, ${outcome.afterMb.toFixed(0)} after`,
    )
  }

  say(`\nstorm: ${crowd} phones register at once and come back when they are told to`)
  const startedMs = performance.now()
  const storm = await startSipp({
    scenario: registerPatientlyScenario(),
    fields: lines.map(({ username, password }) => [
      username,
      `[authentication username=${username} password=${password}]`,
    ]),
    localPort: await freePort(),
    target: `127.0.0.1:${box.ports.udp}`,
    rate: crowd * 10,
    calls: crowd,
    limit: crowd,
    // A late answer to a repeated request comes while SIPp waits; a phone knows it by its branch.
    extra: ['-buff_size', '8388608', '-default_behaviors', 'all,-abortunexp'],
  }).done
  const seconds = (performance.now() - startedMs) / 1000
  if (storm.failed > 0) say(storm.errors.slice(0, 2000))
  must(
    storm.successful === crowd,
    `${storm.successful} are registered, ${storm.logs.length} times somebody was sent away`,
  )
  must(seconds < 75, `all are back after ${seconds.toFixed(1)} s`)

  // RFC 3261 17: the last transaction is gone after 64*T1 = 32 s.
  const deadline = performance.now() + 45_000
  let counters: Record<string, number> = {}
  do {
    await new Promise((resolve) => setTimeout(resolve, 1000))
    counters = await box.json<Record<string, number>>('/api/counters')
  } while ((counters['sip.serverTransactionsAlive'] ?? 0) > 0 && performance.now() < deadline)
  for (const name of [
    'serverTransactionsAlive',
    'clientTransactionsAlive',
    'dialogsAlive',
    'requestsServing',
  ])
    must(counters[`sip.${name}`] === 0, `${name} ${counters[`sip.${name}`]}`)
  say(`     memory ${residentMb(box.pid).toFixed(0)} MB`)
} finally {
  await box.stop()
  box.remove()
}
say(wrong === 0 ? '\nEverything is as it must be.' : `\n${wrong} things are wrong.`)
process.exitCode = wrong === 0 ? 0 : 1
