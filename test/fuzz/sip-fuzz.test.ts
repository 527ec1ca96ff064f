import t from 'tap'
import { fuzz } from './fuzz-run.ts'

void t.test('twenty seconds of mutated messages over every transport break nothing', async (t) => {
  // The seed stays, so that a failure comes again; npm run fuzz:sip takes another one each time.
  const verdict = await fuzz({ seconds: 20, seed: 4475, rate: 300, report: (line) => t.comment(line) })
  t.same(verdict.failures, [])
  for (const name of ['udp', 'tcp', 'tls', 'ws', 'wss'])
    t.ok((verdict.sent[name] ?? 0) > 100, `${name} carried ${verdict.sent[name]}`)
  t.ok(verdict.answeredCalls > 50, `${verdict.answeredCalls} calls lived meanwhile`)
  t.ok(verdict.probes.options > 5 && verdict.probes.calls > 2)
  t.ok(verdict.ownP99Ms < 50, `event loop p99 ${verdict.ownP99Ms.toFixed(1)} ms of its own work`)
})
