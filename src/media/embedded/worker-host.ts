import { Worker } from 'node:worker_threads'
import type { Clock, Timer } from '#src/base/clock.ts'
import { ApplianceError, errorText } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import {
  protocolVersion,
  type FromWorker,
  type ToWorker,
  type WorkerResult,
  type WorkerSettings,
} from './protocol.ts'

/** A request as the caller writes it; the host gives it its id. */
export type WorkerRequest = ToWorker extends infer Request
  ? Request extends ToWorker
    ? Omit<Request, 'id'>
    : never
  : never

export interface WorkerHostOptions {
  settings: Omit<WorkerSettings, 'version'>
  clock: Clock
  logger: Logger
  /** Called once when the worker is gone without `stop`. */
  onDeath: () => void
  onInactive: (sessionId: string) => void
}

interface Waiting {
  resolve: (result: WorkerResult) => void
  reject: (error: Error) => void
  timer: Timer
}

// Opening sockets takes a millisecond.
const requestTimeoutMs = 5000
// Its reply may only wait behind a stall of this thread; a worker that says nothing for this long after it is stuck.
const graceMs = 1000

/** One relay worker, seen from the main thread: owns the ids of requests, and fails them all when the worker dies. */
export class WorkerHost {
  readonly #options: WorkerHostOptions
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #nextId = 1
  #grace: Timer | undefined
  #stopping = false

  constructor(options: WorkerHostOptions) {
    this.#options = options
  }

  /** Resolves when the worker says that it is ready; rejects with MEDIA_FAILED. */
  async start(): Promise<void> {
    const settings: WorkerSettings = { version: protocolVersion, ...this.#options.settings }
    const worker = new Worker(new URL('./worker/worker-main.ts', import.meta.url), { workerData: settings })
    this.#worker = worker
    await new Promise<void>((resolve, reject) => {
      worker.on('message', (message: FromWorker) => {
        if (message.kind !== 'ready') return this.#receive(message)
        if (message.version === protocolVersion) resolve()
        else reject(mediaFailed(`the worker speaks protocol version ${message.version}`))
      })
      worker.on('error', (error) => {
        this.#options.logger.error({ err: error }, 'a media worker failed')
      })
      worker.on('exit', (exitCode) => {
        reject(mediaFailed(`the worker ended with code ${exitCode} before it was ready`))
        this.#end()
      })
    })
  }

  /** Asks the worker; `failed` results become ApplianceErrors with their code. */
  async request(request: WorkerRequest): Promise<Exclude<WorkerResult, { kind: 'failed' }>> {
    const worker = this.#worker
    if (!worker || this.#stopping) throw mediaFailed('the media worker is not running')
    const id = this.#nextId++
    const result = await new Promise<WorkerResult>((resolve, reject) => {
      const timer = this.#options.clock.setTimer(requestTimeoutMs, () => {
        this.#waiting.delete(id)
        reject(mediaFailed('the media worker does not answer'))
        this.#doubt(worker)
      })
      this.#waiting.set(id, { resolve, reject, timer })
      worker.postMessage({ ...request, id })
    })
    if (result.kind === 'failed') throw new ApplianceError(result.code, { reason: result.reason })
    return result
  }

  /** Ends the thread; every open request is rejected. */
  async stop(): Promise<void> {
    this.#stopping = true
    await this.#worker?.terminate()
  }

  /** Ends the thread as a defect would: `onDeath` is called. */
  async kill(): Promise<void> {
    await this.#worker?.terminate()
  }

  /** Gives a silent worker a last moment; then it is ended like one that died, and with it what it still holds. */
  #doubt(worker: Worker): void {
    this.#grace ??= this.#options.clock.setTimer(graceMs, () => {
      this.#options.logger.error({ code: 'MEDIA_FAILED' }, 'a media worker is stuck')
      void worker.terminate()
    })
  }

  #receive(message: Exclude<FromWorker, { kind: 'ready' }>): void {
    this.#grace?.cancel()
    this.#grace = undefined
    if (message.kind === 'inactive') return this.#options.onInactive(message.sessionId)
    const waiting = this.#waiting.get(message.id)
    if (!waiting) return
    this.#waiting.delete(message.id)
    waiting.timer.cancel()
    waiting.resolve(message.result)
  }

  #end(): void {
    const worker = this.#worker
    this.#worker = undefined
    this.#grace?.cancel()
    for (const { reject, timer } of this.#waiting.values()) {
      timer.cancel()
      reject(mediaFailed('the media worker died'))
    }
    this.#waiting.clear()
    if (!worker || this.#stopping) return
    try {
      this.#options.onDeath()
    } catch (error) {
      this.#options.logger.error({ err: error }, errorText(error))
    }
  }
}

function mediaFailed(reason: string): ApplianceError {
  return new ApplianceError('MEDIA_FAILED', { reason })
}
