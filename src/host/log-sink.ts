import { pino } from 'pino'
import type { Clock, Timer } from '#src/base/clock.ts'
import type { LogFields, Logger } from '#src/base/logger.ts'
import { LogRing } from './log-ring.ts'

/** From the most to the least talkative. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Where lines go: a terminal gets short lines to read, everything else one JSON record per line. */
export interface LogSink {
  logger: Logger
  setLevel(level: LogLevel): void
  /** Writes what was gathered; for the end of the process. */
  flush(): void
  /** The last lines as people read them, oldest first; bounded. */
  recent(): string[]
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

const rank: Record<LogLevel, number> = { debug: 20, info: 30, warn: 40, error: 50 }

/**
 * Writes out what a terminal would act on: a phone may send escape sequences or line breaks as its name, and forge
 * lines or worse on the console of whoever looks.
 */
function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Turns one JSON record into a line for people. */
export function readableLine(json: string): string {
  const { level, time, msg, err, ...fields } = JSON.parse(json) as Record<string, unknown>
  const clock = new Date(time as number).toTimeString().slice(0, 8)
  const rest = Object.entries(fields).map(([name, value]) =>
    printable(typeof value === 'string' ? `${name}=${value}` : `${name}=${JSON.stringify(value)}`),
  )
  const failure = err as { message?: string; stack?: string } | undefined
  const trace = (failure?.stack ?? failure?.message ?? '').split('\n').map(printable).join('\n')
  const tail = failure ? `\n  ${trace}` : ''
  return `${clock} ${levelNames[level as number] ?? String(level)} ${printable(String(msg))}${rest.length ? `  ${rest.join(' ')}` : ''}${tail}\n`
}

/** Lines gathered beyond this are written at once, characters. */
const maxGathered = 16_384

/**
 * Lets the lines of a while share one write to the system: a write costs as much as the line itself. Whatever tells
 * of trouble is written at once, with all that stands before it.
 */
class Gatherer {
  readonly #stream: NodeJS.WritableStream
  readonly #clock: Clock
  readonly #forMs: number
  #text = ''
  #timer: Timer | undefined

  constructor(stream: NodeJS.WritableStream, clock: Clock, forMs: number) {
    this.#stream = stream
    this.#clock = clock
    this.#forMs = forMs
  }

  add(line: string): void {
    this.#text += line
    if (this.#text.length > maxGathered) this.flush()
    else this.#timer ??= this.#clock.setTimer(this.#forMs, () => this.flush())
  }

  flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#text === '') return
    this.#stream.write(this.#text)
    this.#text = ''
  }
}

/**
 * Opens the log on a stream. `readable` = lines for people. `gather` = lines without trouble may wait this long for
 * each other; who asks for it calls `flush` when the process ends.
 */
export function openLog(options: {
  stream: NodeJS.WritableStream
  readable: boolean
  level: LogLevel
  gather?: { clock: Clock; forMs: number }
}): LogSink {
  const { stream, readable, gather } = options
  const gatherer = gather && new Gatherer(stream, gather.clock, gather.forMs)
  const ring = new LogRing(readableLine)
  const destination = {
    write: (line: string): void => {
      ring.add(line)
      const text = readable ? readableLine(line) : line
      if (gatherer) gatherer.add(text)
      else stream.write(text)
    },
  }
  const root = pino(
    {
      // Lines below the level never reach pino: a child of its own keeps the level that it was born with.
      level: 'debug',
      base: null,
      formatters: { log: (fields) => maskSecrets(fields) as Record<string, unknown> },
      // Errors arrive at the formatter first; pino's own serialiser would see the plain record.
      serializers: { err: (value: unknown) => value },
    },
    destination,
  )
  let threshold = rank[options.level]
  const wrap = (logger: pino.Logger): Logger => ({
    debug(fields: LogFields, text: string) {
      if (rank.debug >= threshold) logger.debug(fields, text)
    },
    info(fields: LogFields, text: string) {
      if (rank.info >= threshold) logger.info(fields, text)
    },
    warn(fields: LogFields, text: string) {
      if (rank.warn < threshold) return
      logger.warn(fields, text)
      gatherer?.flush()
    },
    error(fields: LogFields, text: string) {
      logger.error(fields, text)
      gatherer?.flush()
    },
    child: (fields: LogFields) => wrap(logger.child(maskSecrets(fields) as Record<string, unknown>)),
  })
  return {
    logger: wrap(root),
    setLevel: (level) => {
      threshold = rank[level]
    },
    flush: () => gatherer?.flush(),
    recent: () => ring.lines(),
  }
}
