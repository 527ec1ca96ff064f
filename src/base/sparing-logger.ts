import type { Clock } from './clock.ts'
import type { LogFields, Logger } from './logger.ts'

const windowMs = 60_000
const linesPerWindow = 20
/** Texts are written in the code, so there are few; the bound only keeps a mistake from growing. */
const maxTexts = 200

interface Window {
  startedAtMs: number
  lines: number
}

/**
 * A logger for what strangers can cause: of each warning and error at most 20 lines a minute go on, and the first
 * of the next minute says in `keptBack` how many did not. A line per hostile packet would fill the disk.
 */
export function sparingly(logger: Logger, clock: Pick<Clock, 'monotonicMs'>): Logger {
  return wrap(logger, clock, new Map())
}

function wrap(logger: Logger, clock: Pick<Clock, 'monotonicMs'>, windows: Map<string, Window>): Logger {
  const judge = (text: string): number | undefined => {
    const nowMs = clock.monotonicMs()
    const window = windows.get(text)
    if (!window && windows.size >= maxTexts) return undefined
    if (window && nowMs - window.startedAtMs < windowMs) {
      window.lines++
      return window.lines > linesPerWindow ? undefined : 0
    }
    windows.set(text, { startedAtMs: nowMs, lines: 1 })
    return window ? Math.max(0, window.lines - linesPerWindow) : 0
  }
  const write = (level: 'warn' | 'error', fields: LogFields, text: string): void => {
    const keptBack = judge(text)
    if (keptBack !== undefined) logger[level](keptBack === 0 ? fields : { ...fields, keptBack }, text)
  }
  return {
    debug: (fields, text) => logger.debug(fields, text),
    info: (fields, text) => logger.info(fields, text),
    warn: (fields, text) => write('warn', fields, text),
    error: (fields, text) => write('error', fields, text),
    child: (fields) => wrap(logger.child(fields), clock, windows),
  }
}
