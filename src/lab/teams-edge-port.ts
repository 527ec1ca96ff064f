import type { Clock } from '#src/base/clock.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Random } from '#src/base/random.ts'
import type { LabPerson, TeamsBehaviour } from './people.ts'

/** A certificate chain and its key, as PEM. */
export interface CertificateAndKey {
  certificatePem: string
  keyPem: string
}

/** What the edge needs of the lab's certificates; made and kept by `certificates.ts`. */
export interface TeamsEdgeCertificates {
  /** The lab CA: the edge accepts only client certificates that chain to it (mutual TLS). */
  caPem: string
  /** serverAuth for sip, sip2 and sip3.pstnhub.lab.branchline.example. */
  teamsEdge: CertificateAndKey
  /** The FQDN that stands in the box's certificate and must stand in its Contact. */
  sbcFqdn: string
}

/** Everything the Teams edge takes from the lab; it starts nothing of its own beyond its sockets. */
export interface TeamsEdgeOptions {
  people: readonly LabPerson[]
  certificates: TeamsEdgeCertificates
  /** IP address that SIP/TLS and media bind to. */
  listenHost: string
  /** SIP/TLS port; 0 = any free port. After a restart of the lab the old port is asked for again. */
  port: number
  /** Where the box accepts SIP/TLS; undefined until the box told the lab. */
  boxAddress(): BoxAddress | undefined
  clock: Clock
  random: Random
  logger: Logger
}

/** Address of the box's SIP/TLS listener. */
export interface BoxAddress {
  host: string
  tlsPort: number
}

/** The lab's stand-in for Teams: people with numbers behind a Direct Routing trunk. */
export interface TeamsEdge {
  /** The SIP/TLS port it really listens on; one port serves sip, sip2 and sip3. */
  readonly port: number
  /** Sets how the Teams client behind this number behaves from the next call on; false = unknown number. */
  setBehaviour(number: string, behaviour: TeamsBehaviour): boolean
  /** How that client behaves now; undefined = unknown number. */
  behaviour(number: string): TeamsBehaviour | undefined
  /** Calls from a number of the lab to any number at the box; resolves once the INVITE is sent. LAB_FAILED without a box. */
  placeCall(request: { from: string; to: string }): Promise<{ callId: string }>
  /** Ends a call that is going on; false when it is gone. */
  hangUp(callId: string): boolean
  /** Going and ended calls, latest first; the ended ones are bounded. */
  calls(): LabCall[]
  stop(): Promise<void>
}

/** How `startTeamsEdge` in `teams-edge/start-teams-edge.ts` looks. */
export type StartTeamsEdge = (options: TeamsEdgeOptions) => Promise<TeamsEdge>

/** One call as the lab saw it. Times are epoch ms. */
export interface LabCall {
  callId: string
  /** `fromBox`: the box called Teams; `toBox`: Teams called the box. */
  direction: 'fromBox' | 'toBox'
  from: string
  to: string
  state: 'ringing' | 'answered' | 'ended'
  startedAtMs: number
  answeredAtMs: number | undefined
  endedAtMs: number | undefined
  /** Final SIP status; undefined while it rings. */
  sipStatus: number | undefined
  /** Text of the Reason header that ended or cancelled it. */
  reason: string | undefined
  media: LabCallMedia
}

/** What the lab's media side counted and heard. */
export interface LabCallMedia {
  receivedPackets: number
  sentPackets: number
  /** Gaps in the received sequence numbers. */
  lostPackets: number
  /** True while every received RTP packet was SRTP whose tag verified; false after the first other one. */
  allSrtp: boolean
  /** Loudest tone in the received audio; undefined when there was none. */
  heardToneHz: number | undefined
  /** Level of that tone, dB below full scale. */
  heardToneDb: number | undefined
  /** Keys heard as telephone events, in order. */
  heardDtmf: string
}
