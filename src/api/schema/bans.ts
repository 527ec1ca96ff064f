import { Type, type Static } from 'typebox'
import { moment, nullable } from './common.ts'

/** An address that is shut out of SIP. */
export const banView = Type.Object({
  address: Type.String({ description: 'IPv4 address, or IPv6 prefix such as 2001:db8:1:2::/64' }),
  cause: Type.Union([
    Type.Literal('flood'),
    Type.Literal('scanner'),
    Type.Literal('nobody'),
    Type.Literal('malformed'),
    Type.Literal('password'),
  ]),
  reach: Type.Union([Type.Literal('udp'), Type.Literal('all')], {
    description: 'udp: only datagrams, because they may have been forged; TCP and TLS stay open',
  }),
  why: Type.String({ description: 'One sentence' }),
  count: Type.Integer({ description: 'Pieces of evidence' }),
  firstSeenAtMs: moment,
  lastSeenAtMs: moment,
  sample: nullable(Type.String({ description: 'Beginning of a message, secrets masked' })),
  sinceAtMs: moment,
  untilAtMs: moment,
  times: Type.Integer({ description: '1 = for the first time; each time lasts longer' }),
  refused: Type.Integer({ description: 'Datagrams and connections refused since' }),
})
export type BanView = Static<typeof banView>

/** Who is shut out, and who never will be. */
export const banListView = Type.Object({
  bans: Type.Array(banView, { description: 'The newest 200' }),
  total: Type.Integer(),
  kernel: Type.Union([Type.Literal('on'), Type.Literal('off'), Type.Literal('failed')], {
    description: 'Whether the firewall of the machine drops them as well',
  }),
  kernelFailure: nullable(Type.String()),
  allowList: Type.Array(Type.String({ description: 'Address or network' })),
})
export type BanListView = Static<typeof banListView>

/** Whom to put on the allow-list. */
export const allowBody = Type.Object(
  {
    address: Type.String({
      minLength: 2,
      maxLength: 49,
      description: 'Address, or network such as 192.0.2.0/24',
    }),
  },
  { additionalProperties: false },
)

/** The allow-list as it is now. */
export const allowListView = Type.Object({ allowList: Type.Array(Type.String()) })

/** Path parameter: an address, or a prefix with %2F in it. */
export const addressParams = Type.Object({ address: Type.String({ minLength: 2, maxLength: 64 }) })
