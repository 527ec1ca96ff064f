import type { TracedMessage } from './traced-message.ts'

/** Who is at the far end of a leg, as the call log names him. */
export interface TracedParty {
  kind: 'line' | 'trunk' | 'service'
  id: string
  number: string
  displayName: string | undefined
}

/** The messages of one Call-ID. */
export interface TracedLeg {
  sipCallId: string
  party: TracedParty | undefined
  messages: TracedMessage[]
  /** Messages that were pushed out: of the middle of the leg, for its beginning is kept. */
  dropped: number
}
