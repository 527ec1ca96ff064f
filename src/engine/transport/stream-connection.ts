import type { Socket } from 'node:net'
import { unmapIpv4 } from '#src/base/net.ts'
import { FrameStream } from '#src/sip/frame-stream.ts'
import type { BoundListener } from './advertised.ts'
import type { PooledFlow } from './connection-pool.ts'
import { adviseOnTls } from './tls-advice.ts'
import type { TransportContext } from './transport-context.ts'

const pong = Buffer.from('\r\n', 'latin1')
const ping = Buffer.from('\r\n\r\n', 'latin1')
/** RFC 5626 4.4.1: between 80 and 100 % of two minutes; spread, so that connections do not ping in step. */
const pingAfterMs = 96_000
const pingSpreadMs = 24_000
/** RFC 5626 4.4.1: a server that answers pings does so within this time. */
const pongTimeoutMs = 10_000

/** One TCP or TLS connection, whoever opened it: cuts the stream, keeps the time limits, writes messages. */
export class StreamConnection implements PooledFlow {
  readonly id: number
  readonly protocol: 'tcp' | 'tls'
  readonly localHost: string
  readonly localPort: number
  readonly advertisedHost: string
  readonly advertisedPort: number
  readonly remoteHost: string
  readonly remotePort: number
  readonly peerNames: readonly string[]
  /** True when we opened it. */
  readonly outbound: boolean
  readonly trust: string | undefined
  readonly #socket: Socket
  readonly #context: TransportContext
  readonly #frames: FrameStream
  #closed = false
  #lastActiveAtMs: number
  #heardAtMs: number
  /** The last ping or sign of life: the next ping is due so long after it. */
  #quietSinceMs: number
  #pingSentAtMs: number | undefined
  /** The peer has answered a ping of ours: only then does silence mean that it is gone. */
  #answersPings = false
  #halfSinceMs: number | undefined

