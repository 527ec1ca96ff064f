import { parseArgs } from 'node:util'
import { secondsToMs } from '#src/base/clock.ts'
import { ApplianceError } from '#src/base/errors.ts'
import { entraCodeTimes } from './lab-tenant.ts'

/** What the lab process is told on its command line. */
export interface LabProcessOptions {
  dataDir: string
  listenHost: string
  port: number
  edgePort: number
  exactPort: boolean
  codeLifetimeMs: number
  codeIntervalMs: number
}

/** HTTPS port of the lab when nobody says otherwise. */
export const defaultLabPort = 8444

/** Turns options into the arguments that `parseLabArguments` reads. */
export function labArguments(options: LabProcessOptions): string[] {
  return [
    ...['--data', options.dataDir, '--listen', options.listenHost],
    ...['--port', String(options.port), '--edge-port', String(options.edgePort)],
    ...(options.exactPort ? ['--exact-port'] : []),
    ...['--code-lifetime', String(options.codeLifetimeMs / 1000)],
    ...['--code-interval', String(options.codeIntervalMs / 1000)],
  ]
}

/** Reads the command line of the lab process; CONFIG_INVALID names the flag. */
export function parseLabArguments(args: string[]): LabProcessOptions {
  let values
  try {
    ;({ values } = parseArgs({
      args,
      options: {
        data: { type: 'string' },
        listen: { type: 'string', default: '127.0.0.1' },
        port: { type: 'string', default: String(defaultLabPort) },
        'edge-port': { type: 'string', default: '0' },
        'exact-port': { type: 'boolean', default: false },
        'code-lifetime': { type: 'string' },
        'code-interval': { type: 'string' },
      },
    }))
  } catch (error) {
    throw new ApplianceError('CONFIG_INVALID', { flags: args }, { cause: error })
  }
  if (values.data === undefined) {
    throw new ApplianceError('CONFIG_INVALID', { flag: '--data' }, { text: 'The lab needs --data DIR.' })
  }
  return {
    dataDir: values.data,
    listenHost: values.listen,
    port: portOf('--port', values.port),
    edgePort: portOf('--edge-port', values['edge-port']),
    exactPort: values['exact-port'],
    codeLifetimeMs: secondsOf('--code-lifetime', values['code-lifetime'], entraCodeTimes.codeLifetimeMs),
    codeIntervalMs: secondsOf('--code-interval', values['code-interval'], entraCodeTimes.codeIntervalMs),
  }
}

function portOf(flag: string, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN
  if (port >= 0 && port <= 65535) return port
  throw new ApplianceError(
    'CONFIG_INVALID',
    { flag, value: text },
    { text: `${flag} must be a port, 0-65535.` },
  )
}

function secondsOf(flag: string, text: string | undefined, defaultMs: number): number {
  if (text === undefined) return defaultMs
  const seconds = Number(text)
  if (seconds > 0 && seconds <= 86_400) return secondsToMs(seconds)
  throw new ApplianceError(
    'CONFIG_INVALID',
    { flag, value: text },
    { text: `${flag} must be seconds, more than 0 and at most a day.` },
  )
}
