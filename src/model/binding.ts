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
  /** Tells the flows of one phone apart (RFC 5626 4.2); undefined where outbound was not agreed upon. */
  regId?: number | undefined
  /** Proxies between us and the phone, as `<uri>` values, the first one nearest to us (RFC 3327); undefined = none. */
  path?: readonly string[] | undefined
  /** What else the Contact said, with its leading semicolons: given back in answers; '' or undefined = nothing. */
  contactParams?: string | undefined
  callId: string
  cseq: number
  /** Preference 0..1000 (q times 1000). */
  qThousandths: number
  expiresAtMs: number
  registeredAtMs: number
  flow: FlowAddress
  userAgent: string | undefined
}
