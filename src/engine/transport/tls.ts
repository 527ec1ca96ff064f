import { X509Certificate } from 'node:crypto'
import { isIP, type Socket } from 'node:net'
import tls from 'node:tls'
import type { ListenOptions, OutboundTls, ServerTls } from '../options.ts'
import type { BoundListener } from './advertised.ts'
import { coversName, namesOf, speaksFor } from './certificate-names.ts'
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
import type { TransportContext } from './transport-context.ts'
import { isTrustedClient, readCertificates } from './verify-client.ts'

const minVersion = 'TLSv1.2'
const sslOpNoTicket = 0x0000_4000

/** One bound TLS port. Certificates are read at start: one that cannot be used fails the start. */
export class TlsListener implements BoundListener {
  readonly options: ListenOptions
  readonly #context: TransportContext
  readonly #pool: ConnectionPool
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
    const serverTls = this.options.tls
    if (!serverTls) throw new Error('a TLS listener needs certificates')
    const roots = readCertificates(serverTls.clientCaPem)
    const context = this.#context
    const server = tls.createServer({
      cert: serverTls.fallback.certificatePem,
      key: serverTls.fallback.keyPem,
      // Named in the CertificateRequest only; the verdict is ours (verify-client.ts).
      ...(serverTls.clientCaPem.length > 0 ? { ca: serverTls.clientCaPem } : {}),
      requestCert: true,
      rejectUnauthorized: false,
      minVersion,
      // A resumed session carries the client's certificate without its chain, and a trunk would lose its name.
      secureOptions: sslOpNoTicket,
      SNICallback: contextByName(serverTls),
      handshakeTimeout: context.limits.halfMessageTimeoutMs,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveAfterMs,
    })
    server.on('connection', (socket: Socket) => admit(socket, context, this.#pool))
    server.on('tlsClientError', (error: Error, socket: tls.TLSSocket) => {
      // Node leaves the socket open when the handshake took too long.
      socket.destroy()
      context.counters.tlsHandshakeFailures++
      context.logger.debug({ err: error }, 'TLS handshake failed')
    })
    server.on('secureConnection', (socket) => {
      acceptConnection({
        socket,
        protocol: 'tls',
        peerNames: this.#peerNames(socket, roots),
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

  #peerNames(socket: tls.TLSSocket, roots: readonly X509Certificate[]): readonly string[] {
    const { clock, counters, logger } = this.#context
    try {
      const certificate = socket.getPeerX509Certificate()
      if (!certificate) return []
      if (isTrustedClient(certificate, roots, clock.nowMs())) {
        counters.clientCertificatesVerified++
        return namesOf(certificate).dns
      }
      counters.clientCertificatesRefused++
      logger.debug(
        { peer: socket.remoteAddress, subject: certificate.subject },
        'client certificate not trusted',
      )
    } catch (error) {
      // A certificate that cannot be read proves nothing; the phone behind it may still register.
      counters.clientCertificatesRefused++
      logger.debug({ err: error, peer: socket.remoteAddress }, 'client certificate unreadable')
    }
    return []
  }
}

type SniCallback = (name: string, answer: (error: Error | null, context?: tls.SecureContext) => void) => void

function contextByName(serverTls: ServerTls): SniCallback {
  const named = serverTls.byName.map((entry) => ({
    names: entry.names,
    context: tls.createSecureContext({
      cert: entry.certificatePem,
      key: entry.keyPem,
      minVersion,
      secureOptions: sslOpNoTicket,
      ...(serverTls.clientCaPem.length > 0 ? { ca: serverTls.clientCaPem } : {}),
    }),
  }))
  return (name, answer) => {
    const match = named.find((entry) => entry.names.some((pattern) => coversName(pattern, name)))
    // Without a context Node goes on with the fallback.
    if (match) answer(null, match.context)
    else answer(null)
  }
}

/** The ways to dial out by TLS, one secure context per profile. */
export class OutboundProfiles {
  readonly #profiles: { names: readonly string[]; context: tls.SecureContext }[]
  readonly #anybody: tls.SecureContext

  /** Throws when a certificate or key cannot be used. */
  constructor(profiles: readonly OutboundTls[]) {
    this.#profiles = profiles.map((profile) => ({
      names: profile.names,
      context: tls.createSecureContext({
        minVersion,
        ...(profile.certificatePem === undefined ? {} : { cert: profile.certificatePem }),
        ...(profile.keyPem === undefined ? {} : { key: profile.keyPem }),
        ...(profile.caPem === undefined ? {} : { ca: profile.caPem }),
      }),
    }))
    this.#anybody = tls.createSecureContext({ minVersion })
  }

  /** The first profile for this name or address; the system's roots and no certificate where none fits. */
  contextFor(host: string): tls.SecureContext {
    const profile = this.#profiles.find(({ names }) =>
      names.some((pattern) => pattern === '*' || coversName(pattern, host)),
    )
    return profile?.context ?? this.#anybody
  }
}

/** Opens a TLS connection to a peer that proves to be the target's server name, or its address. */
export function dialTls(options: DialOptions & { profiles: OutboundProfiles }): Promise<StreamConnection> {
  const { target, listener } = options
  const identity = target.serverName ?? target.host
  const socket = tls.connect({
    host: target.host,
    port: target.port,
    // SNI carries names only (RFC 6066 3).
    ...(isIP(identity) === 0 ? { servername: identity } : {}),
    secureContext: options.profiles.contextFor(identity),
    rejectUnauthorized: true,
    checkServerIdentity: (_host, certificate) =>
      speaksFor(namesOf(new X509Certificate(certificate.raw)), identity)
        ? undefined
        : new Error(`the certificate of ${target.host} is not for ${identity}`),
    ...localAddressOf(listener),
  })
  socket.setNoDelay(true)
  socket.setKeepAlive(true, keepAliveAfterMs)
  return whenReady(socket, 'secureConnect', options, () => {
    const certificate = socket.getPeerX509Certificate()
    return certificate ? namesOf(certificate).dns : []
  })
}
