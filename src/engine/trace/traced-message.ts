import type { Flow, TransportProtocol } from '../transport/transport-port.ts'

/** The two ends of the flow that a message went over; what remains of a flow once it is closed. */
export interface FlowFacts {
  readonly protocol: TransportProtocol
  readonly localHost: string
  readonly localPort: number
  readonly remoteHost: string
  readonly remotePort: number
}

/** One message as it was on the wire. */
export interface TracedMessage {
  /** Epoch milliseconds with a fraction, good to a microsecond between two messages. */
  readonly atMs: number
  /** True when the box sent it. */
  readonly sent: boolean
  readonly flow: FlowFacts
  /** Bytes on the wire; more than `bytes.length` when only its beginning was kept. */
  readonly size: number
  /** A copy of its own. */
  readonly bytes: Buffer
}

/** What stays known of a flow; the flow itself would hold its socket. */
export function factsOf(flow: Flow): FlowFacts {
  const { protocol, localHost, localPort, remoteHost, remotePort } = flow
  return { protocol, localHost, localPort, remoteHost, remotePort }
}
