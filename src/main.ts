// The process: arguments, environment, signals. Everything else begins in appliance.ts.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Appliance, ApplianceOptions } from './appliance/options.ts'
import { resetAdmin } from './appliance/reset-admin.ts'
import { startAppliance } from './appliance/start-appliance.ts'
import { systemClock } from './base/clock.ts'
import { ApplianceError, errorText } from './base/errors.ts'
import { systemRandom } from './base/random.ts'
import { wipeDataDir } from './host/requests/wipe-data-dir.ts'
import { openLog } from './host/log-sink.ts'
import { createNotifier } from './host/systemd-notify.ts'
import { labPeople } from './lab/people.ts'
import { startLab } from './lab/start-lab.ts'

const environment = process.env
// drachtio-srf reads the environment for every header it writes; the live object asks the C library each time.
process.env = { ...environment }

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }

const usage = `Branchline ${version}: a Teams SIP gateway in one box.

  npm start -- [options]

  --config FILE      settings as JSON; they win over what the setup page saved
  --data DIR         where everything is kept (default ./data)
  --listen ADDRESS   bind every port to this address, for example 127.0.0.1
  --lab              use the lab tenant: a stand-in for Microsoft 365 and Teams on this machine
  --lab-port PORT    port of the lab tenant's pages (default 8444)
  --media KIND       media relay: embedded or rtpengine
  --console DEVICE   maintenance console on a serial port or tty: a device such as /dev/ttyS1, auto (every
                     serial port, also one plugged in later) or none (default); may be given more than once
  --host-requests DIR
                     folder in which the image's host takes requests (reboot, factory reset, network, time)
  --reset-admin      forget the admin password and every login, then end; the box must be stopped
  --version, --help
`

