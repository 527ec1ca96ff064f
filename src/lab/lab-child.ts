import { fork, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { secondsToMs, type Clock } from '#src/base/clock.ts'
import { ApplianceError, errorText } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import { labArguments, type LabProcessOptions } from './lab-options.ts'
import { readFromLab, type FromLab, type ToLab } from './protocol.ts'

export type LabReady = Extract<FromLab, { kind: 'ready' }>

/** One running lab process. */
export interface LabChild {
  readonly pid: number
  readonly ready: LabReady
  send(message: ToLab): void
  /** Resolves, with a few words on how, once the process is gone. */
  readonly ended: Promise<string>
  /** Asks it to stop, and kills it when it does not. */
  stop(): Promise<void>
}

const stopTimeoutMs = secondsToMs(5)

/** Forks the lab and waits until it is ready; LAB_FAILED when it is not within `readyTimeoutMs`. */
export async function forkLab(options: {
  entry: URL
  process: LabProcessOptions
  readyTimeoutMs: number
  clock: Clock
  logger: Logger
  signal: AbortSignal
}): Promise<LabChild> {
  const { clock, logger, signal } = options
  signal.throwIfAborted()
  const child = fork(fileURLToPath(options.entry), labArguments(options.process), {
    execPath: process.execPath,
    // Loaders and inspectors of the box are not the lab's, nor is its environment with its credentials; but what the
    // image reads its sources with (systemd/plain-sources.mjs) is everybody's.
    execArgv: process.execArgv.filter((argument) => argument.endsWith('/plain-sources.mjs')),
    env: {},
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  forwardLines(child.stdout, (text) => logger.info({ stream: 'stdout' }, text))
  forwardLines(child.stderr, (text) => logger.warn({ stream: 'stderr' }, text))
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(errorText(error)))
    child.once('exit', (code, killedBy) => resolve(killedBy ? `killed by ${killedBy}` : `exit code ${code}`))
  })
  const stop = async (): Promise<void> => {
    send(child, { kind: 'stop' })
    const timer = clock.setTimer(stopTimeoutMs, () => child.kill('SIGKILL'))
    await ended
    timer.cancel()
  }
  try {
    const ready = await waitForReady(child, ended, options)
    return { pid: child.pid ?? 0, ready, send: (message) => send(child, message), ended, stop }
  } catch (error) {
    child.kill('SIGKILL')
    await ended
    throw error
  }
}

function waitForReady(
  child: ChildProcess,
  ended: Promise<string>,
  options: { readyTimeoutMs: number; clock: Clock; logger: Logger; signal: AbortSignal },
): Promise<LabReady> {
  const { clock, logger, signal, readyTimeoutMs } = options
  return new Promise<LabReady>((resolve, reject) => {
    const fail = (text: string): void => reject(new ApplianceError('LAB_FAILED', { reason: text }))
    const timer = clock.setTimer(readyTimeoutMs, () => fail(`not ready within ${readyTimeoutMs} ms`))
    const onAbort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    const settled = (): void => {
      timer.cancel()
      signal.removeEventListener('abort', onAbort)
    }
    child.on('message', (raw) => {
      const message = readFromLab(raw)
      if (message?.kind === 'log') logger[message.level](message.fields, message.text)
      else if (message?.kind === 'failed') fail(message.text)
      else if (message?.kind === 'ready') resolve(message)
      if (message && message.kind !== 'log') settled()
    })
    void ended.then((how) => {
      settled()
      fail(`it ended before it was ready, ${how}`)
    })
  })
}

function send(child: ChildProcess, message: ToLab): void {
  // A dead child is told to its supervisor by `ended`; a message that it misses is sent to its successor.
  if (child.connected) child.send(message, () => undefined)
}

function forwardLines(stream: Readable | null, log: (line: string) => void): void {
  if (stream) createInterface({ input: stream }).on('line', (line) => log(line.slice(0, 2000)))
}
