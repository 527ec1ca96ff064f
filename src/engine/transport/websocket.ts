import http from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import { WebSocketServer } from 'ws'
import type { ListenOptions, ServerTls } from '../options.ts'
import type { BoundListener } from './advertised.ts'
import type { ConnectionPool } from './connection-pool.ts'
import { admit, closeServer, keepAliveAfterMs, listen } from './tcp.ts'
import { ServerContexts } from './tls-contexts.ts'
import { HandshakeCounter, noteHandshakeFailure, peerKey } from './tls.ts'
import type { TransportContext } from './transport-context.ts'
import { WebSocketConnection } from './websocket-connection.ts'

const subprotocol = 'sip'
/** A browser's request with many cookies; nothing that reaches this port needs more. */
const maxRequestHeadBytes = 8192

/**
 * One port for SIP over WebSocket (RFC 7118), with TLS or without. Origin is not looked at: whoever can write a
 * client can write any origin, and a phone proves itself by digest like all others.
 */
export class WebSocketListener implements BoundListener {
  readonly options: ListenOptions
  readonly #context: TransportContext
  readonly #pool: ConnectionPool
  readonly secure: boolean
  /** Connections that have not become a WebSocket yet, by the peer's address, oldest first. */
  readonly #waiting = new Map<string, { socket: Socket; sinceMs: number }>()
  #contexts: ServerContexts | undefined
  #server: http.Server | https.Server | undefined
  #port = 0

  constructor(options: ListenOptions, context: TransportContext, pool: ConnectionPool) {
    this.options = options
    this.#context = context
    this.#pool = pool
    this.secure = options.protocol === 'wss'
  }

  get port(): number {
    return this.#port
  }

  /** Binds; rejects with the system's error, or with what is wrong with the certificates. */
  async start(): Promise<void> {
    const server = this.#createServer()
    const upgrades = new WebSocketServer({
      noServer: true,
      maxPayload: this.#context.limits.maxMessageBytes,
      // Compression would let a small frame grow to a large message, and costs memory per phone.
      perMessageDeflate: false,
      clientTracking: false,
      handleProtocols: () => subprotocol,
    })
    // The raw connection, before any TLS: this is where its place is taken and its time begins.
    server.on('connection', (socket: Socket) => {
      if (admit(socket, this.#context, this.#pool)) this.#wait(socket)
    })
    server.on('clientError', (_error, socket) => {
      this.#context.counters.malformedFrames++
      socket.destroy()
    })
    server.on('upgrade', (request: http.IncomingMessage, socket: Socket, head: Buffer) => {
      socket.on('error', () => undefined)
      const problem = this.#problemOf(request)
      if (problem) {
        this.#context.counters.connectionsRefused++
        socket.end(`HTTP/1.1 ${problem}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
        return
      }
      upgrades.handleUpgrade(request, socket, head, (webSocket) => {
        this.#waiting.delete(peerKey(socket))
        const connection = new WebSocketConnection({
          webSocket,
          socket,
          protocol: this.secure ? 'wss' : 'ws',
          listener: this,
          context: this.#context,
        })
        this.#context.counters.connectionsAccepted++
        this.#pool.add(connection)
        connection.open()
      })
    })
    this.#server = server
    this.#port = await listen(server, this.options, this.#context)
  }

  async stop(): Promise<void> {
    this.#waiting.clear()
    await closeServer(this.#server)
    this.#server = undefined
  }

  /** Closes what has not finished its handshakes in time. */
  sweep(nowMs: number): void {
    for (const [key, { socket, sinceMs }] of this.#waiting) {
      if (nowMs - sinceMs < this.#context.limits.halfMessageTimeoutMs) break
      this.#context.counters.halfMessageTimeouts++
      this.#waiting.delete(key)
      socket.destroy()
    }
  }

  /** Builds the contexts of new certificates or throws; what is returned puts them into force. */
  prepareTls(next: ServerTls): () => void {
    const contexts = new ServerContexts(next, { asksForCertificate: false })
    return () => {
      this.#contexts = contexts
      if (this.#server instanceof https.Server) this.#server.setSecureContext(contexts.fallback)
    }
  }

  #createServer(): http.Server | https.Server {
    const common = {
      maxHeaderSize: maxRequestHeadBytes,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveAfterMs,
    }
    const answerPlain = (_request: http.IncomingMessage, response: http.ServerResponse): void => {
      response.writeHead(426, { Upgrade: 'websocket', Connection: 'close', 'Content-Length': '0' }).end()
    }
    if (!this.secure) return http.createServer(common, answerPlain)
    if (!this.options.tls) throw new Error('a WebSocket listener with TLS needs certificates')
    const contexts = new ServerContexts(this.options.tls, { asksForCertificate: false })
    this.#contexts = contexts
    const server = https.createServer(
      {
        ...common,
        ...contexts.fallback,
        SNICallback: (name, answer) => answer(null, this.#contexts?.named(name)),
        handshakeTimeout: this.#context.limits.halfMessageTimeoutMs,
      },
      answerPlain,
    )
    const handshakes = new HandshakeCounter(this.#context, this.#pool)
    server.on('connection', (socket: Socket) => {
      if (!socket.destroyed) handshakes.begin(socket)
    })
    server.on('secureConnection', (socket) => handshakes.end(socket))
    server.on('tlsClientError', (error: Error, socket: Socket) => {
      noteHandshakeFailure(error, socket, this.#context)
    })
    return server
  }

  #wait(socket: Socket): void {
    const key = peerKey(socket)
    this.#waiting.set(key, { socket, sinceMs: this.#context.clock.monotonicMs() })
    socket.once('close', () => {
      if (this.#waiting.get(key)?.socket === socket) this.#waiting.delete(key)
    })
  }

  // RFC 7118 4.1: a client that does not ask for the subprotocol would not understand what we say.
  #problemOf(request: http.IncomingMessage): string | undefined {
    const path = (request.url ?? '/').split('?', 1)[0]
    if (this.options.path !== undefined && path !== this.options.path) return '404 Not Found'
    const offered = request.headers['sec-websocket-protocol'] ?? ''
    return offered.split(',').some((name) => name.trim().toLowerCase() === subprotocol)
      ? undefined
      : '400 Bad Request'
  }
}
