import { Type, type Static } from 'typebox'
import { labelText, moment, nullable } from './common.ts'
import { deviceView } from './devices.ts'

/** While it is open, handsets may subscribe to a server. */
export const subscriptionView = Type.Object({ openedAtMs: moment, closesAtMs: moment })
export type SubscriptionView = Static<typeof subscriptionView>

/** A DECT server with what is behind it. */
export const dectServerView = Type.Object({
  device: deviceView,
  handsets: Type.Integer({ description: 'How many the box knows' }),
  registered: Type.Integer({ description: 'How many of them are registered now' }),
  subscription: nullable(subscriptionView),
})
export type DectServerView = Static<typeof dectServerView>

/** All DECT servers, and the models that can be added. */
export const dectServersView = Type.Object({
  servers: Type.Array(dectServerView),
  models: Type.Array(Type.Object({ vendor: Type.String(), model: Type.String() })),
})
export type DectServersView = Static<typeof dectServersView>

/** A handset with its line. */
export const handsetView = Type.Object({
  device: deviceView,
  ipei: Type.String({ description: 'As printed on the handset' }),
  extension: nullable(Type.String()),
  state: Type.Union([
    Type.Literal('announced', { description: 'The box knows it and has never heard it' }),
    Type.Literal('subscribed', { description: 'It has registered before, and is not registered now' }),
    Type.Literal('registered'),
    Type.Literal('signed-in'),
  ]),
})
export type HandsetView = Static<typeof handsetView>

/** The handsets of one server. */
export const handsetsView = Type.Object({ handsets: Type.Array(handsetView) })
export type HandsetsView = Static<typeof handsetsView>

const extensionText = Type.String({ pattern: '^\\d{1,6}$', description: 'Dialled from other phones' })

/** A new DECT server. */
export const newDectServer = Type.Object(
  {
    label: labelText,
    mac: Type.String({
      maxLength: 17,
      pattern: '^([0-9A-Fa-f]{2}[:.-]?){5}[0-9A-Fa-f]{2}$|^([0-9A-Fa-f]{4}[.:-]){2}[0-9A-Fa-f]{4}$',
      description: 'As printed on the server, with or without separators',
    }),
    model: Type.String({ maxLength: 60 }),
  },
  { additionalProperties: false },
)

/** New handsets; what they say is checked together, and every problem is told with its row. */
export const newHandsets = Type.Object(
  {
    handsets: Type.Array(
      Type.Object(
        {
          ipei: Type.String({ maxLength: 100, description: 'In any printed form' }),
          label: Type.String({ maxLength: 200 }),
          extension: Type.Optional(Type.String({ maxLength: 20 })),
        },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: 1000 },
    ),
  },
  { additionalProperties: false },
)

/** Handsets as a pasted list. */
export const handsetCsv = Type.Object(
  {
    text: Type.String({
      minLength: 1,
      maxLength: 60_000,
      description: 'IPEI, name, extension in each row; parted by commas, semicolons or tabs',
    }),
  },
  { additionalProperties: false },
)

/** One row of a list that was not taken. */
export const handsetProblem = Type.Object({ row: Type.Integer(), field: Type.String(), text: Type.String() })
export type HandsetProblem = Static<typeof handsetProblem>

/** What can be changed on a handset. */
export const handsetPatch = Type.Object(
  { label: labelText, extension: nullable(extensionText) },
  { additionalProperties: false },
)

/** For how long handsets may subscribe. */
export const subscriptionRequest = Type.Object(
  { minutes: Type.Integer({ minimum: 1, maximum: 60 }) },
  { additionalProperties: false },
)

/** What is typed on a handset when it subscribes; each showing is audited. */
export const accessCodeView = Type.Object({ ipei: Type.String(), accessCode: Type.String() })
export type AccessCodeView = Static<typeof accessCodeView>
