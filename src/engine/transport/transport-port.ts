import type { SipMessage, SipRequest, SipResponse } from '#src/sip/message.ts'

/** What SIP runs over: RFC 3261 18, and WebSocket with and without TLS (RFC 7118). */
export type TransportProtocol = 'udp' | 'tcp' | 'tls' | 'ws' | 'wss'

/**
 * One path to one peer: a connection, or for UDP the pair of our socket and the peer's address.
 * Responses go back over the flow of their request (RFC 3261 18.2.2, RFC 3581).
 */
export interface Flow {
  readonly id: number
  readonly protocol: TransportProtocol
  readonly localHost: string
  readonly localPort: number
  /** What we call ourselves toward this peer in Via and Contact (the listener's advertised address). */
  readonly advertisedHost: string
  readonly advertisedPort: number
  readonly remoteHost: string
  readonly remotePort: number
  /** DNS names of the peer's certificate when it presented one that verified; otherwise empty. */
  readonly peerNames: readonly string[]
  readonly closed: boolean
}

/** Where a request should go: an ordered list is tried one after the other (RFC 3263 4.3). */
export interface Target {
  protocol: TransportProtocol
  /** IP literal. */
  host: string
  port: number
  /** Name to check the peer's certificate against and to send as SNI; undefined when the URI had an address. */
  serverName: string | undefined
  /** True when the URI itself named the transport; a large request then stays on it by default. */
  asked?: boolean
}

/** The way up: given once, at start. Must not throw. */
export interface TransportUser {
  /** Top Via already carries received and rport; `bytes` is the size on the wire. */
  onRequest(request: SipRequest, flow: Flow, bytes: number): void
  onResponse(response: SipResponse, flow: Flow, bytes: number): void
  /** The connection is gone; nothing can be sent on it. Never called for UDP. */
  onFlowClosed(flow: Flow): void
}

/** What transactions ask of the transports. */
export interface TransportLayer {
  /** Binds every listener or throws an ApplianceError(PORT_IN_USE) that names protocol, host and port. */
  start(user: TransportUser): Promise<void>
  /** Stops listening, closes connections. */
  stop(): Promise<void>
  /** The bound addresses, ports filled in. */
  readonly listeners: readonly ListenerAddress[]
  /** Finds or opens the flow to a target; rejects with the connect or TLS error. UDP resolves at once. */
  connect(target: Target): Promise<Flow>
  /**
   * Finds or opens the stream for a request that is too large for UDP (RFC 3261 18.1.1). Undefined when it may go by
   * UDP as it is; rejects when the peer has no TCP, which is remembered.
   */
  connectLarge(request: SipRequest, target: Target): Promise<Flow> | undefined
  /** The targets in the order to try: those that failed lately come last (RFC 3263 4.3). */
  livingFirst(targets: readonly Target[]): readonly Target[]
  /** Remembers that a target did not answer, or asked by 503 to be left alone for `quietMs`. */
  noteFailed(target: Target, quietMs?: number): void
  /** A request on this flow got no answer: a connection that has been silent since `sinceMs` (monotonic) is closed. */
  noteUnanswered(flow: Flow, sinceMs: number): void
  /** Finds the open flow to this address, if there is one. */
  findFlow(protocol: TransportProtocol, host: string, port: number): Flow | undefined
  /**
   * Formats and writes. Returns the bytes written; `onError` is called later when the kernel or the
   * peer refuses (ICMP unreachable, reset). Throws never; a closed flow calls `onError`.
   */
  send(message: SipMessage, flow: Flow, onError: (error: Error) => void): number
}

export interface ListenerAddress {
  protocol: TransportProtocol
  host: string
  port: number
  advertisedHost: string
  advertisedPort: number
}
