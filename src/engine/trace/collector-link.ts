import dgram from 'node:dgram'
import net from 'node:net'
import type { Clock } from '#src/base/clock.ts'

/** Where a Homer collector listens. */
export interface Collector {
  host: string
  port: number
  protocol: 'udp' | 'tcp'
}

/** The way to a collector: either it takes a packet at once, or it says that it is full. */
export interface CollectorLink {
  /** False while it is not connected or has more than it should waiting. */
  readonly ready: boolean
  send(packet: Buffer): void
  close(): void
}

/** What a link tells. Neither is called after `close`. */
export interface LinkListener {
  /** It takes packets (again). */
  onReady(): void
  /** It is of no use any more. */
  onLost(error: Error): void
  /** One packet did not arrive, as far as anybody can know. */
  onRefused(): void
}

const maxWaitingBytes = 1024 * 1024
const connectTimeoutMs = 10_000

/** Opens the way to a collector; it is ready, or lost, later. */
export function openLink(collector: Collector, clock: Clock, listener: LinkListener): CollectorLink {
  return collector.protocol === 'udp'
    ? new UdpLink(collector, listener)
    : new TcpLink(collector, clock, listener)
}

/** A connected socket: the name is looked up once, and a closed port shows as a refusal. */
class UdpLink implements CollectorLink {
  readonly #socket: dgram.Socket
  #state: 'opening' | 'ready' | 'closed' = 'opening'

  constructor({ host, port }: Collector, listener: LinkListener) {
    const type = net.isIPv6(host) ? 'udp6' : 'udp4'
    this.#socket = dgram.createSocket(type)
    this.#socket.unref()
    this.#socket.on('error', (error) => {
      if (this.#state === 'ready') listener.onRefused()
      else if (this.#state === 'opening') {
        this.close()
        listener.onLost(error)
      }
    })
    this.#socket.connect(port, host, () => {
      if (this.#state !== 'opening') return
      this.#state = 'ready'
      listener.onReady()
    })
  }

  get ready(): boolean {
    return this.#state === 'ready' && this.#socket.getSendQueueSize() < maxWaitingBytes
  }

  send(packet: Buffer): void {
    this.#socket.send(packet)
  }

  close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#socket.close()
  }
}

class TcpLink implements CollectorLink {
  readonly #socket: net.Socket
  #closed = false

  constructor({ host, port }: Collector, clock: Clock, listener: LinkListener) {
    this.#socket = net.connect({ host, port, noDelay: true, keepAlive: true })
    const timer = clock.setTimer(connectTimeoutMs, () =>
      this.#socket.destroy(new Error('no connection in time')),
    )
    let failure: Error | undefined
    this.#socket.on('connect', () => {
      timer.cancel()
      if (!this.#closed) listener.onReady()
    })
    this.#socket.on('drain', () => {
      if (!this.#closed) listener.onReady()
    })
    this.#socket.on('error', (error) => (failure = error))
    // A collector says nothing; what it says is thrown away, or it would fill the socket.
    this.#socket.resume()
    this.#socket.on('close', () => {
      timer.cancel()
      if (this.#closed) return
      this.#closed = true
      listener.onLost(failure ?? new Error('the collector closed the connection'))
    })
  }

  get ready(): boolean {
    return this.#socket.readyState === 'open' && this.#socket.writableLength < maxWaitingBytes
  }

  send(packet: Buffer): void {
    this.#socket.write(packet)
  }

  close(): void {
    this.#closed = true
    this.#socket.destroy()
  }
}
