// npm run bench:sip: what a registration, a call and a crowd of phones cost, ours beside Kamailio, in one run. Load comes
// from SIPp; CPU (user and system, all threads) is read from /proc around each round. The last line is JSON.
// Names as arguments choose parts: npm run bench:sip -- registrations engine box tls storm
import { rounded, summarise } from './measure.ts'
import { startB2bua } from './sip-b2bua.ts'
import { startCrowd, storm, tlsMemory } from './sip-crowd.ts'
import { startKamailio, startOurs, type Subject } from './sip-subjects.ts'

const registrationsPerS = 800
const callsPerS = 200
const rounds = 3
const registrationSeconds = 8
const callSeconds = 5
const crowdSize = 2000

const parts = process.argv.slice(2)
const wanted = (name: string): boolean => parts.length === 0 || parts.includes(name)
const result: Record<string, number> = {}
const say = (text: string): void => console.log(text)
const us = (values: readonly number[]): string => values.map((value) => value.toFixed(0)).join(' ')

/** Registrations and whole calls, in rounds that take turns, so that the machine's other work hits both alike. */
async function besideKamailio(): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const kamailio = await startKamailio()
  stack.defer(() => kamailio.stop())
  const ours = await startOurs()
  stack.defer(() => ours.stop())
  const count = registrationsPerS * registrationSeconds
  // Long enough for the compiler of a just-in-time language to be done: a box runs for months.
  for (const subject of [ours, kamailio]) await subject.register(registrationsPerS * 2, count * 5)
  if (wanted('registrations')) {
    const figures = { ours: [] as number[], kamailio: [] as number[] }
    for (let round = 0; round < rounds; round++) {
      figures.ours.push(await ours.registrationCpu(registrationsPerS, count))
      figures.kamailio.push(await kamailio.registrationCpu(registrationsPerS, count))
    }
    const [mine, theirs] = [summarise(figures.ours), summarise(figures.kamailio)]
    result['registration_cpu_us'] = rounded(mine.median)
    result['registration_cpu_us_min'] = rounded(mine.min)
    result['registration_kamailio_us'] = rounded(theirs.median)
    result['registration_vs_kamailio'] = rounded(mine.median / theirs.median, 2)
    say(`registration, whole box  Branchline ${us(figures.ours)} us, Kamailio ${us(figures.kamailio)} us:
  ${(mine.median / theirs.median).toFixed(2)} times Kamailio's (median of ${rounds} rounds; goal 3)`)
  }
  if (wanted('box')) {
    const rate = await rateOfCalls(ours)
    const calls = rate * callSeconds
    await kamailio.call(rate, calls)
    const figures = { ours: [] as number[], kamailio: [] as number[] }
    for (let round = 0; round < rounds; round++) {
      figures.ours.push(await ours.callCpu(rate, calls))
      figures.kamailio.push(await kamailio.callCpu(rate, calls))
    }
    const [mine, theirs] = [summarise(figures.ours), summarise(figures.kamailio)]
    result['call_rate_per_s'] = rate
    result['call_cpu_us'] = rounded(mine.median)
    result['call_cpu_us_min'] = rounded(mine.min)
    result['call_vs_kamailio'] = rounded(mine.median / theirs.median, 2)
    say(`call, whole box, ${rate}/s   Branchline ${us(figures.ours)} us, Kamailio ${us(figures.kamailio)} us
  (ours: two legs, 407, routing, call log on disk, a relay session with four sockets; theirs: a stateful proxy)`)
  }
}

/**
 * The highest of three rates that the box and this machine hold without a failed call, warmed up at it: on a machine
 * that does other work as well, 200 whole calls per second are more than one core's worth.
 */
async function rateOfCalls(subject: Subject): Promise<number> {
  let failure: unknown
  for (const rate of [callsPerS, callsPerS / 2, callsPerS / 4]) {
    try {
      await subject.call(rate, rate * callSeconds * 2)
      return rate
    } catch (error) {
      failure = error
      say(`call, whole box          ${rate}/s are too many here: ${String(error).split('\n', 1)[0]}`)
    }
  }
  throw failure
}

