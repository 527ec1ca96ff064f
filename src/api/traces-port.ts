import type { CallParty } from '#src/model/call-record.ts'

/** The two ends that a message went between. */
export interface TracedFlow {
  readonly protocol: 'udp' | 'tcp' | 'tls' | 'ws' | 'wss'
  readonly localHost: string
  readonly localPort: number
  readonly remoteHost: string
  readonly remotePort: number
}

/** One message of the wire, secrets masked. */
export interface TracedMessage {
  /** Epoch ms with a fraction. */
  readonly atMs: number
  /** True when the box sent it. */
  readonly sent: boolean
  readonly flow: TracedFlow
  /** Bytes on the wire; more than `bytes.length` when only its beginning was kept. */
  readonly size: number
  readonly bytes: Buffer
}

/** The messages of one SIP dialog of a call. */
export interface TracedLeg {
  readonly sipCallId: string
  /** Who is at the far end. */
  readonly party: CallParty | undefined
  readonly messages: readonly TracedMessage[]
  /** Messages of its middle that were pushed out. */
  readonly dropped: number
}

/** The memory of recent SIP messages; satisfied by the composition root. */
export interface TracesPort {
  /** The legs of a call, the caller's first; undefined when nothing of it is kept (any more). */
  ofCall(callId: string): readonly TracedLeg[] | undefined
  /** The same as a pcapng file; with the keys of SRTP only when asked for. */
  captureOf(callId: string, options: { sdpKeys: boolean }): Buffer | undefined
  /** The latest messages outside calls, oldest first: of everybody, or of who is known by these. */
  outside(
    limit: number,
    of?: { peers: readonly { host: string; port: number }[]; users: readonly string[] },
  ): readonly TracedMessage[]
}
