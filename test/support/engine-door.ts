// A SIP engine in a process of its own with its door open, as a drachtio-server stands beside a box. Run by tests:
// node test/support/engine-door.ts SECRET [SIP-PORT [DOOR-PORT]]; prints its ports as one line of JSON when it listens.
import { systemClock } from '#src/base/clock.ts'
import { silentLogger } from '#src/base/logger.ts'
import { systemRandom } from '#src/base/random.ts'
import { startEngine } from '#src/engine/engine.ts'

const [secret = '', sipPort = '0', doorPort = '0'] = process.argv.slice(2)
const host = '127.0.0.1'
const engine = await startEngine({
  listen: [
    { protocol: 'udp', host, port: Number(sipPort) },
    { protocol: 'tcp', host, port: Number(sipPort) },
  ],
  outboundTls: [],
  staticHosts: [],
  limits: {
    maxMessageBytes: 65_536,
    maxHeaderBytes: 32_768,
    maxConnections: 1000,
    maxConnectionsPerSource: 500,
    halfMessageTimeoutMs: 10_000,
    idleTimeoutMs: 600_000,
  },
  timers: { t1Ms: 500, t2Ms: 4000, t4Ms: 5000 },
  door: { host, port: Number(doorPort), secret },
  userAgent: 'Foreign engine',
  clock: systemClock,
  random: systemRandom,
  logger: silentLogger,
})
const portOf = (protocol: string): number | undefined =>
  engine.listeners.find((listener) => listener.protocol === protocol)?.port
process.on('SIGTERM', () => {
  void engine.stop().then(() => process.exit(0))
})
process.on('SIGUSR1', () => process.stdout.write(`${JSON.stringify({ counters: engine.counters() })}\n`))
process.stdout.write(
  `${JSON.stringify({ udp: portOf('udp'), tcp: portOf('tcp'), door: engine.door?.port })}\n`,
)
