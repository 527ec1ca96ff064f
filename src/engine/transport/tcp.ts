import net from 'node:net'
import type { ListenOptions } from '../options.ts'
import type { BoundListener } from './advertised.ts'
import type { ConnectionPool } from './connection-pool.ts'
import { isWildcard } from './local-address.ts'
import { StreamConnection } from './stream-connection.ts'
import type { TransportContext } from './transport-context.ts'
import type { Target } from './transport-port.ts'

/** Finds peers that vanished without a word, before a NAT forgets the path to those that are well. */
export const keepAliveAfterMs = 45_000

/** One bound TCP port. */
export class TcpListener implements BoundListener {
  readonly options: ListenOptions
  readonly #context: TransportContext
  readonly #pool: ConnectionPool
  #server: net.Server | undefined
  #port = 0

  constructor(options: ListenOptions, context: TransportContext, pool: ConnectionPool) {
    this.options = options
    this.#context = context
    this.#pool = pool
  }

  get port(): number {
    return this.#port
  }

  /** Binds; rejects with the system's error. */
  async start(): Promise<void> {
    const server = net.createServer(
      { noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveAfterMs },
      (socket) => {
        if (!admit(socket, this.#context, this.#pool)) return
        acceptConnection({
          socket,
          protocol: 'tcp',
          peerNames: [],
          listener: this,
          context: this.#context,
          pool: this.#pool,
        })
      },
    )
    this.#server = server
    this.#port = await listen(server, this.options, this.#context)
  }

  async stop(): Promise<void> {
    await closeServer(this.#server)
    this.#server = undefined
  }
}

/** Binds a stream server and resolves to its port. */
export function listen(
  server: net.Server,
  options: ListenOptions,
  context: TransportContext,
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: options.host, port: options.port, ipv6Only: options.host.includes(':') }, () => {
      server.removeListener('error', reject)
      // Accepting can fail for want of file descriptors; the server goes on, and so must the process.
      server.on('error', (error) => {
        context.counters.connectionsRefused++
        context.logger.warn({ err: error }, 'a SIP connection could not be accepted')
      })
      resolve((server.address() as net.AddressInfo).port)
    })
  })
}

/** Stops accepting; open connections are closed by their owner. */
export function closeServer(server: net.Server | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (server?.listening) server.close(() => resolve())
    else resolve()
  })
}

/** Keeps the connection limits: takes a place until the socket closes, or destroys it. */
export function admit(socket: net.Socket, context: TransportContext, pool: ConnectionPool): boolean {
  const host = socket.remoteAddress
  const welcome =
    context.doorkeeper === undefined || (host !== undefined && context.doorkeeper.admitsConnection(host))
  if (welcome && pool.admit(socket)) return true
  context.counters.connectionsRefused++
  socket.destroy()
  return false
}

/** Makes a ready socket a flow that is known and read. */
export function acceptConnection(
  parts: Omit<ConstructorParameters<typeof StreamConnection>[0], 'outbound'> & { pool: ConnectionPool },
): StreamConnection {
  const connection = new StreamConnection({ ...parts, outbound: false })
  parts.context.counters.connectionsAccepted++
  parts.pool.add(connection)
  connection.open()
  return connection
}

/** How to dial: shared by TCP and TLS. */
export interface DialOptions {
  target: Target
  listener: BoundListener | undefined
  context: TransportContext
  pool: ConnectionPool
  timeoutMs: number
  signal: AbortSignal
}

/** Opens a TCP connection. */
export function dialTcp(options: DialOptions): Promise<StreamConnection> {
  const { target, listener } = options
  const socket = net.connect({
    host: target.host,
    port: target.port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: keepAliveAfterMs,
    ...localAddressOf(listener),
  })
  return whenReady(socket, 'connect', options, () => ({ peerNames: [] }))
}

/** Peers and firewalls know us by the address we listen on, so connections leave from it too. */
export function localAddressOf(listener: BoundListener | undefined): { localAddress?: string } {
  const host = listener?.options.host
  return host === undefined || isWildcard(host) ? {} : { localAddress: host }
}

/** Turns a dialled socket into a flow once `readyEvent` came, or rejects with its error, in time in any case. */
export function whenReady(
  socket: net.Socket,
  readyEvent: 'connect' | 'secureConnect',
  options: DialOptions,
  proved: () => { peerNames: readonly string[]; trust?: string },
): Promise<StreamConnection> {
  const { target, listener, context, pool, signal } = options
  return new Promise((resolve, reject) => {
    const timer = context.clock.setTimer(options.timeoutMs, () => {
      const text = `no connection to ${target.host} port ${target.port} within ${options.timeoutMs} ms`
      socket.destroy(Object.assign(new Error(text), { code: 'ETIMEDOUT' }))
    })
    const onAbort = (): void => {
      socket.destroy(new Error('the transports are stopping'))
    }
    signal.addEventListener('abort', onAbort, { once: true })
    const settle = (): void => {
      timer.cancel()
      signal.removeEventListener('abort', onAbort)
      socket.removeListener('error', onError)
      socket.removeListener('close', onClose)
    }
    const onError = (error: Error): void => {
      settle()
      // More than one error can come from one socket.
      socket.on('error', () => undefined)
      socket.destroy()
      context.counters.connectFailures++
      reject(error)
    }
    const onClose = (): void => onError(new Error(`${target.host} port ${target.port} closed the connection`))
    socket.once('error', onError)
    socket.once('close', onClose)
    socket.once(readyEvent, () => {
      settle()
      const connection = new StreamConnection({
        socket,
        protocol: readyEvent === 'connect' ? 'tcp' : 'tls',
        outbound: true,
        ...proved(),
        listener,
        context,
      })
      context.counters.connectionsOpened++
      pool.add(connection)
      connection.open()
      resolve(connection)
    })
    if (signal.aborted) onAbort()
  })
}
