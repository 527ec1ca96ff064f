// npm run fuzz:sip [-- --minutes 10] [--seed N] [--rate 400]: mutated messages over every transport at an engine in a
// process of its own; see README.md. Exit code 0 only when nothing broke. The last line is JSON.
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { fuzz, isAlone } from './fuzz-run.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    rate: { type: 'string', default: '400' },
    inside: { type: 'boolean', default: false },
  },
})

// A network of its own with nothing but loopback: no mutated address can lead out of this machine.
if (!values.inside && !isAlone()) {
  const script = 'ip link set lo up && exec "$@"'
  const again = ['--inside', '--minutes', values.minutes, '--seed', values.seed, '--rate', values.rate]
  const command = [process.execPath, '--disable-warning=ExperimentalWarning', import.meta.filename, ...again]
  if (spawnSync('unshare', ['-rn', 'true']).status === 0) {
    const run = spawnSync('unshare', ['-rn', 'sh', '-c', script, 'sh', ...command], { stdio: 'inherit' })
    process.exit(run.status ?? 1)
  }
}

const minutes = Number(values.minutes)
console.log(`seed ${values.seed}, ${minutes} minutes, ${values.rate} messages per second`)
const verdict = await fuzz({
  seconds: minutes * 60,
  seed: Number(values.seed),
  rate: Number(values.rate),
  report: (line) => console.log(line),
})
const { failures, heapMb, rssMb } = verdict
const judge = (text: string, wrong: boolean): void => {
  if (wrong) failures.push(text)
}
judge(`event loop held up: p99 ${verdict.ownP99Ms.toFixed(1)} ms`, verdict.ownP99Ms >= 50)
// Over a few minutes caches fill; what grows without end grows by more than this.
judge(
  `heap grows by ${verdict.heapSlopeMbPerMinute.toFixed(2)} MB per minute`,
  verdict.heapSlopeMbPerMinute > 1 && minutes >= 3,
)
console.log(`event loop held up by the engine: p99 ${verdict.ownP99Ms.toFixed(1)} ms; by the clock on the wall, neighbours included: ${verdict.wallP99Ms.toFixed(1)} ms
heap after collection ${heapMb[0]?.toFixed(1)} MB -> ${heapMb.at(-1)?.toFixed(1)} MB, slope ${verdict.heapSlopeMbPerMinute.toFixed(2)} MB/min
rss ${rssMb[0]?.toFixed(0)} MB -> ${rssMb.at(-1)?.toFixed(0)} MB, slope ${verdict.rssSlopeMbPerMinute.toFixed(2)} MB/min
probes: ${verdict.probes.options} OPTIONS (worst ${verdict.probes.worstOptionsMs.toFixed(0)} ms), ${verdict.probes.calls} calls by SIPp; ${verdict.answeredCalls} live calls
${failures.length === 0 ? 'nothing broke' : `broke:\n${failures.join('\n')}`}`)
console.log(
  JSON.stringify({
    seed: Number(values.seed),
    minutes,
    sent: verdict.sent,
    failures: failures.length,
    loopP99Ms: Number(verdict.ownP99Ms.toFixed(1)),
    loopWallP99Ms: Number(verdict.wallP99Ms.toFixed(1)),
    heapSlopeMbPerMinute: Number(verdict.heapSlopeMbPerMinute.toFixed(2)),
    rssSlopeMbPerMinute: Number(verdict.rssSlopeMbPerMinute.toFixed(2)),
    leftOver: verdict.leftOver,
  }),
)
process.exitCode = failures.length === 0 ? 0 : 1
