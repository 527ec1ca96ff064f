// The process: arguments, environment, signals. Everything else begins in appliance.ts.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Appliance } from './appliance/options.ts'
import { startAppliance } from './appliance/start-appliance.ts'
import { systemClock } from './base/clock.ts'
import { ApplianceError, errorText } from './base/errors.ts'
import { systemRandom } from './base/random.ts'
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
  --version, --help
`

const options = {
  config: { type: 'string' },
  data: { type: 'string', default: 'data' },
  listen: { type: 'string' },
  lab: { type: 'boolean', default: false },
  'lab-port': { type: 'string', default: '8444' },
  media: { type: 'string' },
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
if (values.help || values.version) {
  process.stdout.write(values.help ? usage : `${version}\n`)
  process.exit(0)
}

const log = openLog({ stream: process.stderr, readable: process.stderr.isTTY, level: 'info' })
const credentials = environment['CREDENTIALS_DIRECTORY']
const sealCredential = credentials === undefined ? undefined : join(credentials, 'branchline-seal-key')

let appliance: Appliance | undefined
let stopping = false

async function stop(signal: string): Promise<void> {
  if (stopping) {
    log.logger.warn({ signal }, 'stopping at once')
    process.exit(1)
  }
  stopping = true
  log.logger.info({ signal }, 'stopping: new calls are refused, live calls may finish')
  await appliance?.stop()
  process.exit(0)
}
process.on('SIGTERM', () => void stop('SIGTERM'))
process.on('SIGINT', () => void stop('SIGINT'))

// A defect must not take the calls with it silently: it is logged, and systemd's watchdog judges the rest.
process.on('unhandledRejection', (error) => log.logger.error({ err: error }, 'a promise was lost: a defect'))
process.on('uncaughtException', (error) => {
  log.logger.error({ err: error }, 'an exception was lost: a defect; the process ends and is started again')
  process.exit(70)
})

try {
  appliance = await startAppliance({
    version,
    configFile: values.config === undefined ? undefined : resolve(values.config),
    dataDir: resolve(values.data),
    overrides: {
      ...(values.listen === undefined ? {} : { listen: values.listen }),
      ...(values.lab ? { tenant: { kind: 'lab' } } : {}),
      ...(values.media === undefined ? {} : { media: { relay: values.media } }),
    },
    sealCredentialFile:
      sealCredential !== undefined && existsSync(sealCredential) ? sealCredential : undefined,
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
    say: (text) => process.stdout.write(`${text}\n`),
    log,
    clock: systemClock,
    random: systemRandom,
  })
} catch (error) {
  const advice = error instanceof ApplianceError && error.advice ? `\n${error.advice}` : ''
  log.logger.error({ err: error }, 'the box cannot start')
  process.stderr.write(`Branchline cannot start: ${errorText(error)}${advice}\n`)
  process.exit(1)
}
