import { Type, type Static } from 'typebox'
import { partyView } from './calls.ts'
import { nullable } from './common.ts'

/** One column of a ladder: this box, or a peer of it. */
export const ladderColumn = Type.Object({
  kind: Type.Union([Type.Literal('box'), Type.Literal('peer')]),
  party: nullable(partyView),
  host: Type.String({ description: 'Address of the peer; empty for the box' }),
})
export type LadderColumn = Static<typeof ladderColumn>

/** One SIP message, secrets masked. */
export const tracedMessage = Type.Object({
  atMs: Type.Number({ description: 'Epoch milliseconds, with a fraction' }),
  from: Type.Integer({ description: 'Index of the column that sent it' }),
  to: Type.Integer({ description: 'Index of the column that it went to' }),
  kind: Type.Union([Type.Literal('request'), Type.Literal('response'), Type.Literal('unreadable')]),
  method: Type.String({ description: 'Of a response: the method that it answers; empty when unreadable' }),
  status: nullable(Type.Integer()),
  label: Type.String({ description: 'INVITE, 200 OK' }),
  hasSdp: Type.Boolean(),
  repeatOf: nullable(Type.Integer({ description: 'Index of the message that this one repeats' })),
  sipCallId: Type.String(),
  cseq: Type.String(),
  protocol: Type.String(),
  source: Type.String({ description: 'Address and port' }),
  destination: Type.String(),
  size: Type.Integer({ description: 'Bytes on the wire' }),
  text: Type.String({ description: 'The message, secrets masked' }),
  cut: Type.Boolean({ description: 'True when the text is only the beginning' }),
})
export type TracedMessageView = Static<typeof tracedMessage>

/** Messages with the columns that they go between, oldest first. */
export const ladderView = Type.Object({
  columns: Type.Array(ladderColumn),
  messages: Type.Array(tracedMessage),
  leftOut: Type.Integer({
    description: 'Messages in between that are not kept any more, or were more than asked for',
  }),
})
export type LadderView = Static<typeof ladderView>
