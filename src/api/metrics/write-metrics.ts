import client from 'prom-client'
import type { ApiContext } from '../context.ts'
import { viewHealth } from '../views/health.ts'
import type { CallTally } from './call-tally.ts'
import type { EventLoopWatch } from './event-loop.ts'
import { figureName } from './figure-names.ts'

/** The text of one scrape. */
export interface MetricsText {
  contentType: string
  body: string
}

type Labels = Record<string, string>

/** Gathers the figures of one scrape: a name is written once, with all its labels. */
class Scrape {
  readonly #registry = new client.Registry<client.RegistryContentType>()

  constructor(openMetrics: boolean) {
    this.#registry.setContentType(openMetrics ? client.openMetricsContentType : client.prometheusContentType)
  }

  counter(name: string, help: string, samples: [Labels, number][]): void {
    if (!this.#isFree(name)) return
    const counter = new client.Counter({
      ...{ name, help, labelNames: labelNames(samples) },
      registers: [this.#registry],
    })
    for (const [labels, value] of samples) counter.inc(labels, Math.max(0, value))
  }

  gauge(name: string, help: string, samples: [Labels, number][]): void {
    if (!this.#isFree(name)) return
    const gauge = new client.Gauge({
      ...{ name, help, labelNames: labelNames(samples) },
      registers: [this.#registry],
    })
    for (const [labels, value] of samples) gauge.set(labels, value)
  }

  /** Two parts that count under one name must not cost the whole scrape: the first one is shown. */
  #isFree(name: string): boolean {
    return this.#registry.getSingleMetric(name) === undefined
  }

  async text(): Promise<MetricsText> {
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() }
  }
}

function labelNames(samples: [Labels, number][]): string[] {
  return [...new Set(samples.flatMap(([labels]) => Object.keys(labels)))]
}

/**
 * Everything that the box counts, for Prometheus: in OpenMetrics or, when asked for, in its older text format. Made
 * anew for each scrape, from what the parts count anyway, so that nobody pays for it who does not ask.
 */
export async function writeMetrics(
  context: ApiContext,
  parts: { calls: CallTally; eventLoop: EventLoopWatch; openMetrics: boolean },
): Promise<MetricsText> {
  const scrape = new Scrape(parts.openMetrics)
  writeBox(scrape, context)
  writeCalls(scrape, context, parts.calls)
  writeProcess(scrape, parts.eventLoop)
  const counters = await context.parts.counters?.read()
  for (const [dotted, value] of Object.entries(counters ?? {})) {
    const { name, kind, help } = figureName(dotted)
    scrape[kind](name, help, [[{}, value]])
  }
  return scrape.text()
}

function writeBox(scrape: Scrape, context: ApiContext): void {
  const { version, parts, uptimeS } = viewHealth(context)
  scrape.gauge('branchline_build_info', 'The version that runs', [[{ version }, 1]])
  scrape.gauge('branchline_uptime_seconds', 'Time since the start', [[{}, uptimeS]])
  scrape.gauge(
    'branchline_part_up',
    '1 when a part of the box works, 0 when it is degraded, failed or still starting',
    parts
      .filter(({ state }) => state !== 'off')
      .map(({ name, state }) => [{ part: name }, state === 'ok' ? 1 : 0]),
  )
  const { store, pbx } = context.parts
  if (store) {
    const bindings = store.bindings.all(context.options.clock.nowMs())
    const lines = new Set(bindings.map(({ aor }) => aor))
    scrape.gauge('branchline_registrations', 'Contacts that are registered now', [[{}, bindings.length]])
    scrape.gauge('branchline_lines_registered', 'Lines with at least one contact', [[{}, lines.size]])
  }
  const trunks = pbx?.trunks() ?? []
  scrape.gauge(
    'branchline_trunk_up',
    '1 when a trunk takes calls',
    trunks.map(({ name, state }) => [{ trunk: name }, state === 'up' || state === 'degraded' ? 1 : 0]),
  )
  scrape.gauge(
    'branchline_trunk_host_up',
    '1 when a host of a trunk answers OPTIONS',
    trunks.flatMap(({ name, hosts }) =>
      hosts.map((host): [Labels, number] => [{ trunk: name, host: host.name }, host.up ? 1 : 0]),
    ),
  )
}

function writeCalls(scrape: Scrape, { parts }: ApiContext, calls: CallTally): void {
  const states = ['routing', 'ringing', 'answered', 'ending'] as const
  const live = parts.pbx?.liveCalls() ?? []
  scrape.gauge(
    'branchline_calls',
    'Calls that are going on, by state',
    states.map((state) => [{ state }, live.filter((call) => call.state === state).length]),
  )
  scrape.counter(
    'branchline_calls_ended_total',
    'Calls that ended since the start, by cause',
    [...calls.byCause].map(([cause, ended]) => [{ cause }, ended]),
  )
  scrape.counter('branchline_calls_talked_seconds_total', 'Time from answer to end, of all ended calls', [
    [{}, calls.talkedMs / 1000],
  ])
}

/** Names as Prometheus' own client libraries use them, so that ready-made dashboards fit. */
function writeProcess(scrape: Scrape, eventLoop: EventLoopWatch): void {
  const { user, system } = process.cpuUsage()
  const memory = process.memoryUsage()
  const startS = Math.round(performance.timeOrigin) / 1000
  scrape.counter('process_cpu_seconds_total', 'CPU time, user and system', [[{}, (user + system) / 1e6]])
  scrape.gauge('process_start_time_seconds', 'Start of the process, Unix time', [[{}, startS]])
  scrape.gauge('process_resident_memory_bytes', 'Resident memory', [[{}, memory.rss]])
  scrape.gauge('nodejs_heap_size_used_bytes', 'Heap in use', [[{}, memory.heapUsed]])
  scrape.gauge('nodejs_external_memory_bytes', 'Memory of buffers', [[{}, memory.external]])
  for (const [figure, value] of Object.entries(eventLoop.read())) {
    scrape.gauge(
      `nodejs_eventloop_lag_${figure}_seconds`,
      `Event-loop delay since the last scrape, ${figure}`,
      [[{}, value]],
    )
  }
}