/** Calls through the engine and the smallest application: what the engine and the library cost, and nothing else. */
async function engineCalls(): Promise<void> {
  for (const door of [false, true]) {
    const b2bua = await startB2bua({ door })
    try {
      const calls = callsPerS * callSeconds
      await b2bua.call(callsPerS, calls * 3)
      const totals: number[] = []
      const engines: number[] = []
      for (let round = 0; round < rounds; round++) {
        const { totalUs, engineUs } = await b2bua.callCpu(callsPerS, calls)
        totals.push(totalUs)
        if (engineUs !== undefined) engines.push(engineUs)
      }
      const { median, min } = summarise(totals)
      const name = door ? 'b2bua_call_door_cpu_us' : 'b2bua_call_cpu_us'
      result[name] = rounded(median)
      result[`${name}_min`] = rounded(min)
      if (engines.length > 0) result['b2bua_call_door_engine_us'] = rounded(summarise(engines).median)
      say(
        `call, engine and smallest B2BUA, ${door ? 'TCP door' : 'one process'}  ${us(totals)} us${
          engines.length > 0 ? `, of which the engine ${us(engines)} us` : ' (goal 1,500 us)'
        }`,
      )
    } finally {
      await b2bua.stop()
    }
  }
}

/** Two thousand phones: first all on TLS, then, on a fresh box, all at once on UDP. */
async function crowds(): Promise<void> {
  if (wanted('tls')) {
    const crowd = await startCrowd(crowdSize)
    try {
      const { beforeMb, withAllMb, seconds } = await tlsMemory(crowd)
      result['tls_phones'] = crowdSize
      result['tls_phones_rss_mb'] = rounded(withAllMb)
      result['tls_phone_kb'] = rounded(((withAllMb - beforeMb) * 1000) / crowdSize)
      say(`${crowdSize} TLS phones          ${withAllMb.toFixed(0)} MB resident with all registered (${beforeMb.toFixed(0)} MB before,
  ${(((withAllMb - beforeMb) * 1000) / crowdSize).toFixed(0)} kB each, ${seconds.toFixed(1)} s of handshakes; goal under 400 MB)`)
    } finally {
      await crowd.stop()
    }
  }
  if (wanted('storm')) {
    const crowd = await startCrowd(crowdSize)
    try {
      const { seconds, retransmissions, putOff, during, before } = await storm(crowd)
      const sorted = [...during.ms].sort((first, second) => first - second)
      const worst = sorted.at(-1) as number
      const p99 = sorted[Math.ceil(sorted.length * 0.99) - 1] as number
      result['storm_s'] = rounded(seconds, 2)
      result['storm_put_off'] = putOff
      result['storm_setup_worst_ms'] = rounded(worst)
      result['storm_setup_p99_ms'] = rounded(p99)
      result['storm_calls_refused'] = during.refused
      say(`storm of ${crowdSize}           all registered in ${seconds.toFixed(1)} s (${retransmissions} repetitions,
  ${putOff} times asked by 503 to come back later);
  calls placed meanwhile: ${during.ms.length}, and ${during.refused} refused by 503; INVITE to ringing ${worst.toFixed(0)} ms at worst,
  p99 ${p99.toFixed(0)} ms
  (before the storm ${summarise(before.ms).median.toFixed(0)} ms, ${Math.max(...before.ms).toFixed(0)} ms at worst)`)
    } finally {
      await crowd.stop()
    }
  }
}

say(`${registrationsPerS} registrations/s (REGISTER, 401, REGISTER, 200; bindings committed to disk) and ${callsPerS} calls/s.
CPU is per registration or call, all threads, the idle process subtracted. Overload control is off for the whole box's
registrations and calls, so that work is measured and not its refusal; for the crowds it is on.\n`)
if (wanted('registrations') || wanted('box')) await besideKamailio()
if (wanted('engine')) await engineCalls()
await crowds()
say(JSON.stringify(result))
