import type { Socket } from 'node:net'
import { formatEndpoint, unmapIpv4 } from '#src/base/net.ts'
import { sourceOf } from '../guard/source.ts'
import type { EngineLimits } from '../options.ts'
import { coversName } from './certificate-names.ts'
import type { TransportFlow } from './transport-context.ts'
import type { Target, TransportProtocol } from './transport-port.ts'

/** A connection as the pool keeps it: TCP, TLS or WebSocket. */
export interface PooledFlow extends TransportFlow {
  /** The outbound profile whose authorities vouch for the peer; undefined for connections that peers opened. */
  readonly trust: string | undefined
  /** Closes at once; onFlowClosed follows. */
  destroy(): void
  /** Closes the connection when a time limit has passed. */
  sweep(nowMs: number): void
}

/**
 * The open TCP, TLS and WebSocket connections. A connection serves both directions, whoever opened it (RFC 5923); for a
 * target with a server name only one whose certificate speaks for that name is reused.
 */
export class ConnectionPool {
  readonly #limits: EngineLimits
  readonly #all = new Set<PooledFlow>()
  /** By protocol, remote host and remote port, or the port the peer says it listens on. Newest last. */
  readonly #byAddress = new Map<string, PooledFlow[]>()
  readonly #keysOf = new Map<PooledFlow, Set<string>>()
  readonly #connecting = new Map<string, Promise<PooledFlow>>()
  readonly #admittedPerSource = new Map<string, number>()
  readonly #admitted = new Set<Socket>()
  readonly #handshakesPerSource = new Map<string, number>()
  /** Connections whose peer proved a name by certificate, by source. */
  readonly #provenPerSource = new Map<string, number>()

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

  /**
   * Counts a TLS handshake of an admitted socket until `done` is called or the socket closes; undefined when its
   * source has too many under way. Each costs us a signature, and the peer a few bytes.
   */
  beginHandshake(socket: Socket): (() => void) | undefined {
    const source = unmapIpv4(socket.remoteAddress ?? '')
    const underWay = this.#handshakesPerSource.get(source) ?? 0
    if (underWay >= (this.#limits.maxHandshakesPerSource ?? this.#limits.maxConnectionsPerSource)) {
      return undefined
    }
    this.#handshakesPerSource.set(source, underWay + 1)
    let open = true
    const done = (): void => {
      if (!open) return
      open = false
      const left = (this.#handshakesPerSource.get(source) ?? 1) - 1
      if (left <= 0) this.#handshakesPerSource.delete(source)
      else this.#handshakesPerSource.set(source, left)
    }
    socket.once('close', done)
    return done
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

  add(connection: PooledFlow): void {
    if (!this.#all.has(connection)) this.#countProven(connection, 1)
    this.#all.add(connection)
    this.#index(connection, keyOf(connection.protocol, connection.remoteHost, connection.remotePort))
  }

  /** Lets a connection be found by another port of its peer as well: RFC 5923 `alias`. */
  addAlias(connection: PooledFlow, port: number): void {
    if (this.#all.has(connection))
      this.#index(connection, keyOf(connection.protocol, connection.remoteHost, port))
  }

  remove(connection: PooledFlow): void {
    if (this.#all.delete(connection)) this.#countProven(connection, -1)
    for (const key of this.#keysOf.get(connection) ?? []) {
      const rest = (this.#byAddress.get(key) ?? []).filter((other) => other !== connection)
      if (rest.length === 0) this.#byAddress.delete(key)
      else this.#byAddress.set(key, rest)
    }
    this.#keysOf.delete(connection)
  }

  /** The newest open connection to this address. */
  find(protocol: TransportProtocol, host: string, port: number): PooledFlow | undefined {
    return this.#byAddress.get(keyOf(protocol, host, port))?.findLast((connection) => !connection.closed)
  }

  /** The newest open connection that may carry requests to this target. */
  findFor(target: Target, trust?: string): PooledFlow | undefined {
    return this.#byAddress
      .get(keyOf(target.protocol, target.host, target.port))
      ?.findLast((connection) => !connection.closed && mayCarry(connection, target, trust))
  }

  /** Reuses a connection, joins an attempt under way, or dials. `trust` is the profile that a dial would use. */
  async connect(
    target: Target,
    trust: string | undefined,
    dial: () => Promise<PooledFlow>,
  ): Promise<PooledFlow> {
    const open = this.findFor(target, trust)
    if (open) return open
    const key = `${keyOf(target.protocol, target.host, target.port)} ${target.serverName?.toLowerCase() ?? ''}`
    const underWay = this.#connecting.get(key)
    if (underWay) return underWay
    const attempt = dial().finally(() => this.#connecting.delete(key))
    this.#connecting.set(key, attempt)
    return attempt
  }

  /** True while a peer that proved a name by certificate is connected from this source, as `sourceOf` has it. */
  isProven(source: string): boolean {
    return this.#provenPerSource.has(source)
  }

  /** How many connections are open. */
  get size(): number {
    return this.#all.size
  }

  /** Every open connection; a copy, so that closing while iterating is safe. */
  get all(): PooledFlow[] {
    return [...this.#all]
  }

  #countProven({ peerNames, remoteHost }: PooledFlow, change: 1 | -1): void {
    if (peerNames.length === 0) return
    const source = sourceOf(remoteHost)
    const count = (this.#provenPerSource.get(source) ?? 0) + change
    if (count === 0) this.#provenPerSource.delete(source)
    else this.#provenPerSource.set(source, count)
  }

  #index(connection: PooledFlow, key: string): void {
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

function mayCarry(connection: PooledFlow, target: Target, trust: string | undefined): boolean {
  const { serverName } = target
  if (target.protocol !== 'tls' || serverName === undefined) return true
  // A name that one trunk's authorities vouch for is not proved to another trunk.
  if (connection.trust !== undefined && connection.trust !== trust) return false
  return connection.peerNames.some((pattern) => coversName(pattern, serverName))
}
