/** The far end of the flow that a REGISTER came in on: where the phone is really reached. */
export interface FlowAddress {
  protocol: 'udp' | 'tcp' | 'tls' | 'ws' | 'wss'
  host: string
  port: number
}

/** One contact of an address of record (RFC 3261 10.3). */
export interface Binding {
  /** User part of the AOR: a line's username. */
  aor: string
  /** The Contact URI as registered, without angle brackets. */
  contactUri: string
  /** Lets the same phone replace its contact after an address change (RFC 5626 4.1); undefined when not sent. */
  instanceId: string | undefined
  callId: string
  cseq: number
  /** Preference 0..1000 (q times 1000). */
  qThousandths: number
  expiresAtMs: number
  registeredAtMs: number
  flow: FlowAddress
  userAgent: string | undefined
}
