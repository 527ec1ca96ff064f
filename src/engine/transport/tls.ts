import { X509Certificate } from 'node:crypto'
import { isIP, type Socket } from 'node:net'
import tls from 'node:tls'
import type { ListenOptions, ServerTls } from '../options.ts'
import type { BoundListener } from './advertised.ts'
import { namesOf, speaksFor } from './certificate-names.ts'
import type { ConnectionPool } from './connection-pool.ts'
import type { StreamConnection } from './stream-connection.ts'
import {
  acceptConnection,
  admit,
  closeServer,
  keepAliveAfterMs,
  listen,
  localAddressOf,
  whenReady,
  type DialOptions,
} from './tcp.ts'
import { adviseOnClientFault, adviseOnTls, CertificateNameError, noClientCertificate } from './tls-advice.ts'
import { ServerContexts, type OutboundProfiles } from './tls-contexts.ts'
import type { TransportContext } from './transport-context.ts'

/** One bound TLS port. Certificates are read at start: one that cannot be used fails the start. */
export class TlsListener implements BoundListener {
  readonly options: ListenOptions
  readonly #context: TransportContext
  readonly #pool: ConnectionPool
  #contexts: ServerContexts | undefined
  #server: tls.Server | undefined
  #port = 0

  constructor(options: ListenOptions, context: TransportContext, pool: ConnectionPool) {
    this.options = options
    this.#context = context
    this.#pool = pool
  }

  get port(): number {
    return this.#port
  }

  /** Binds; rejects with the system's error, or with what is wrong with the certificates. */
  async start(): Promise<void> {
    if (!this.options.tls) throw new Error('a TLS listener needs certificates')
    const contexts = new ServerContexts(this.options.tls, { asksForCertificate: true })
    this.#contexts = contexts
    const context = this.#context
    const server = tls.createServer({
      ...contexts.fallback,
      // Without a context Node goes on with the fallback.
      SNICallback: (name, answer) => answer(null, this.#contexts?.named(name)),
      handshakeTimeout: context.limits.halfMessageTimeoutMs,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveAfterMs,
    })
    const handshakes = new HandshakeCounter(context, this.#pool)
    server.on('connection', (socket: Socket) => {
      if (admit(socket, context, this.#pool)) handshakes.begin(socket)
    })
    server.on('tlsClientError', (error: Error, socket: tls.TLSSocket) => {
      noteHandshakeFailure(error, socket, context)
    })
    server.on('secureConnection', (socket) => {
      handshakes.end(socket)
      acceptConnection({
        socket,
        protocol: 'tls',
        peerNames: this.#peerNames(socket),
        listener: this,
        context,
        pool: this.#pool,
      })
    })
    this.#server = server
    this.#port = await listen(server, this.options, context)
  }

  async stop(): Promise<void> {
    await closeServer(this.#server)
    this.#server = undefined
  }

  get secure(): boolean {
    return true
  }

  /** Builds the contexts of new certificates or throws; what is returned puts them into force. */
  prepareTls(next: ServerTls): () => void {
    const contexts = new ServerContexts(next, { asksForCertificate: true })
    return () => {
      this.#contexts = contexts
      this.#server?.setSecureContext(contexts.fallback)
    }
  }

  #peerNames(socket: tls.TLSSocket): readonly string[] {
    const { clock, counters, logger } = this.#context
    try {
      const certificate = socket.getPeerX509Certificate()
      if (!certificate) this.#noteMissing(socket)
      const verdict = certificate && this.#contexts?.trust.judge(certificate, clock.nowMs())
      if (!verdict) return []
      if (verdict.trusted) {
        counters.clientCertificatesVerified++
        return verdict.names
      }
      counters.clientCertificatesRefused++
      const { fault } = verdict
      const advice = adviseOnClientFault(fault)
      const fields = { peer: socket.remoteAddress, subject: certificate.subject, fault, advice }
      // Many phones show the certificate of their maker, which is no cause for concern.
      if (fault === 'unknown-authority') logger.info(fields, 'client certificate of an unknown authority')
      else logger.warn(fields, 'client certificate proves no trunk')
    } catch (error) {
      // A certificate that cannot be read proves nothing; the phone behind it may still register.
      counters.clientCertificatesRefused++
      logger.debug({ err: error, peer: socket.remoteAddress }, 'client certificate unreadable')
    }
    return []
  }

  // Phones call the box by its own name and show no certificate. Who calls it by a trunk's name is likely the trunk.
  #noteMissing(socket: tls.TLSSocket): void {
    const name = socket.servername
    if (typeof name !== 'string' || !this.#contexts?.named(name)) return
    const fields = { peer: socket.remoteAddress, name, advice: noClientCertificate }
    this.#context.logger.info(fields, "no client certificate, though called by a trunk's name")
  }
}

/** Keeps the number of handshakes under way per source within its limit. */
export class HandshakeCounter {
  readonly #context: TransportContext
  readonly #pool: ConnectionPool
  /** How to count a handshake as finished, by the peer's address and port. */
  readonly #underWay = new Map<string, () => void>()

  constructor(context: TransportContext, pool: ConnectionPool) {
    this.#context = context
    this.#pool = pool
  }

  /** Counts the handshake of an admitted socket, or destroys it. */
  begin(socket: Socket): void {
    const done = this.#pool.beginHandshake(socket)
    if (!done) {
      this.#context.counters.handshakesRefused++
      socket.destroy()
      return
    }
    const key = peerKey(socket)
    this.#underWay.set(key, done)
    socket.once('close', () => {
      if (this.#underWay.get(key) === done) this.#underWay.delete(key)
    })
  }

  /** The handshake of this peer is finished; what runs on TLS has the same addresses as what is below. */
  end(socket: Socket): void {
    const key = peerKey(socket)
    this.#underWay.get(key)?.()
    this.#underWay.delete(key)
  }
}

/** The far end of a connection, the same for a TLS socket and the socket below it. */
export function peerKey(socket: Socket): string {
  return `${socket.remoteAddress ?? ''} ${socket.remotePort ?? 0}`
}

/** Counts a handshake that came to nothing, says in the log what to do, and closes the socket. */
export function noteHandshakeFailure(error: Error, socket: Socket, context: TransportContext): void {
  const peer = socket.remoteAddress
  // Node leaves the socket open when the handshake took too long.
  socket.destroy()
  context.counters.tlsHandshakeFailures++
  context.logger.debug({ err: error, peer, advice: adviseOnTls(error, 'inbound') }, 'TLS handshake failed')
}

/** Opens a TLS connection to a peer that proves to be the target's server name, or its address. */
export function dialTls(options: DialOptions & { profiles: OutboundProfiles }): Promise<StreamConnection> {
  const { target, listener, profiles } = options
  const identity = target.serverName ?? target.host
  const profile = profiles.profileFor(identity)
  const socket = tls.connect({
    host: target.host,
    port: target.port,
    // SNI carries names only (RFC 6066 3).
    ...(isIP(identity) === 0 ? { servername: identity } : {}),
    secureContext: profile.context,
    rejectUnauthorized: true,
    checkServerIdentity: (_host, certificate) => {
      const names = namesOf(new X509Certificate(certificate.raw))
      return speaksFor(names, identity) ? undefined : new CertificateNameError(target.host, identity, names)
    },
    ...localAddressOf(listener),
  })
  socket.setNoDelay(true)
  socket.setKeepAlive(true, keepAliveAfterMs)
  return whenReady(socket, 'secureConnect', options, () => {
    const certificate = socket.getPeerX509Certificate()
    return { peerNames: certificate ? namesOf(certificate).dns : [], trust: profile.key }
  })
}
