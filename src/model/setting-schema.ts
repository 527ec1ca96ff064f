import { Type, type TSchema } from 'typebox'

/** When a change takes effect: at once, with a restart of the SIP and media parts, or with the process. */
type Applies = 'live' | 'sip' | 'reboot'

/** Gives a setting its title and says when a change takes effect. */
export function field<T extends TSchema>(schema: T, title: string, applies: Applies): T {
  // Not a spread: typebox marks an optional field by a property that is not enumerable.
  return Object.defineProperties(schema, {
    title: { value: title, enumerable: true },
    'x-applies': { value: applies, enumerable: true },
  })
}

/** A port; 0 = any free one. */
export const port = (fallback: number): ReturnType<typeof Type.Integer> =>
  Type.Integer({ minimum: 0, maximum: 65535, default: fallback })

/** Options of a group: unknown fields are refused, and it is there with its defaults when nobody names it. */
export const closed = { additionalProperties: false, default: {} }
