import t, { type Test } from 'tap'
import { figureName } from '#src/api/metrics/figure-names.ts'
import { startTestApi, type TestApi } from './api-fixture.ts'

/** One line of the text format (prometheus.io/docs/instrumenting/exposition_formats): name, labels, value. */
const sample =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN)$/

interface Family {
  type: string
  samples: { name: string; labels: string; value: number }[]
}

/** Reads the format by its grammar and fails on whatever Prometheus would refuse. */
function parseMetrics(t: Test, body: string, openMetrics: boolean): Map<string, Family> {
  const families = new Map<string, Family>()
  let current: [string, Family] | undefined
  const lines = body.split('\n').filter((line) => line !== '')
  if (openMetrics) t.equal(lines.pop(), '# EOF', 'OpenMetrics ends with EOF')
  const seen = new Set<string>()
  for (const line of lines) {
    const type = /^# TYPE (\S+) (counter|gauge)$/.exec(line)
    if (type) {
      const [, name = '', kind = ''] = type
      t.notOk(families.has(name), `${name} stands once`)
      current = [name, { type: kind, samples: [] }]
      families.set(name, current[1])
    } else if (!line.startsWith('# HELP ')) {
      const match = sample.exec(line)
      if (!match || !current) {
        t.fail(`not a line of the format: ${line}`)
        continue
      }
      const [, name = '', labels = '', value = ''] = match
      const [family, { type: kind, samples }] = current
      t.notOk(seen.has(`${name}{${labels}}`), `${name}{${labels}} has one value`)
      seen.add(`${name}{${labels}}`)
      if (name !== (openMetrics && kind === 'counter' ? `${family}_total` : family))
        t.fail(`${name} is not of ${family}`)
      if (kind === 'counter' && !name.endsWith('_total')) t.fail(`${name} counts and does not say so`)
      samples.push({ name, labels, value: Number(value) })
    }
  }
  return families
}

async function startCountingApi(t: Test): Promise<TestApi> {
  const api = await startTestApi(t)
  const counts = {
    'sip.messagesReceived': 12,
    'sip.bytesReceived': 3456,
    'sip.dialogsAlive': 2,
    'media.portsTotal': 1000,
    'calls.callsAnswered': 3,
    'trace.bytesKept': 99,
    'x.same_name': 1,
    'x.sameName': 2,
  }
  api.context.parts = { ...api.context.parts, counters: { read: () => Promise.resolve(counts) } }
  return api
}

t.test('the metrics follow the grammar of both formats, and name what the box counts', async (t) => {
  const api = await startCountingApi(t)
  await api.claim()
  const party = { kind: 'line' as const, id: '1', number: '201', displayName: 'An"na\\\n' }
  const call = { id: 'c', startedAtMs: 1, answeredAtMs: 1000, endedAtMs: 3500, caller: party, dialled: '1' }
  for (const cause of ['CALL_ENDED_BY_CALLER', 'CALL_ENDED_BY_CALLER', 'CALL_NO_ANSWER']) {
    const answeredAtMs = cause === 'CALL_NO_ANSWER' ? undefined : call.answeredAtMs
    api.pbx.emit('callEnded', {
      ...call,
      answeredAtMs,
      callee: party,
      cause,
      sipStatus: 200,
      explanation: 'x',
    })
  }
  for (const [accept, openMetrics] of [
    ['application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5', true],
    ['text/plain', false],
  ] as const) {
    const reply = await api.ask('GET', '/api/metrics', undefined, { accept })
    t.equal(reply.statusCode, 200)
    t.match(
      reply.headers['content-type'],
      openMetrics ? /^application\/openmetrics-text/ : /^text\/plain; version=0\.0\.4/,
    )
    const families = parseMetrics(t, reply.body, openMetrics)
    const value = (name: string, labels = ''): number | undefined =>
      [...families.values()]
        .flatMap(({ samples }) => samples)
        .find((one) => one.name === name && one.labels === labels)?.value
    t.equal(value('branchline_sip_messages_received_total'), 12)
    t.equal(value('branchline_sip_received_bytes_total'), 3456)
    t.equal(value('branchline_sip_dialogs_alive'), 2)
    t.equal(value('branchline_media_ports'), 1000)
    t.equal(value('branchline_trace_kept_bytes'), 99)
    t.equal(value('branchline_calls_ended_total', 'cause="CALL_ENDED_BY_CALLER"'), 2)
    t.equal(value('branchline_calls_ended_total', 'cause="CALL_NO_ANSWER"'), 1)
    t.equal(value('branchline_calls_talked_seconds_total'), 5)
    t.equal(value('branchline_trunk_host_up', 'trunk="teams",host="sip2.lab.example"'), 0)
    t.ok((value('process_resident_memory_bytes') ?? 0) > 1e7)
    t.ok((value('process_cpu_seconds_total') ?? 0) > 0)
    t.ok((value('nodejs_eventloop_lag_p99_seconds') ?? -1) >= 0)
    t.ok(families.size >= 25, `${families.size} families`)
  }
})

