import { join } from 'node:path'
import { secondsToMs, systemClock, type Clock } from '#src/base/clock.ts'
import { errorText } from '#src/base/errors.ts'
import type { LogFields, Logger } from '#src/base/logger.ts'
import type { PartHealth } from '#src/model/health.ts'
import type { TenantEndpoints } from '#src/model/tenant.ts'
import { forkLab, type LabChild, type LabReady } from './lab-child.ts'
import type { LabProcessOptions } from './lab-options.ts'
import { entraCodeTimes } from './lab-tenant.ts'
import { labPeople, type LabPerson } from './people.ts'
import { fromWire } from './protocol.ts'
import type { BoxAddress } from './teams-edge-port.ts'

/** What the box says when it starts its lab. */
export interface StartLabOptions {
  /** The box's data directory; certificates and keys of the lab are kept in its folder `lab`. */
  dataDir: string
  /** IP address of the lab's HTTPS server. */
  listen: string
  /** HTTPS port; another one is used, and named in the log, when it is taken. 0 = any free port. */
  port: number
  logger: Logger
  clock?: Clock
  /** Aborting it gives up a start that is under way; a running lab is ended by `stop`. */
  signal?: AbortSignal
  readyTimeoutMs?: number
  /** Life of a device code and polling interval; tests shorten them. */
  codeLifetimeMs?: number
  codeIntervalMs?: number
  /** Another entry than main.ts; for tests. */
  entry?: URL
}

/** The lab as the box sees it: one process, or its successors with the same ports and keys. */
export interface RunningLab {
  readonly endpoints: TenantEndpoints
  readonly pageUrl: string
  /** Process id of the running lab; undefined between two of them. */
  readonly pid: number | undefined
  /** Tells where the box listens for SIP/TLS; repeated to every successor. */
  tellBox(address: BoxAddress): void
  /** Whom to sign in as and whom to call. */
  people(): Promise<readonly LabPerson[]>
  health(): PartHealth
  /** Hears of every process that ended by itself, and whether another one follows. */
  onExit(listener: (end: { reason: string; restarting: boolean }) => void): () => void
  /** Hears when a successor is ready. */
  onRestart(listener: () => void): () => void
  stop(): Promise<void>
}

/** At most this many deaths in the window; one more and the lab stays down. */
const maxRestarts = 5
const restartWindowMs = secondsToMs(600)
const restartDelaysMs = [200, 500, 1000, 2000, 5000]
// Nothing waits for it but the box itself, and a small machine that is busy takes long to start a second program.
const defaultReadyTimeoutMs = secondsToMs(120)

/** Starts the lab process and keeps it running; LAB_FAILED when the first start does not succeed. */
export async function startLab(options: StartLabOptions): Promise<RunningLab> {
  const logger = labLogger(options.logger.child({ lab: true }))
  const supervisor = new LabSupervisor(options, logger)
  await supervisor.start()
  return supervisor
}

class LabSupervisor implements RunningLab {
  readonly #options: StartLabOptions
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #abort = new AbortController()
  readonly #exitListeners = new Set<(end: { reason: string; restarting: boolean }) => void>()
  readonly #restartListeners = new Set<() => void>()
  readonly #deathsAtMs: number[] = []
  #ready: LabReady | undefined
  #child: LabChild | undefined
  #box: BoxAddress | undefined
  #health: PartHealth = { name: 'lab', state: 'starting', detail: 'The lab starts.', advice: undefined }
  #watching: Promise<void> = Promise.resolve()

  constructor(options: StartLabOptions, logger: Logger) {
    this.#options = options
    this.#logger = logger
    this.#clock = options.clock ?? systemClock
  }

