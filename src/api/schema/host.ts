import { Type, type Static } from 'typebox'

/** The machine below the box. */
export const hostView = Type.Object({
  ownsMachine: Type.Boolean({
    description: 'True on the image: a reboot is the machine’s, network and time zone can be set',
  }),
  timeZone: Type.String({ description: 'Time zone of the machine, IANA name' }),
})
export type HostView = Static<typeof hostView>

/** What has to be typed for a factory reset. */
export const factoryResetText = 'factory reset'

export const factoryResetBody = Type.Object(
  {
    password: Type.String({ minLength: 1, maxLength: 200, description: 'The admin’s, once more' }),
    confirmation: Type.String({ maxLength: 40, description: `“${factoryResetText}”, typed` }),
  },
  { additionalProperties: false },
)

export const timeZoneBody = Type.Object(
  {
    timeZone: Type.String({
      minLength: 1,
      maxLength: 64,
      pattern: '^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}$',
    }),
  },
  { additionalProperties: false },
)

/** The box is about to go away for a while. */
export const goingDown = Type.Object({
  machine: Type.Boolean({ description: 'True: the whole machine, false: the program only' }),
  liveCalls: Type.Integer({ description: 'Calls that are given time to end first' }),
})
export type GoingDown = Static<typeof goingDown>
