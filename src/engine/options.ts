import type { Clock } from '#src/base/clock.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Random } from '#src/base/random.ts'
import type { DialogPolicy } from './dialog/dialog-policy.ts'
import type { MessageTap } from './trace/message-tap.ts'
import type { GuardOptions, OverloadOptions } from './guard/options.ts'
import type { TransportProtocol } from './transport/transport-port.ts'

/** One address the engine listens on. */
export interface ListenOptions {
  protocol: TransportProtocol
  host: string
  /** 0 = any free port. */
  port: number
  /** Address peers should use instead of `host` (0.0.0.0, NAT); a name is allowed. */
  advertisedHost?: string
  /** Only for tls and wss. */
  tls?: ServerTls
  /** Only for ws and wss: the path that phones must ask for; left out = any. */
  path?: string
}

/** Certificates of a TLS listener, chosen by SNI. Client certificates are asked for and judged, never required. */
export interface ServerTls {
  /** Served when no name matches: what phones see. */
  fallback: { certificatePem: string; keyPem: string }
  /** Served for these server names: the trunk's FQDN. */
  byName: { names: string[]; certificatePem: string; keyPem: string }[]
  /** Who is believed to be a trunk by its client certificate. */
  trust: TrustStore[]
}

/** The authorities that one trunk's peers are certified by. Stores are never mixed. */
export interface TrustStore {
  /** The trunk, for log lines. */
  name: string
  caPem: string[]
  /** The names that a certificate of these authorities may prove; one leading `*` label is allowed, `*` = any. */
  names: string[]
  /** Takes client certificates that are made for servers only, as Microsoft's are from 2026 on. */
  acceptsServerAuthOnly: boolean
}

/** New certificates for a running engine; what is left out stays. */
export interface TlsRenewal {
  /** For every TLS and WSS listener. */
  server?: ServerTls
  outbound?: OutboundTls[]
}

/** What became of new certificates: all in force, or nothing changed and why. */
export type TlsRenewed = { applied: true } | { applied: false; reason: string }

/** How the engine dials out by TLS to certain hosts. */
export interface OutboundTls {
  /** Server names this is for; `*` for any. First match wins. */
  names: string[]
  certificatePem?: string
  keyPem?: string
  caPem?: string[]
}

/** A name that is not looked up in DNS. */
export interface StaticHost {
  name: string
  address: string
}

/** RFC 3261 17.1.1.1 timer bases, in ms; only tests shorten them, and then by a fake clock instead. */
export interface TimerBases {
  t1Ms: number
  t2Ms: number
  t4Ms: number
}

export interface EngineLimits {
  /** Largest message accepted, bytes; over UDP 65,507 at most anyway. */
  maxMessageBytes: number
  /** Largest header section, bytes. */
  maxHeaderBytes: number
  maxConnections: number
  maxConnectionsPerSource: number
  /** TLS handshakes under way per source; left out = as many as connections. */
  maxHandshakesPerSource?: number
  /** A half-received message must be complete within this time. */
  halfMessageTimeoutMs: number
  /** A connection without any message is closed after this. */
  idleTimeoutMs: number
}

/** Where applications outside this process come in. */
export interface DoorOptions {
  host: string
  /** 0 = any free port. */
  port: number
  secret: string
  /** Set: the door takes TLS only. */
  tls?: { certificatePem: string; keyPem: string } | undefined
  /** Connections at a time, strangers that have not shown the secret among them; left out = 100. */
  maxConnections?: number
}

/** An application that waits to be called (`srf.listen`); it is called again whenever the connection is lost. */
export interface OutboundApplication {
  host: string
  port: number
  /** The application must know it, as it would at the door. */
  secret: string
  /** What it gets, lower case: it cannot ask for anything itself. */
  methods: string[]
  /** Set: TLS, the certificate checked against these roots and the host's name. */
  tls?: { caPem: string[] } | undefined
}

/** What becomes of the dialogs of an application that is gone: ended at once, or kept for its return. */
export type DialogsOfTheLost = 'end' | { waitMs: number }

export interface EngineOptions extends DialogPolicy {
  listen: ListenOptions[]
  outboundTls: OutboundTls[]
  staticHosts: StaticHost[]
  limits: EngineLimits
  timers: TimerBases
  /** The TCP door for drachtio-srf applications outside this process; undefined = closed. */
  door: DoorOptions | undefined
  /** Applications that the engine calls, instead of them calling it; left out = none. */
  applications?: OutboundApplication[]
  /**
   * When an application is lost: open requests are refused at once, or go to another; its dialogs are ended (the
   * default) or wait for one with the same tags. An application of several processes gives each a tag of its own then.
   */
  applicationLoss?: { dialogs: DialogsOfTheLost }
  /**
   * When a request too large for one datagram goes over TCP (RFC 3261 18.1.1), falling back to UDP where there is
   * none: `unless-asked` (the default) leaves targets alone whose URI says transport=udp, as those of phones do.
   */
  largeRequests?: 'tcp' | 'unless-asked' | 'udp'
  /** DNS servers to ask, addresses with or without port; left out = the system's. */
  dnsServers?: string[]
  /** Value of User-Agent and Server where the application sets none; undefined = none. */
  userAgent: string | undefined
  /** Shuts abusers out by what they did; undefined or left out = everybody is let in. */
  guard?: GuardOptions | undefined
  /** Refuses new work past a load; undefined or left out = everything is taken. */
  overload?: OverloadOptions | undefined
  /** Hears every message on the wire; undefined or left out = nobody does, and it costs nothing. */
  tap?: MessageTap | undefined
  clock: Clock
  random: Random
  logger: Logger
}
