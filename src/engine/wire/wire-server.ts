import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { ApplianceError, errorText } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import type { DoorOptions } from '../options.ts'
import { joinSocket } from './socket-link.ts'
import type { WireContext } from './wire-client.ts'

const handshakeTimeoutMs = 10_000
/** An application may be many processes; beyond that somebody only takes our file descriptors. */
const defaultMaxConnections = 100

/** The TCP or TLS door for drachtio-srf applications outside this process. */
export class WireServer {
  readonly #context: WireContext
  readonly #options: DoorOptions
  readonly #logger: Logger
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined

  constructor(context: WireContext, options: DoorOptions, logger: Logger) {
    this.#context = context
    this.#options = options
    this.#logger = logger
  }

  /** Listens, or throws PORT_IN_USE, or ENGINE_FAILED for a certificate that cannot be used. Returns the address with the port that was bound. */
  async start(): Promise<{ host: string; port: number }> {
    const { host, port } = this.#options
    const server = this.#createServer()
    this.#server = server
    server.maxConnections = this.#options.maxConnections ?? defaultMaxConnections
    server.on('drop', (refused) =>
      this.#logger.warn({ peer: refused?.remoteAddress }, 'the application door has too many connections'),
    )
    // Sockets are kept from their first byte on: a handshake that never ends must not outlive us.
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, host, () => {
          server.off('error', reject)
          resolve()
        })
      })
    } catch (error) {
      throw new ApplianceError('PORT_IN_USE', { protocol: 'drachtio', host, port }, { cause: error })
    }
    server.on('error', (error) => this.#logger.error({ err: error }, 'the application door failed'))
    return { host, port: (server.address() as AddressInfo).port }
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    const server = this.#server
    if (!server) return
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }

  #createServer(): Server {
    const { tls } = this.#options
    const join = (socket: Socket): void => this.#join(socket)
    if (!tls) return createServer(join)
    const { certificatePem: cert, keyPem: key } = tls
    let server: Server
    try {
      server = createTlsServer({ cert, key, handshakeTimeout: handshakeTimeoutMs }, join)
    } catch (error) {
      throw new ApplianceError(
        'ENGINE_FAILED',
        { part: 'application door', reason: errorText(error) },
        { cause: error },
      )
    }
    server.on('tlsClientError', (error) =>
      this.#logger.debug({ err: error }, 'no TLS at the application door'),
    )
    return server
  }

  #join(socket: Socket): void {
    const { secret } = this.#options
    const parts = { context: this.#context, secret, methods: [], logger: this.#logger }
    joinSocket(socket, parts, () => undefined)
  }
}
