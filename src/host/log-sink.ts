import { pino } from 'pino'
import type { LogFields, Logger } from '#src/base/logger.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Where lines go: a terminal gets short lines to read, everything else one JSON record per line. */
export interface LogSink {
  logger: Logger
  setLevel(level: LogLevel): void
}

const secretNames =
  /^(authorization|proxyauthorization|cookie|setcookie|password|passphrase|secret|token|accesstoken|refreshtoken|idtoken|tokencache|devicecode|keypem|privatekey|sealkey|ha1md5|ha1sha256|claimcode|response|nonce)$/
const mask = '[masked]'
const maxDepth = 6

/** Copies fields with the value of every secret-sounding name masked, at any depth; errors keep code and stack. */
export function maskSecrets(value: unknown, depth = 0): unknown {
  if (value === null || typeof value !== 'object') return value
  if (value instanceof Error) return describeError(value)
  if (depth >= maxDepth) return '[deep]'
  if (Array.isArray(value)) return value.map((item) => maskSecrets(item, depth + 1))
  if (Buffer.isBuffer(value)) return `[${value.length} bytes]`
  const copy: Record<string, unknown> = {}
  for (const [name, item] of Object.entries(value)) {
    copy[name] = secretNames.test(name.toLowerCase().replaceAll(/[-_]/g, ''))
      ? mask
      : maskSecrets(item, depth + 1)
  }
  return copy
}

function describeError(error: Error): Record<string, unknown> {
  const { code, details } = error as { code?: unknown; details?: unknown }
  return {
    type: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    ...(details === undefined ? {} : { details: maskSecrets(details, 1) }),
    stack: error.stack,
    ...(error.cause instanceof Error ? { cause: describeError(error.cause) } : {}),
  }
}

const levelNames: Record<number, string> = { 20: 'debug', 30: 'info ', 40: 'WARN ', 50: 'ERROR' }

/** Turns one JSON record into a line for people. */
export function readableLine(json: string): string {
  const { level, time, msg, err, ...fields } = JSON.parse(json) as Record<string, unknown>
  const clock = new Date(time as number).toTimeString().slice(0, 8)
  const rest = Object.entries(fields).map(([name, value]) =>
    typeof value === 'object' ? `${name}=${JSON.stringify(value)}` : `${name}=${String(value)}`,
  )
  const failure = err as { message?: string; stack?: string } | undefined
  const tail = failure ? `\n  ${failure.stack ?? failure.message ?? ''}` : ''
  return `${clock} ${levelNames[level as number] ?? String(level)} ${String(msg)}${rest.length ? `  ${rest.join(' ')}` : ''}${tail}\n`
}

/** Opens the log on a stream. `readable` = lines for people. */
export function openLog(options: {
  stream: NodeJS.WritableStream
  readable: boolean
  level: LogLevel
}): LogSink {
  const destination = {
    write: (line: string): void => {
      options.stream.write(options.readable ? readableLine(line) : line)
    },
  }
  const root = pino(
    {
      level: options.level,
      base: null,
      formatters: { log: (fields) => maskSecrets(fields) as Record<string, unknown> },
      // Errors arrive at the formatter first; pino's own serialiser would see the plain record.
      serializers: { err: (value: unknown) => value },
    },
    destination,
  )
  const wrapped: pino.Logger[] = [root]
  const wrap = (logger: pino.Logger): Logger => ({
    debug: (fields: LogFields, text: string) => logger.debug(fields, text),
    info: (fields: LogFields, text: string) => logger.info(fields, text),
    warn: (fields: LogFields, text: string) => logger.warn(fields, text),
    error: (fields: LogFields, text: string) => logger.error(fields, text),
    child: (fields: LogFields) => {
      const child = logger.child(maskSecrets(fields) as Record<string, unknown>)
      wrapped.push(child)
      return wrap(child)
    },
  })
  return {
    logger: wrap(root),
    setLevel: (level) => {
      for (const each of wrapped) each.level = level
    },
  }
}
