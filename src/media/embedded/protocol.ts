import type { Endpoint } from '#src/base/net.ts'
import type { SrtpKey } from '#src/rtp/key-derivation.ts'

/** Raised when a message changes its meaning; a worker of another version is not used. */
export const protocolVersion = 1

/** Side of a session, as in the media port; written out here because workers see only this file. */
export type LegSide = 'caller' | 'callee'

/** What a worker is born with. */
export interface WorkerSettings {
  version: number
  portMin: number
  portMax: number
  /** A freed port rests this long, so that late packets of the old call do not reach the new one. */
  reuseDelayMs: number
  /** Ports of calls that a dead predecessor had; they rest first. */
  restingPorts: number[]
  /** A session in which nothing arrives for this long is ended; 0 = never. */
  inactiveAfterMs: number
}

/** How one leg is spoken to and heard, after an offer and its answer. */
export interface LegMediaSpec {
  /** Key of what we send; undefined = plain RTP. Secret. */
  sendKey: SrtpKey | undefined
  /** Key of what the peer sends. Secret. */
  receiveKey: SrtpKey | undefined
  /** Signalled addresses; undefined while held by c=0.0.0.0, nothing is sent then. */
  remote: Endpoint | undefined
  remoteRtcp: Endpoint | undefined
  rtcpMux: boolean
  /** Clock rate by payload type, of both descriptions; 0 for events and comfort noise, which say nothing about jitter. */
  clockRates: [payload: number, rate: number][]
}

/** Every request to a worker; each gets one reply with the same id. */
export type ToWorker =
  /** Binds the ports of a leg; the session is made, with ports kept for both legs, when it is new. */
  | { kind: 'openLeg'; id: number; sessionId: string; side: LegSide; localAddress: string }
  /** Puts an answered offer into effect on both legs; `relatch` when it is a new exchange, not a repeated answer. */
  | {
      kind: 'setMedia'
      id: number
      sessionId: string
      caller: LegMediaSpec
      callee: LegMediaSpec
      relatch: boolean
    }
  | { kind: 'closeSession'; id: number; sessionId: string }
  | { kind: 'querySession'; id: number; sessionId: string }
  | { kind: 'totals'; id: number }

/** Everything a worker says. */
export type FromWorker =
  | { kind: 'ready'; version: number }
  | { kind: 'reply'; id: number; result: WorkerResult }
  | { kind: 'inactive'; sessionId: string }

/** Outcome of a request; `failed` carries a code of the error table. */
export type WorkerResult =
  | { kind: 'opened'; port: number; rtcpPort: number }
  | { kind: 'done' }
  | { kind: 'stats'; stats: WorkerSessionStats | undefined }
  | { kind: 'totals'; sessions: number; portsInUse: number; portsTotal: number }
  | { kind: 'failed'; code: 'MEDIA_PORTS_EXHAUSTED' | 'MEDIA_FAILED'; reason: string }

export interface WorkerSessionStats {
  caller: WorkerLegStats
  callee: WorkerLegStats
}

/** Counters of one leg, as in the media port. */
export interface WorkerLegStats {
  secure: boolean
  receivedPackets: number
  receivedBytes: number
  sentPackets: number
  lostPackets: number
  jitterMs: number
  badTag: number
  replayed: number
  foreignSource: number
  malformed: number
  peer: Endpoint | undefined
}
