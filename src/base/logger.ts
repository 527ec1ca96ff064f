/** Fields of a log line; never secrets (the sink masks known names all the same). */
export type LogFields = Record<string, unknown>

/**
 * Where parts write what they have to say. Satisfied by pino.
 * debug = the wire; info = the normal story; warn = one operation failed; error = a feature is down.
 */
export interface Logger {
  debug(fields: LogFields, text: string): void
  info(fields: LogFields, text: string): void
  warn(fields: LogFields, text: string): void
  error(fields: LogFields, text: string): void
  /** A logger that adds `fields` to each line. */
  child(fields: LogFields): Logger
}

/** Swallows everything; for tools and tests that do not read logs. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
}
