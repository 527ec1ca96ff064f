import type { LogFields, Logger } from '#src/base/logger.ts'
import type { FromLab } from './protocol.ts'

type Level = Extract<FromLab, { kind: 'log' }>['level']

/** A logger in the lab process whose lines are written by the box, where one sink masks secrets. */
export function createIpcLogger(send: (message: FromLab) => void, fields: LogFields = {}): Logger {
  const log = (level: Level) => (more: LogFields, text: string) =>
    send({ kind: 'log', level, fields: plain({ ...fields, ...more }), text })
  return {
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    child: (more) => createIpcLogger(send, { ...fields, ...more }),
  }
}

/** Makes fields fit for JSON: an Error would arrive as `{}`. */
function plain(fields: LogFields): LogFields {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plainValue(value)]))
}

function plainValue(value: unknown): unknown {
  if (value instanceof Error) {
    const { name, message, stack, cause } = value
    return { name, message, stack, ...(cause === undefined ? {} : { cause: plainValue(cause) }) }
  }
  return typeof value === 'bigint' ? value.toString() : value
}
