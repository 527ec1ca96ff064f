import { formatEndpoint } from '#src/base/net.ts'
import type { Clock } from '#src/base/clock.ts'
import type { Lifetime } from '#src/base/lifetime.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Random } from '#src/base/random.ts'
import type { IdentifiedDevice } from '#src/devices/identify.ts'
import type { BoxAddress } from '../ports.ts'
import { PnpServer } from './pnp-server.ts'
import { openPnpSockets } from './pnp-sockets.ts'

/** Interfaces come and go: a cable is plugged in, DHCP answers late. */
const joinEveryMs = 30_000

/** What the multicast side needs. */
export interface PnpOptions {
  /** Address that the box binds to. */
  listen: string
  /** Only tests look elsewhere. */
  group?: { address: string; port: number }
  box: () => BoxAddress
  localAddressToward(peer: string): Promise<string>
  wants(device: IdentifiedDevice, from: string): boolean
  /** Hears on which interfaces phones are answered, at first and whenever that changes; none is possible. */
  onJoined(addresses: readonly string[]): void
  lifetime: Lifetime
  clock: Clock
  random: Random
  logger: Logger
}

/** Starts answering phones that look for a provisioning server, on every interface that there is or will be. */
export async function startPnp(options: PnpOptions): Promise<void> {
  const { box, lifetime, logger, clock, random } = options
  const server: PnpServer = new PnpServer({
    wants: (device, from) => options.wants(device, from),
    async urlFor(peer) {
      const { address, httpPort } = box()
      return `http://${formatEndpoint(address ?? (await options.localAddressToward(peer)), httpPort)}/`
    },
    send: (bytes, to) => sockets.send(bytes, to),
    addressToward: async (peer) => ({ host: await options.localAddressToward(peer), port: sockets.port }),
    clock,
    random,
    logger,
  })
  const sockets = await openPnpSockets(options, {
    onGroup: (bytes, from) => lifetime.run('pnp', () => server.onGroup(bytes, from)),
    onAnswer: (bytes) => server.onAnswer(bytes),
    onError: (error) => logger.warn({ err: error }, 'multicast of phones failed'),
  })
  lifetime.own('pnp', async () => {
    server.stop()
    await sockets.close()
  })
  let told: string | undefined
  const join = (): void => {
    const joined = sockets.join()
    if (joined.join() !== told) options.onJoined(joined)
    told = joined.join()
  }
  join()
  lifetime.run('join', async (signal) => {
    for (;;) {
      await clock.sleep(joinEveryMs, signal)
      join()
    }
  })
}