  get endpoints(): TenantEndpoints {
    return fromWire(this.#known().endpoints)
  }

  get pageUrl(): string {
    return this.#known().pageUrl
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  async start(): Promise<void> {
    const { signal: outer } = this.#options
    const signal = outer ? AbortSignal.any([this.#abort.signal, outer]) : this.#abort.signal
    const child = await this.#fork({ port: this.#options.port, edgePort: 0, exactPort: false }, signal)
    this.#watching = this.#watch(child)
  }

  tellBox(address: BoxAddress): void {
    this.#box = address
    this.#child?.send({ kind: 'box', ...address })
  }

  async people(): Promise<readonly LabPerson[]> {
    return labPeople
  }

  health(): PartHealth {
    return this.#health
  }

  onExit(listener: (end: { reason: string; restarting: boolean }) => void): () => void {
    this.#exitListeners.add(listener)
    return () => this.#exitListeners.delete(listener)
  }

  onRestart(listener: () => void): () => void {
    this.#restartListeners.add(listener)
    return () => this.#restartListeners.delete(listener)
  }

  async stop(): Promise<void> {
    this.#abort.abort(new Error('the lab is stopping'))
    await this.#child?.stop()
    await this.#watching
    this.#health = { name: 'lab', state: 'off', detail: 'The lab is stopped.', advice: undefined }
  }

  /** Follows one process after the other until the lab is stopped or dies too often. */
  async #watch(first: LabChild): Promise<void> {
    let child: LabChild | undefined = first
    while (child) {
      const reason: string = await child.ended
      this.#child = undefined
      if (this.#abort.signal.aborted) return
      child = await this.#replace(reason)
    }
  }

  /** Forks a successor on the same ports; undefined when the lab was stopped or gave up. */
  async #replace(firstReason: string): Promise<LabChild | undefined> {
    let reason = firstReason
    for (;;) {
      const restarting = this.#mayRestart()
      this.#noteEnd(reason, restarting)
      if (!restarting) return undefined
      try {
        const attempt = Math.min(this.#deathsAtMs.length, restartDelaysMs.length) - 1
        await this.#clock.sleep(restartDelaysMs[attempt] ?? 0, this.#abort.signal)
        const { https, edge } = this.#known().ports
        const child = await this.#fork({ port: https, edgePort: edge, exactPort: true }, this.#abort.signal)
        this.#logger.info({ pid: child.pid }, 'the lab runs again, on the same ports')
        for (const listener of this.#restartListeners) listener()
        return child
      } catch (error) {
        if (this.#abort.signal.aborted) return undefined
        reason = errorText(error)
      }
    }
  }

  async #fork(
    ports: Pick<LabProcessOptions, 'port' | 'edgePort' | 'exactPort'>,
    signal: AbortSignal,
  ): Promise<LabChild> {
    const { dataDir, listen, readyTimeoutMs = defaultReadyTimeoutMs } = this.#options
    const child = await forkLab({
      entry: this.#options.entry ?? new URL('./main.ts', import.meta.url),
      process: {
        dataDir: join(dataDir, 'lab'),
        listenHost: listen,
        codeLifetimeMs: this.#options.codeLifetimeMs ?? entraCodeTimes.codeLifetimeMs,
        codeIntervalMs: this.#options.codeIntervalMs ?? entraCodeTimes.codeIntervalMs,
        ...ports,
      },
      readyTimeoutMs,
      clock: this.#clock,
      logger: this.#logger,
      signal,
    })
    this.#child = child
    this.#ready = child.ready
    if (this.#box) child.send({ kind: 'box', ...this.#box })
    const detail = `The lab tenant runs at ${child.ready.pageUrl}`
    this.#health = { name: 'lab', state: 'ok', detail, advice: undefined }
    return child
  }

  #mayRestart(): boolean {
    const nowMs = this.#clock.monotonicMs()
    while ((this.#deathsAtMs[0] ?? nowMs) < nowMs - restartWindowMs) this.#deathsAtMs.shift()
    this.#deathsAtMs.push(nowMs)
    return this.#deathsAtMs.length <= maxRestarts
  }

  #noteEnd(reason: string, restarting: boolean): void {
    const state = restarting ? 'degraded' : 'failed'
    const detail = `The lab process ended: ${reason}`
    const advice = restarting ? 'It is started again.' : 'Restart the box; the log says what went wrong.'
    this.#health = { name: 'lab', state, detail, advice }
    if (restarting) this.#logger.warn({ reason }, 'the lab process ended, starting it again')
    else this.#logger.error({ code: 'LAB_FAILED', reason }, 'the lab process ended too often, it stays down')
    for (const listener of this.#exitListeners) listener({ reason, restarting })
  }

  #known(): LabReady {
    if (!this.#ready) throw new Error('the lab was never ready')
    return this.#ready
  }
}

/** Puts the word lab into every line, for people who read texts and not fields. */
function labLogger(logger: Logger): Logger {
  const log = (level: 'debug' | 'info' | 'warn' | 'error') => (fields: LogFields, text: string) =>
    logger[level](fields, `lab: ${text}`)
  return {
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    child: (fields) => labLogger(logger.child(fields)),
  }
}