  constructor(parts: {
    socket: Socket
    protocol: 'tcp' | 'tls'
    outbound: boolean
    peerNames: readonly string[]
    /** Only for TLS that we opened: the profile's key. */
    trust?: string
    /** The listener whose address peers should use to reach us; undefined when we have none of this protocol. */
    listener: BoundListener | undefined
    context: TransportContext
  }) {
    const { socket, context, listener } = parts
    this.id = context.newFlowId()
    this.protocol = parts.protocol
    this.outbound = parts.outbound
    this.peerNames = parts.peerNames
    this.trust = parts.trust
    this.localHost = unmapIpv4(socket.localAddress ?? '')
    this.localPort = socket.localPort ?? 0
    this.remoteHost = unmapIpv4(socket.remoteAddress ?? '')
    this.remotePort = socket.remotePort ?? 0
    this.advertisedHost = listener?.options.advertisedHost ?? this.localHost
    this.advertisedPort = listener?.port ?? this.localPort
    this.#socket = socket
    this.#context = context
    this.#lastActiveAtMs = context.clock.monotonicMs()
    this.#heardAtMs = this.#lastActiveAtMs
    this.#quietSinceMs = this.#lastActiveAtMs
    this.#frames = new FrameStream(context.limits, {
      onMessage: (bytes) => this.#onMessage(bytes),
      onPing: () => this.#onPing(),
      takesPong: () => this.#takesPong(),
      onError: (error) => {
        context.refuse(error.head, error.status, error.reason, this)
        this.#endAfterAnswer()
      },
    })
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Begins to read. Not done by the constructor, so that the connection is known everywhere first. */
  open(): void {
    this.#socket.on('error', (error) => {
      const { logger } = this.#context
      // TLS 1.3: a server judges our certificate after we take the handshake for done.
      const advice = this.outbound && this.protocol === 'tls' ? adviseOnTls(error, 'outbound') : undefined
      const fields = { err: error, peer: this.remoteHost }
      if (advice === undefined) logger.debug(fields, 'SIP connection error')
      else logger.warn({ ...fields, advice }, 'connection lost')
    })
    this.#socket.on('close', () => this.#onClose())
    this.#socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    if (this.#socket.destroyed) this.#onClose()
  }

  write(bytes: Buffer, _isRequest: boolean, onError: (error: Error) => void): void {
    if (this.#closed || !this.#socket.writable) {
      setImmediate(() => onError(new Error('the connection is closed')))
      return
    }
    this.#lastActiveAtMs = this.#context.clock.monotonicMs()
    this.#socket.write(bytes, (error) => {
      if (!error) return
      this.#context.counters.sendFailures++
      onError(error)
    })
    // A peer that stops reading must not make us hold all that it is sent.
    if (this.#socket.writableLength > maxBacklog(this.#context)) {
      this.#context.counters.slowPeers++
      this.#socket.destroy(new Error('the peer does not read'))
    }
  }

  /** Closes at once; onFlowClosed follows. */
  destroy(): void {
    this.#frames.end()
    this.#socket.destroy()
  }

  /** Pings a server that we dialled, and closes the connection when a time limit has passed. */
  sweep(nowMs: number): void {
    if (this.#socket.destroyed) return
    const { limits, counters } = this.#context
    if (this.#halfSinceMs !== undefined && nowMs - this.#halfSinceMs >= limits.halfMessageTimeoutMs) {
      counters.halfMessageTimeouts++
      this.destroy()
    } else if (nowMs - this.#lastActiveAtMs >= limits.idleTimeoutMs) {
      counters.idleTimeouts++
      this.destroy()
    } else if (this.outbound) this.#keepAlive(nowMs)
  }

  // RFC 5626 4.4.1. Pinging is the part of whoever opened the connection; a server that knows nothing of pings skips
  // them (RFC 3261 7.5), so only one that has answered before is taken for dead.
  #keepAlive(nowMs: number): void {
    if (this.#pingSentAtMs === undefined) {
      const quietMs = nowMs - this.#quietSinceMs
      if (quietMs < pingAfterMs + ((this.id * 1000) % pingSpreadMs) || !this.#socket.writable) return
      this.#pingSentAtMs = nowMs
      this.#socket.write(ping)
    } else if (nowMs - this.#pingSentAtMs >= pongTimeoutMs) {
      if (this.#answersPings) {
        this.#context.counters.pongTimeouts++
        this.destroy()
      } else {
        this.#pingSentAtMs = undefined
        this.#quietSinceMs = nowMs
      }
    }
  }

  /** Closes the connection when its peer has said nothing since `sinceMs` (monotonic): what we asked is lost. */
  noteUnanswered(sinceMs: number): void {
    if (this.#closed || this.#heardAtMs > sinceMs) return
    this.#context.counters.silentPeers++
    this.destroy()
  }

  #onData(chunk: Buffer): void {
    const nowMs = this.#context.clock.monotonicMs()
    this.#heardAtMs = nowMs
    this.#quietSinceMs = nowMs
    this.#frames.push(chunk)
    // Whatever the peer says shows that it is there; only a pong shows that it knows pings.
    this.#pingSentAtMs = undefined
    // Measured from the first byte of the message: a byte now and then does not prolong it.
    if (!this.#frames.half) this.#halfSinceMs = undefined
    else this.#halfSinceMs ??= nowMs
  }

  #onMessage(bytes: Buffer): void {
    const { doorkeeper } = this.#context
    if (doorkeeper !== undefined && !doorkeeper.admitsMessage(this.remoteHost, bytes)) {
      this.destroy()
      return
    }
    this.#halfSinceMs = undefined
    this.#lastActiveAtMs = this.#context.clock.monotonicMs()
    this.#context.receive(bytes, this)
  }

  #onPing(): void {
    this.#context.counters.keepAlives++
    this.#lastActiveAtMs = this.#context.clock.monotonicMs()
    if (this.#socket.writable && this.#socket.writableLength <= maxBacklog(this.#context))
      this.#socket.write(pong)
  }

  #takesPong(): boolean {
    if (this.#pingSentAtMs === undefined) return false
    this.#pingSentAtMs = undefined
    this.#answersPings = true
    return true
  }

  // The stream has lost its place: the answer may still leave, nothing more is read.
  #endAfterAnswer(): void {
    this.#socket.removeAllListeners('data')
    this.#socket.resume()
    this.#halfSinceMs = this.#context.clock.monotonicMs()
    this.#socket.end()
  }

  #onClose(): void {
    if (this.#closed) return
    this.#closed = true
    this.#frames.end()
    this.#context.counters.connectionsClosed++
    this.#context.flowClosed(this)
  }
}

function maxBacklog(context: TransportContext): number {
  return Math.max(1_048_576, context.limits.maxMessageBytes * 4)
}
