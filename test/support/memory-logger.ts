import type { LogFields, Logger } from '#src/base/logger.ts'

export interface LogLine {
  level: 'debug' | 'info' | 'warn' | 'error'
  fields: LogFields
  text: string
}

/** Keeps every line, so that a test can say what was logged. */
export class MemoryLogger implements Logger {
  readonly lines: LogLine[]
  readonly #fields: LogFields

  constructor(lines: LogLine[] = [], fields: LogFields = {}) {
    this.lines = lines
    this.#fields = fields
  }

  debug(fields: LogFields, text: string): void {
    this.#add('debug', fields, text)
  }
  info(fields: LogFields, text: string): void {
    this.#add('info', fields, text)
  }
  warn(fields: LogFields, text: string): void {
    this.#add('warn', fields, text)
  }
  error(fields: LogFields, text: string): void {
    this.#add('error', fields, text)
  }
  child(fields: LogFields): Logger {
    return new MemoryLogger(this.lines, { ...this.#fields, ...fields })
  }

  #add(level: LogLine['level'], fields: LogFields, text: string): void {
    this.lines.push({ level, fields: { ...this.#fields, ...fields }, text })
  }
}
