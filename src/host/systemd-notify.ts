import { spawn } from 'node:child_process'
import notify from 'systemd-notify'
import type { Clock } from '#src/base/clock.ts'
import { errorText } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'

/** Tells systemd how the service is (sd_notify); says nothing where the service manager does not listen. */
export interface Notifier {
  /** READY=1: the start is over. */
  ready(status: string): void
  /** STATUS=: one line for `systemctl status`. */
  status(text: string): void
  /** WATCHDOG=1 at half of the time that systemd allows, until the signal is aborted. */
  startWatchdog(signal: AbortSignal): void
  /** STOPPING=1: the stop has begun. */
  stopping(): void
  /** Resolves when everything said so far has reached the service manager. */
  settled(): Promise<void>
}

/** What systemd put into the environment, read by main. */
export interface NotifierOptions {
  /** `NOTIFY_SOCKET`; undefined = nobody listens. */
  notifySocket: string | undefined
  /** `WATCHDOG_USEC`; undefined = no watchdog. */
  watchdogUsec: string | undefined
  clock: Clock
  logger: Logger
}

const silent: Notifier = {
  ready: () => undefined,
  status: () => undefined,
  startWatchdog: () => undefined,
  stopping: () => undefined,
  settled: () => Promise.resolve(),
}

/** Makes the notifier. The unit needs `NotifyAccess=all`: messages come from a helper program, not from this process. */
export function createNotifier({ notifySocket, watchdogUsec, clock, logger }: NotifierOptions): Notifier {
  if (notifySocket === undefined || notifySocket === '') return silent
  let last: Promise<void> = Promise.resolve()
  let failing = false

  // One after the other: a READY that overtakes its STATUS would show the old one.
  const say = (message: () => Promise<unknown>): Promise<void> => {
    last = last.then(message).then(
      () => {
        failing = false
      },
      (error: unknown) => {
        if (!failing) logger.warn({ reason: errorText(error) }, 'systemd was not reached')
        failing = true
      },
    )
    return last
  }
  const sayVariable = (variable: string): Promise<void> => say(() => sendVariable(notifySocket, variable))

  return {
    ready: (status) => void say(() => notify({ ready: true, status: oneLine(status) })),
    status: (text) => void say(() => notify({ status: oneLine(text) })),
    stopping: () => void sayVariable('STOPPING=1'),
    settled: () => last,
    startWatchdog(signal) {
      const watchdogMs = Number(watchdogUsec) / 1000
      if (!(watchdogMs > 0)) return
      const beat = async (): Promise<void> => {
        // The beat is sent from the main loop on purpose: a loop that hangs must be noticed.
        while (!signal.aborted) {
          await sayVariable('WATCHDOG=1')
          await clock.sleep(watchdogMs / 2, signal)
        }
      }
      beat().catch((error: unknown) => {
        if (!signal.aborted) logger.error({ err: error }, 'the watchdog is no longer fed')
      })
    },
  }
}

/** The npm package knows READY and STATUS only; the program behind it takes any variable. */
function sendVariable(notifySocket: string, variable: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('systemd-notify', [`--pid=${process.pid}`, variable], {
      stdio: 'ignore',
      env: { NOTIFY_SOCKET: notifySocket, PATH: '/usr/bin:/bin' },
    })
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) resolve()
      else reject(new Error(`systemd-notify ended with ${code ?? signal}`))
    })
  })
}

/** A line break would begin another variable. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}
