import { Type, type Static } from 'typebox'
import { labelText, moment, nullable } from './common.ts'
import { firmwareView } from './firmware.ts'

/** The person on a line. */
export const lineUserView = Type.Object({
  id: Type.String(),
  upn: Type.String(),
  displayName: Type.String(),
  number: nullable(Type.String()),
})

/** How the sign-in of a line stands. */
export const signInView = Type.Union([
  Type.Object({ state: Type.Literal('none') }),
  Type.Object({
    state: Type.Literal('awaitingUser'),
    userCode: Type.String(),
    verificationUri: Type.String(),
    expiresAtMs: moment,
  }),
  Type.Object({ state: Type.Literal('signedIn'), userId: Type.String() }),
  Type.Object({ state: Type.Literal('failed'), code: Type.String(), text: Type.String() }),
])
export type SignInView = Static<typeof signInView>

/** One registered contact of a line. */
export const contactView = Type.Object({
  address: Type.String({ description: 'Where the phone is reached, host and port' }),
  protocol: Type.String(),
  connected: nullable(
    Type.Boolean({ description: 'Whether its connection is open now; null where there is none (UDP)' }),
  ),
  regId: nullable(
    Type.Integer({ description: 'Number of this flow of a phone that keeps several (RFC 5626)' }),
  ),
  through: Type.Array(Type.String(), {
    description: 'Proxies on the way, the one nearest to the box first (RFC 3327)',
  }),
  userAgent: nullable(Type.String()),
  registeredAtMs: moment,
  expiresAtMs: moment,
})

/** A line without its password. */
export const lineView = Type.Object({
  id: Type.String(),
  username: Type.String(),
  label: Type.String(),
  registered: Type.Boolean(),
  contacts: Type.Array(contactView),
  user: nullable(lineUserView),
  signedInAtMs: nullable(moment),
})
export type LineView = Static<typeof lineView>

/** A phone and its lines. */
export const deviceView = Type.Object({
  id: Type.String(),
  kind: Type.Union([
    Type.Literal('phone'),
    Type.Literal('ata'),
    Type.Literal('dect-server'),
    Type.Literal('dect-handset'),
  ]),
  label: Type.String(),
  mac: nullable(Type.String({ description: 'Twelve lower-case hexadecimal digits' })),
  ipei: nullable(Type.String({ description: 'Of a DECT handset, as printed, without spaces' })),
  parentId: nullable(Type.String({ description: 'Of a DECT handset: its server' })),
  vendor: nullable(Type.String()),
  model: nullable(Type.String()),
  firmware: nullable(Type.String({ description: 'As the device last reported it' })),
  firmwareAdvice: nullable(firmwareView),
  location: nullable(Type.String()),
  state: Type.Union([
    Type.Literal('found', { description: 'It asked for its configuration, nobody has adopted it' }),
    Type.Literal('onboarded'),
    Type.Literal('signed-out'),
    Type.Literal('signed-in'),
    Type.Literal('off-boarded'),
  ]),
  createdAtMs: moment,
  lastSeenAtMs: nullable(moment),
  lines: Type.Array(lineView),
})
export type DeviceView = Static<typeof deviceView>

/** What a phone needs to register; shown on request only, and each showing is audited. */
export const credentialsView = Type.Object({
  lineId: Type.String(),
  server: Type.String({ description: 'Address of this box as phones reach it' }),
  realm: Type.String(),
  transports: Type.Array(
    Type.Object({
      protocol: Type.Union([Type.Literal('udp'), Type.Literal('tcp'), Type.Literal('tls')]),
      port: Type.Integer(),
    }),
  ),
  username: Type.String(),
  password: Type.String(),
  provisioning: Type.Object({
    url: Type.String({ description: 'Sets up one Linphone softphone, once' }),
    qrSvg: Type.String({ description: 'The URL as QR code' }),
    expiresAtMs: moment,
  }),
})
export type CredentialsView = Static<typeof credentialsView>

/** A new SIP phone. */
export const newDevice = Type.Object(
  {
    label: labelText,
    mac: Type.Optional(
      Type.String({
        maxLength: 17,
        pattern: '^([0-9A-Fa-f]{2}[:.-]?){5}[0-9A-Fa-f]{2}$|^([0-9A-Fa-f]{4}[.:-]){2}[0-9A-Fa-f]{4}$',
        description: 'As printed on the phone, with or without separators',
      }),
    ),
  },
  { additionalProperties: false },
)
export type NewDevice = Static<typeof newDevice>

/** What can be changed on a device. */
export const devicePatch = Type.Object({ label: labelText }, { additionalProperties: false })