const options = {
  config: { type: 'string' },
  data: { type: 'string', default: 'data' },
  listen: { type: 'string' },
  lab: { type: 'boolean', default: false },
  'lab-port': { type: 'string', default: '8444' },
  media: { type: 'string' },
  console: { type: 'string', multiple: true },
  'host-requests': { type: 'string' },
  'reset-admin': { type: 'boolean', default: false },
  version: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

function parseCommandLine() {
  try {
    return parseArgs({ options }).values
  } catch (error) {
    process.stderr.write(`${errorText(error)}\n\n${usage}`)
    process.exit(64)
  }
}

const values = parseCommandLine()
if (!/^\d{1,5}$/.test(values['lab-port']) || Number(values['lab-port']) > 65535) {
  process.stderr.write(`--lab-port: ${values['lab-port']} is no port, it must be 0 to 65535.\n\n${usage}`)
  process.exit(64)
}
const wrongConsole = values.console?.find((name) => !/^(auto|none|\/.+)$/.test(name))
if (wrongConsole !== undefined) {
  process.stderr.write(`--console: ${wrongConsole} is neither a device, auto nor none.\n\n${usage}`)
  process.exit(64)
}
if (values.help || values.version) {
  process.stdout.write(values.help ? usage : `${version}\n`)
  process.exit(0)
}

const log = openLog({
  stream: process.stderr,
  readable: process.stderr.isTTY,
  level: 'info',
  ...(process.stderr.isTTY ? {} : { gather: { clock: systemClock, forMs: 50 } }),
})
process.on('exit', () => log.flush())
const credentials = environment['CREDENTIALS_DIRECTORY']
const sealCredential = credentials === undefined ? undefined : join(credentials, 'branchline-seal-key')

// sysexits.h EX_TEMPFAIL: any Restart= of systemd but "no" and "on-success" starts the box again.
const restartExitCode = 75

/** Pending while the box starts: a signal that comes then waits for it, so that what has begun is stopped in order. */
let running: Promise<Appliance> | undefined
let stopping = false

async function stopParts(reason: string): Promise<void> {
  stopping = true
  log.logger.info({ reason }, 'stopping: new calls are refused, live calls may finish')
  try {
    const appliance = await running
    await appliance?.stop()
  } catch (error) {
    log.logger.error({ err: error }, 'the box did not stop cleanly')
  }
}

async function stop(signal: string): Promise<void> {
  if (stopping) {
    log.logger.warn({ signal }, 'stopping at once')
    process.exit(1)
  }
  await stopParts(signal)
  process.exit(0)
}
process.on('SIGTERM', () => void stop('SIGTERM'))
process.on('SIGINT', () => void stop('SIGINT'))

/**
 * Asked for on the page. A service manager brings a new process; without one the same process starts anew.
 * `between` runs while everything is stopped.
 */
async function restart(between?: () => void): Promise<void> {
  if (stopping) return
  await stopParts('restart')
  try {
    between?.()
  } catch (error) {
    log.logger.error({ err: error }, 'not everything was wiped')
  }
  if (environment['NOTIFY_SOCKET'] !== undefined) process.exit(restartExitCode)
  stopping = false
  running = start()
  await running
}

// A defect must not take the calls with it silently: it is logged, and systemd's watchdog judges the rest.
process.on('unhandledRejection', (error) => log.logger.error({ err: error }, 'a promise was lost: a defect'))
process.on('uncaughtException', (error) => {
  log.logger.error({ err: error }, 'an exception was lost: a defect; the process ends and is started again')
  process.exit(70)
})

const applianceOptions: ApplianceOptions = {
  version,
  configFile: values.config === undefined ? undefined : resolve(values.config),
  dataDir: resolve(values.data),
  overrides: {
    ...(values.listen === undefined ? {} : { listen: values.listen }),
    ...(values.lab ? { tenant: { kind: 'lab' } } : {}),
    ...(values.media === undefined ? {} : { media: { relay: values.media } }),
  },
  sealCredentialFile: sealCredential !== undefined && existsSync(sealCredential) ? sealCredential : undefined,
  webRoot: join(root, 'web', 'dist'),
  notifier: createNotifier({
    notifySocket: environment['NOTIFY_SOCKET'],
    watchdogUsec: environment['WATCHDOG_USEC'],
    clock: systemClock,
    logger: log.logger,
  }),
  startLab: async ({ dataDir, listen, logger, signal }) => {
    const running = await startLab({
      dataDir,
      listen,
      port: Number(values['lab-port']),
      clock: systemClock,
      logger,
      signal,
    })
    return {
      endpoints: running.endpoints,
      pageUrl: running.pageUrl,
      people: async () => labPeople,
      tellBox: (address) => running.tellBox(address),
      onHealth: (report) => {
        running.onExit(() => report(running.health()))
        running.onRestart(() => report(running.health()))
      },
      stop: () => running.stop(),
    }
  },
  restart: () => void restart(),
  startAnew: () => void restart(() => wipeDataDir(applianceOptions.dataDir)),
  consoles: (values.console ?? []).filter((name) => name !== 'none'),
  hostRequestsDir: values['host-requests'] === undefined ? undefined : resolve(values['host-requests']),
  say: (text) => process.stdout.write(`${text}\n`),
  log,
  clock: systemClock,
  random: systemRandom,
}

async function start(): Promise<Appliance> {
  try {
    return await startAppliance(applianceOptions)
  } catch (error) {
    fail('Branchline cannot start', error)
  }
}

function fail(what: string, error: unknown): never {
  const advice = error instanceof ApplianceError && error.advice ? `\n${error.advice}` : ''
  log.logger.error({ err: error }, 'the box cannot start')
  process.stderr.write(`${what}: ${errorText(error)}${advice}\n`)
  process.exit(1)
}

if (values['reset-admin']) {
  try {
    await resetAdmin(applianceOptions)
  } catch (error) {
    fail('The admin password was not removed', error)
  }
  process.stdout.write(
    'The admin password and every login are removed; everything else is as it was.\n' +
      'Start the box: it prints a claim code, with which the setup page takes a new password.\n',
  )
  process.exit(0)
}

running = start()
await running
