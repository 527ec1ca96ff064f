import dgram from 'node:dgram'
import { literalLookup4, literalLookup6 } from './local-address.ts'

/** Where a UDP listener is bound and whom it talks to. */
export interface UdpPair {
  type: 'udp4' | 'udp6'
  localHost: string
  localPort: number
  remoteHost: string
  remotePort: number
}

/** Sends remembered per peer, in case an ICMP error comes back for them. */
const maxWaiting = 16

/**
 * A second socket on the listener's own port, connected to one peer. Linux reports ICMP errors only to connected
 * sockets, and without them a request to a phone that was unplugged would hang until timer B or F. What
 * the peer sends arrives here as well, so datagrams are handed to the listener's own handler.
 */
export class UdpPeerSocket {
  readonly #socket: dgram.Socket
  readonly #onRefused: () => void
  /** Error handlers of datagrams not yet known to have arrived. */
  #waiting: ((error: Error) => void)[] = []
  #closed = false

  /** Throws when the kernel does not give the socket. */
  constructor(
    pair: UdpPair,
    on: { message: (bytes: Buffer, source: dgram.RemoteInfo) => void; refused: () => void },
  ) {
    this.#onRefused = on.refused
    this.#socket = dgram.createSocket({
      type: pair.type,
      reusePort: true,
      ipv6Only: pair.type === 'udp6',
      lookup: pair.type === 'udp6' ? literalLookup6 : literalLookup4,
    })
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('message', on.message)
    try {
      // Both finish inside their calls, because the lookup answers at once; remoteAddress throws if they did not.
      this.#socket.bind({ address: pair.localHost, port: pair.localPort, exclusive: true })
      this.#socket.connect(pair.remotePort, pair.remoteHost)
      this.#socket.remoteAddress()
    } catch (error) {
      this.close()
      throw error
    }
  }

  send(bytes: Buffer, onError: (error: Error) => void): void {
    if (this.#waiting.length === maxWaiting) this.#waiting.shift()
    this.#waiting.push(onError)
    this.#socket.send(bytes, (error) => {
      if (error) this.#fail(error)
    })
  }

  /** The peer spoke: what was sent before is not refused any more. */
  heard(): void {
    if (this.#waiting.length > 0) this.#waiting = []
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#socket.close()
  }

  // An ICMP error does not say which datagram it answers. A closed port or a dead host concerns them all.
  #fail(error: Error): void {
    const waiting = this.#waiting
    this.#waiting = []
    this.#onRefused()
    for (const onError of waiting) onError(error)
  }
}
