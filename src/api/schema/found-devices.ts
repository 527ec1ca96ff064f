import { Type, type Static } from 'typebox'
import { moment, nullable } from './common.ts'
import { firmwareView } from './firmware.ts'

/** A phone that asked for its configuration and that nobody has vouched for. */
export const foundDeviceView = Type.Object({
  id: Type.String(),
  label: Type.String(),
  mac: Type.String({ description: 'Twelve lower-case hexadecimal digits' }),
  kind: Type.String(),
  vendor: nullable(Type.String()),
  model: nullable(Type.String()),
  firmware: nullable(Type.String()),
  firmwareAdvice: nullable(firmwareView),
  foundAtMs: moment,
  from: nullable(Type.String({ description: 'Address that has its configuration' })),
  configured: Type.Boolean({ description: 'It has fetched its configuration over HTTPS' }),
  registered: Type.Boolean(),
})
export type FoundDeviceView = Static<typeof foundDeviceView>

/** Somebody asked for a phone's configuration that was not given out again. */
export const refusedView = Type.Object({
  deviceId: Type.String(),
  label: Type.String(),
  mac: nullable(Type.String()),
  from: Type.String({ description: 'Address that asked' }),
  atMs: moment,
  count: Type.Integer(),
  why: Type.Union([
    Type.Literal('handed-over', { description: 'It has gone out already' }),
    Type.Literal('in-use', { description: 'Somebody is signed in on it, or it was set up by hand' }),
    Type.Literal('other-address', { description: 'It is reserved for another address' }),
  ]),
})
export type RefusedView = Static<typeof refusedView>

/** A time in which every phone that asks is adopted. */
export const adoptionWindowView = Type.Object({ openedAtMs: moment, closesAtMs: moment })

/** Everything that waits for the admin. */
export const foundDevicesView = Type.Object({
  found: Type.Array(foundDeviceView),
  window: nullable(adoptionWindowView),
  refused: Type.Array(refusedView),
})
export type FoundDevicesView = Static<typeof foundDevicesView>

/** How long phones are to be adopted unseen. */
export const openWindow = Type.Object(
  { minutes: Type.Integer({ minimum: 5, maximum: 60 }) },
  { additionalProperties: false },
)

/** Whom a phone's configuration may go out to once more. */
export const allowAgainBody = Type.Object(
  {
    from: Type.Optional(
      Type.String({
        maxLength: 45,
        pattern: '^[0-9A-Fa-f.:]+$',
        description:
          'The address that was shown, and the only one that is then served; otherwise the latest that asked',
      }),
    ),
  },
  { additionalProperties: false },
)
