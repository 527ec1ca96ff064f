// npm run soak:sip [-- --minutes 30] [--rate 50] [--engine] [--busy-machine]: calls by SIPp through the whole box (or with --engine through
// the engine and the smallest B2BUA), registrations beside them. A line per minute; exit code 0 only when no call and no
// registration failed, nothing stayed behind, and memory and handles are flat. The last line is JSON. On a machine that works for others beside, the box
// rightly refuses what it cannot do in time; --busy-machine turns that off, so that leaks can be looked for all the same.
import { parseArgs } from 'node:util'
import { flatRule, judge, type Sample, type Verdict } from './flat.ts'
import { soakBox, soakEngine, type Figures } from './soak-run.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    rate: { type: 'string', default: '50' },
    engine: { type: 'boolean', default: false },
    'busy-machine': { type: 'boolean', default: false },
  },
})
const minutes = Number(values.minutes)
const rate = Number(values.rate)
/** Timer J, H and L: 32 s; what lives longer is left over. */
const endLimitMs = 75_000
const warmUpS = 45
const sampleMs = 10_000
/** Connections of the setup page that happen to be open. */
const handlesLimit = 5

function text(figures: Figures): string {
  const { rssMb, heapMb, handles, transactions, dialogs } = figures
  return `rss ${rssMb.toFixed(0).padStart(4)} MB  heap ${heapMb.toFixed(0).padStart(3)} MB  handles ${String(handles).padStart(3)}  transactions ${String(transactions).padStart(5)}  dialogs ${String(dialogs).padStart(4)}`
}

function verdictText({ first, last, slope, slopeError, flat }: Verdict): string {
  return `${first.toFixed(0)} -> ${last.toFixed(0)} MB, slope of the last half ${slope.toFixed(2)} +- ${slopeError.toFixed(2)} MB per minute: ${flat ? 'flat' : 'NOT FLAT'}`
}

function rounded(figures: Figures): Figures {
  return { ...figures, rssMb: Math.round(figures.rssMb), heapMb: Math.round(figures.heapMb) }
}

console.log(
  `${values.engine ? 'engine with a B2BUA' : 'whole box'}, ${rate} calls per second for ${minutes} minutes, 20 registrations per second beside them`,
)
const soaked = await (values.engine ? soakEngine() : soakBox({ overloadControl: !values['busy-machine'] }))
let failed = 0
let calls = 0
let registrations = 0
try {
  // Code is compiled, caches and pools are filled, the first transactions have ended: what stands now must stay.
  const warm = await soaked.load(rate, warmUpS)
  failed += warm.failedCalls + warm.failedRegistrations
  const first = await soaked.figures()
  console.log(`after warming up              ${text(first)}`)
  let last = first
  const startMs = performance.now()
  const rss: Sample[] = []
  const heap: Sample[] = []
  const sampler = setInterval(() => {
    const minute = (performance.now() - startMs) / 60_000
    const { rssMb, heapMb } = soaked.memory()
    rss.push({ minute, mb: rssMb })
    if (heapMb > 0) heap.push({ minute, mb: heapMb })
  }, sampleMs)
  for (let minute = 1; minute <= minutes; minute++) {
    const done = await soaked.load(rate, 60)
    calls += done.calls
    registrations += done.registrations
    failed += done.failedCalls + done.failedRegistrations
    last = await soaked.figures()
    console.log(
      `${String(minute).padStart(3)} min  ${done.calls} calls, ${done.failedCalls} failed  ${done.registrations} registrations, ${done.failedRegistrations} failed  ${text(last)}`,
    )
  }
  clearInterval(sampler)
  const endMs = performance.now() + endLimitMs
  let end = last
  while ((end.dialogs > 0 || end.transactions > 0) && performance.now() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, 2000))
    end = await soaked.figures()
  }
  console.log(`first  ${text(first)}\nlast   ${text(last)}\nidle   ${text(end)}`)
  const leftOver = end.dialogs + end.transactions
  const memory = { rss: judge(rss), heap: judge(heap) }
  const handlesFlat = end.handles <= first.handles + handlesLimit
  console.log(`rss            ${verdictText(memory.rss)}`)
  console.log(`heap after GC  ${verdictText(memory.heap)}`)
  console.log(
    `handles        ${first.handles} -> ${end.handles}: ${handlesFlat ? 'flat' : 'NOT FLAT'} (at most ${handlesLimit} more)`,
  )
  console.log(`(${flatRule})`)
  console.log(
    JSON.stringify({
      subject: values.engine ? 'engine' : 'box',
      minutes,
      rate,
      calls,
      registrations,
      failed,
      first: rounded(first),
      last: rounded(last),
      idle: rounded(end),
      memory,
    }),
  )
  const flat = memory.rss.flat && memory.heap.flat && handlesFlat
  process.exitCode = failed === 0 && leftOver === 0 && flat ? 0 : 1
} finally {
  await soaked.stop()
}
