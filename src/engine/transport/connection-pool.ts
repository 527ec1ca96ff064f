import type { Socket } from 'node:net'
import { formatEndpoint, unmapIpv4 } from '#src/base/net.ts'
import type { EngineLimits } from '../options.ts'
import { coversName } from './certificate-names.ts'
import type { StreamConnection } from './stream-connection.ts'
import type { Target, TransportProtocol } from './transport-port.ts'

/**
 * The open TCP and TLS connections. A connection serves both directions, whoever opened it (RFC 5923); for a
 * target with a server name only one whose certificate speaks for that name is reused.
 */
export class ConnectionPool {
  readonly #limits: EngineLimits
  readonly #all = new Set<StreamConnection>()
  /** By protocol, remote host and remote port, or the port the peer says it listens on. Newest last. */
  readonly #byAddress = new Map<string, StreamConnection[]>()
  readonly #keysOf = new Map<StreamConnection, Set<string>>()
  readonly #connecting = new Map<string, Promise<StreamConnection>>()
  readonly #admittedPerSource = new Map<string, number>()
  readonly #admitted = new Set<Socket>()

  constructor(limits: EngineLimits) {
    this.#limits = limits
  }

  /** Gives a socket that a peer opened its place, until it closes; false when there is none left. */
  admit(socket: Socket): boolean {
    const source = unmapIpv4(socket.remoteAddress ?? '')
    const ofSource = this.#admittedPerSource.get(source) ?? 0
    if (
      socket.destroyed ||
      this.#admitted.size >= this.#limits.maxConnections ||
      ofSource >= this.#limits.maxConnectionsPerSource
    ) {
      return false
    }
    this.#admitted.add(socket)
    this.#admittedPerSource.set(source, ofSource + 1)
    socket.once('close', () => this.#release(socket, source))
    return true
  }

  #release(socket: Socket, source: string): void {
    this.#admitted.delete(socket)
    const ofSource = this.#admittedPerSource.get(source) ?? 0
    if (ofSource <= 1) this.#admittedPerSource.delete(source)
    else this.#admittedPerSource.set(source, ofSource - 1)
  }

  /** Closes everything, also the sockets that are still in their TLS handshake. */
  destroyAll(): void {
    for (const connection of this.all) connection.destroy()
    for (const socket of this.#admitted) socket.destroy()
  }

  add(connection: StreamConnection): void {
    this.#all.add(connection)
    this.#index(connection, keyOf(connection.protocol, connection.remoteHost, connection.remotePort))
  }

  /** Lets a connection be found by another port of its peer as well: RFC 5923 `alias`. */
  addAlias(connection: StreamConnection, port: number): void {
    if (this.#all.has(connection))
      this.#index(connection, keyOf(connection.protocol, connection.remoteHost, port))
  }

  remove(connection: StreamConnection): void {
    this.#all.delete(connection)
    for (const key of this.#keysOf.get(connection) ?? []) {
      const rest = (this.#byAddress.get(key) ?? []).filter((other) => other !== connection)
      if (rest.length === 0) this.#byAddress.delete(key)
      else this.#byAddress.set(key, rest)
    }
    this.#keysOf.delete(connection)
  }

  /** The newest open connection to this address. */
  find(protocol: TransportProtocol, host: string, port: number): StreamConnection | undefined {
    return this.#byAddress.get(keyOf(protocol, host, port))?.findLast((connection) => !connection.closed)
  }

  /** The newest open connection that may carry requests to this target. */
  findFor(target: Target): StreamConnection | undefined {
    return this.#byAddress
      .get(keyOf(target.protocol, target.host, target.port))
      ?.findLast((connection) => !connection.closed && mayCarry(connection, target))
  }

  /** Reuses a connection, joins an attempt under way, or dials. */
  async connect(target: Target, dial: () => Promise<StreamConnection>): Promise<StreamConnection> {
    const open = this.findFor(target)
    if (open) return open
    const key = `${keyOf(target.protocol, target.host, target.port)} ${target.serverName?.toLowerCase() ?? ''}`
    const underWay = this.#connecting.get(key)
    if (underWay) return underWay
    const attempt = dial().finally(() => this.#connecting.delete(key))
    this.#connecting.set(key, attempt)
    return attempt
  }

  /** Every open connection; a copy, so that closing while iterating is safe. */
  get all(): StreamConnection[] {
    return [...this.#all]
  }

  #index(connection: StreamConnection, key: string): void {
    let keys = this.#keysOf.get(connection)
    if (!keys) this.#keysOf.set(connection, (keys = new Set()))
    // A peer cannot fill our memory by claiming a new port with each request.
    if (keys.has(key) || keys.size >= 4) return
    keys.add(key)
    const others = this.#byAddress.get(key)
    if (others) others.push(connection)
    else this.#byAddress.set(key, [connection])
  }
}

function keyOf(protocol: TransportProtocol, host: string, port: number): string {
  return `${protocol}:${formatEndpoint(host, port)}`
}

function mayCarry(connection: StreamConnection, target: Target): boolean {
  const { serverName } = target
  if (target.protocol !== 'tls' || serverName === undefined) return true
  return connection.peerNames.some((pattern) => coversName(pattern, serverName))
}
