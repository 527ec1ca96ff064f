// The smallest B2BUA that drachtio-srf can be: every INVITE goes to one target. Run by the benchmark as
// node test/bench/b2bua-process.ts TARGET                   engine and application in one process
// node test/bench/b2bua-process.ts TARGET DOOR-PORT SECRET  application alone, at an engine's TCP door
import type Srf from 'drachtio-srf'
import { systemClock } from '#src/base/clock.ts'
import { silentLogger } from '#src/base/logger.ts'
import { systemRandom } from '#src/base/random.ts'
import { startEngine } from '#src/engine/engine.ts'
import { connectDrachtio, connectEmbedded } from '#src/pbx/connect-srf.ts'
import { portOf, testEngineOptions } from '#test/support/start-engine.ts'

// As main.ts does: the library reads the environment for every header that it writes.
process.env = { ...process.env }

interface Dialog {
  on(event: 'destroy', listener: () => void): void
  destroy(): Promise<unknown>
}

interface Requests {
  invite(handler: (request: { body: string }, reply: unknown) => void): void
  createB2BUA(
    request: unknown,
    reply: unknown,
    uri: string,
    options: object,
  ): Promise<{ uas: Dialog; uac: Dialog }>
}

const [target = '', doorPort, secret = ''] = process.argv.slice(2)

function serve(srf: Srf): void {
  const app = srf as unknown as Requests
  const connect = async (request: { body: string }, reply: unknown): Promise<void> => {
    try {
      const { uas, uac } = await app.createB2BUA(request, reply, target, { localSdpB: request.body })
      uas.on('destroy', () => void uac.destroy())
      uac.on('destroy', () => void uas.destroy())
    } catch (error) {
      process.stderr.write(`${String(error)}\n`)
    }
  }
  app.invite((request, reply) => void connect(request, reply))
}

if (doorPort === undefined) {
  const engine = await startEngine(
    testEngineOptions({ clock: systemClock, random: systemRandom, logger: silentLogger }),
  )
  serve(await connectEmbedded(engine.openMemoryLink()))
  process.stdout.write(`${JSON.stringify({ udp: portOf(engine, 'udp') })}\n`)
} else {
  serve(await connectDrachtio({ host: '127.0.0.1', port: Number(doorPort), secret }))
  process.stdout.write('{}\n')
}
