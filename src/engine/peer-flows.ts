import { EventSource } from '#src/base/events.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Flow, TransportLayer, TransportProtocol } from './transport/transport-port.ts'

/** The far end of a connection. */
export interface PeerAddress {
  readonly protocol: TransportProtocol
  readonly host: string
  readonly port: number
}

/** What the application may know of connections: a phone is reached over the one that it opened (RFC 5626). */
export interface PeerFlows {
  /** True while requests can be sent over the connection with this peer; for UDP it says little. */
  isOpen(peer: PeerAddress): boolean
  /** Calls back for each connection that is gone, whoever opened it; the result stops that. */
  onClosed(listener: (peer: PeerAddress) => void): () => void
}

/** Tells listeners of closed connections. */
export class FlowWatchers implements PeerFlows {
  readonly #transport: Pick<TransportLayer, 'findFlow'>
  readonly #events: EventSource<{ closed: PeerAddress }>

  constructor(transport: Pick<TransportLayer, 'findFlow'>, logger: Logger) {
    this.#transport = transport
    this.#events = new EventSource(logger)
  }

  isOpen({ protocol, host, port }: PeerAddress): boolean {
    return this.#transport.findFlow(protocol, host, port)?.closed === false
  }

  onClosed(listener: (peer: PeerAddress) => void): () => void {
    return this.#events.on('closed', listener)
  }

  /** To be called when the transports lose a connection. */
  noteClosed({ protocol, remoteHost, remotePort }: Flow): void {
    this.#events.emit('closed', { protocol, host: remoteHost, port: remotePort })
  }
}
