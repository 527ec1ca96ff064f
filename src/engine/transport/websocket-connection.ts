import { isUtf8 } from 'node:buffer'
import type { Socket } from 'node:net'
import type { RawData, WebSocket } from 'ws'
import { unmapIpv4 } from '#src/base/net.ts'
import type { BoundListener } from './advertised.ts'
import type { PooledFlow } from './connection-pool.ts'
import type { TransportContext } from './transport-context.ts'

/** A browser answers a ping by itself (RFC 6455 5.5.2), so silence after one means that nobody is there. */
const pingAfterMs = 30_000
const pongTimeoutMs = 10_000
/** Frame header and mask of a control frame from a client. */
const controlOverhead = 6
const sipPong = '\r\n'

/** One WebSocket that a phone opened; each of its messages is one SIP message (RFC 7118 5). */
export class WebSocketConnection implements PooledFlow {
  readonly id: number
  readonly protocol: 'ws' | 'wss'
  readonly localHost: string
  readonly localPort: number
  readonly advertisedHost: string
  readonly advertisedPort: number
  readonly remoteHost: string
  readonly remotePort: number
  readonly peerNames: readonly string[] = []
  readonly outbound = false
  readonly trust = undefined
  readonly #webSocket: WebSocket
  readonly #socket: Socket
  readonly #context: TransportContext
  #closed = false
  #lastActiveAtMs: number
  /** Since when a pong is waited for. */
  #pingSentAtMs: number | undefined
  /** When the last ping left; a pong does not count as use of the connection. */
  #pingedAtMs: number | undefined
  /** Bytes read that belong to no finished message and no control frame. */
  #unfinished = 0
  #halfSinceMs: number | undefined

  constructor(parts: {
    webSocket: WebSocket
    /** What the WebSocket runs on: plain, or decrypted by TLS. */
    socket: Socket
    protocol: 'ws' | 'wss'
    listener: BoundListener
    context: TransportContext
  }) {
    const { socket, context, listener } = parts
    this.id = context.newFlowId()
    this.protocol = parts.protocol
    this.localHost = unmapIpv4(socket.localAddress ?? '')
    this.localPort = socket.localPort ?? 0
    this.remoteHost = unmapIpv4(socket.remoteAddress ?? '')
    this.remotePort = socket.remotePort ?? 0
    this.advertisedHost = listener.options.advertisedHost ?? this.localHost
    this.advertisedPort = listener.port
    this.#webSocket = parts.webSocket
    this.#socket = socket
    this.#context = context
    this.#lastActiveAtMs = context.clock.monotonicMs()
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Begins to read. Not done by the constructor, so that the connection is known everywhere first. */
  open(): void {
    const webSocket = this.#webSocket
    webSocket.on('error', (error: Error & { code?: string }) => {
      // ws has sent the close frame already: 1009 for a message beyond maxPayload, 1002 or 1007 for bad frames.
      if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') this.#context.counters.oversizedMessages++
      else if (error.code?.startsWith('WS_ERR_') === true) this.#context.counters.malformedFrames++
      this.#context.logger.debug({ err: error, peer: this.remoteHost }, 'SIP WebSocket error')
    })
    webSocket.on('close', () => this.#onClose())
    webSocket.on('message', (data) => this.#onMessage(data))
    webSocket.on('ping', (payload) => this.#onControl(payload))
    webSocket.on('pong', (payload) => {
      this.#pingSentAtMs = undefined
      this.#onControl(payload)
    })
    // Before ws's own reader, so that the count is right when it reports a message.
    this.#socket.prependListener('data', (chunk: Buffer) => this.#onBytes(chunk.length))
    if (webSocket.readyState !== webSocket.OPEN) this.#onClose()
  }

  write(bytes: Buffer, _isRequest: boolean, onError: (error: Error) => void): void {
    const webSocket = this.#webSocket
    if (this.#closed || webSocket.readyState !== webSocket.OPEN) {
      setImmediate(() => onError(new Error('the connection is closed')))
      return
    }
    this.#lastActiveAtMs = this.#context.clock.monotonicMs()
    // RFC 7118 5: text where it is UTF-8, as browsers expect; binary else.
    webSocket.send(bytes, { binary: !isUtf8(bytes) }, (error) => {
      if (!error) return
      this.#context.counters.sendFailures++
      onError(error)
    })
    if (webSocket.bufferedAmount > maxBacklog(this.#context)) {
      this.#context.counters.slowPeers++
      webSocket.terminate()
    }
  }

  /** Closes at once; onFlowClosed follows. */
  destroy(): void {
    this.#webSocket.terminate()
  }

  /** Pings a quiet peer, and closes when a time limit has passed. */
  sweep(nowMs: number): void {
    if (this.#closed || this.#socket.destroyed) return
    const { limits, counters } = this.#context
    if (this.#halfSinceMs !== undefined && nowMs - this.#halfSinceMs >= limits.halfMessageTimeoutMs) {
      counters.halfMessageTimeouts++
      this.destroy()
    } else if (this.#pingSentAtMs !== undefined && nowMs - this.#pingSentAtMs >= pongTimeoutMs) {
      counters.pongTimeouts++
      this.destroy()
    } else if (nowMs - this.#lastActiveAtMs >= limits.idleTimeoutMs) {
      counters.idleTimeouts++
      this.destroy()
    } else if (this.#pingSentAtMs === undefined && nowMs - this.#lastActiveAtMs >= pingAfterMs) {
      this.#ping(nowMs)
    }
  }

  #ping(nowMs: number): void {
    const webSocket = this.#webSocket
    if (webSocket.readyState !== webSocket.OPEN) return
    if (this.#pingedAtMs !== undefined && nowMs - this.#pingedAtMs < pingAfterMs) return
    this.#pingedAtMs = nowMs
    this.#pingSentAtMs = nowMs
    webSocket.ping()
  }

  #onBytes(length: number): void {
    this.#unfinished += length
    this.#halfSinceMs ??= this.#context.clock.monotonicMs()
  }

  #onControl(payload: Buffer): void {
    this.#unfinished -= payload.length + controlOverhead
    if (this.#unfinished <= 0) this.#noneHalf()
  }

  #noneHalf(): void {
    this.#unfinished = 0
    this.#halfSinceMs = undefined
  }

  #onMessage(data: RawData): void {
    this.#noneHalf()
    this.#lastActiveAtMs = this.#context.clock.monotonicMs()
    // binaryType is nodebuffer, so nothing else can come.
    if (!Buffer.isBuffer(data) || this.#closed) return
    if (isKeepAlive(data)) {
      this.#context.counters.keepAlives++
      // RFC 7118 6 with RFC 5626 4.4.1: the double CRLF is a ping; a single one asks for nothing.
      if (data.length === 4) this.#webSocket.send(sipPong)
      return
    }
    const { doorkeeper } = this.#context
    if (doorkeeper !== undefined && !doorkeeper.admitsMessage(this.remoteHost, data)) {
      this.destroy()
      return
    }
    this.#context.receive(data, this)
  }

  #onClose(): void {
    if (this.#closed) return
    this.#closed = true
    this.#context.counters.connectionsClosed++
    this.#context.flowClosed(this)
  }
}

function isKeepAlive(bytes: Buffer): boolean {
  if (bytes.length > 4) return false
  for (const byte of bytes) if (byte !== 0x0d && byte !== 0x0a) return false
  return true
}

function maxBacklog(context: TransportContext): number {
  return Math.max(1_048_576, context.limits.maxMessageBytes * 4)
}