t.test('names: base units last, counters say total, what goes down again is a gauge', async (t) => {
  t.match(figureName('sip.connectionsOpen'), { name: 'branchline_sip_connections_open', kind: 'gauge' })
  t.match(figureName('sip.connectionsOpened'), {
    name: 'branchline_sip_connections_opened_total',
    kind: 'counter',
  })
  t.match(figureName('media.sessions'), { name: 'branchline_media_sessions', kind: 'gauge' })
  t.match(figureName('calls.live'), { name: 'branchline_calls_live', kind: 'gauge' })
  t.match(figureName('trace.homerDropped'), { name: 'branchline_trace_homer_dropped_total', kind: 'counter' })
})

t.test(
  'a token opens the metrics and nothing else; a new one ends the old one; without any it is shut',
  async (t) => {
    const api = await startCountingApi(t)
    await api.claim()
    t.strictSame((await api.ask('GET', '/api/metrics/token')).json(), { madeAtMs: null })
    const { token } = (await api.ask('POST', '/api/metrics/token')).json<{ token: string }>()
    t.equal(token.length, 43)
    t.strictSame((await api.ask('GET', '/api/metrics/token')).json(), { madeAtMs: api.clock.nowMs() })
    const kept = api.store.secrets.get('metrics.token') ?? ''
    t.notOk(kept.includes(token), 'only its hash is kept')
    api.cookie = undefined
    const read = async (authorization?: string, path = '/api/metrics'): Promise<number> =>
      (await api.ask('GET', path, undefined, authorization === undefined ? {} : { authorization })).statusCode
    t.equal(await read(), 401)
    t.equal(await read(`Bearer ${token}`), 200)
    t.equal(await read(`bearer ${token}`), 200, 'the scheme is in any case (RFC 9110 11.1)')
    for (const wrong of [
      `Bearer ${token}x`,
      `Bearer ${token.slice(1)}`,
      'Bearer ',
      `Basic ${token}`,
      `Bearer ${'x'.repeat(5_000)}`,
    ])
      t.equal(await read(wrong), 401, wrong.slice(0, 12))
    t.equal(await read(`Bearer ${token}`, '/api/devices'), 401, 'nothing else opens')
    t.equal(await read(`Bearer ${token}`, '/api/metrics/token'), 401)
    await api.ask('POST', '/api/login', { password: 'correct horse battery' })
    const next = (await api.ask('POST', '/api/metrics/token')).json<{ token: string }>()
    t.equal((await api.ask('DELETE', '/api/metrics/token')).statusCode, 204)
    api.cookie = undefined
    t.equal(await read(`Bearer ${token}`), 401, 'the old one')
    t.equal(await read(`Bearer ${next.token}`), 401, 'the one that was taken away')
    api.store.secrets.set('metrics.token', '{"hash":1}')
    t.equal(await read('Bearer x'), 401, 'a damaged secret opens nothing')
  },
)
