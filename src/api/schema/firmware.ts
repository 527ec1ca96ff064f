import { Type, type Static } from 'typebox'

/** How a device's firmware stands to the minimum and the approved version of its model. */
export const firmwareView = Type.Object({
  state: Type.Union([
    Type.Literal('approved'),
    Type.Literal('newer'),
    Type.Literal('between'),
    Type.Literal('below-minimum'),
    Type.Literal('other-train'),
    Type.Literal('unreadable'),
    Type.Literal('unknown'),
  ]),
  text: Type.String({ description: 'One sentence for the admin' }),
})
export type FirmwareView = Static<typeof firmwareView>
