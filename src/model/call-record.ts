/** Who a side of a call is. */
export type PartyKind = 'line' | 'trunk' | 'service'

/** One side of a call as the log keeps it. */
export interface CallParty {
  kind: PartyKind
  /** Line id, trunk name (`teams`) or feature code. */
  id: string
  /** E.164 number, extension or username, as dialled or presented. */
  number: string
  displayName: string | undefined
}

/** Why a call ended; the whole list is the table in pbx/calls/classify-failure.ts. */
export type CallCause = string

/** One ended call. Times are epoch ms. */
export interface CallRecord {
  id: string
  startedAtMs: number
  answeredAtMs: number | undefined
  endedAtMs: number
  caller: CallParty
  /** As dialled. */
  dialled: string
  /** Who answered, or the one party tried; undefined when routing refused the call. */
  callee: CallParty | undefined
  cause: CallCause
  /** Final SIP status toward the caller: 200 for an answered call. */
  sipStatus: number
  /** One sentence for a person. */
  explanation: string
}

/** A call that is going on. */
export interface LiveCall {
  id: string
  state: 'routing' | 'ringing' | 'answered' | 'ending'
  startedAtMs: number
  answeredAtMs: number | undefined
  caller: CallParty
  dialled: string
  /** Everyone who rings, then only who answered. */
  callees: CallParty[]
}
