import { Type, type Static, type TNull, type TSchema, type TUnion } from 'typebox'

/** A value that may be absent; JSON carries null, never a missing key, so that pages need not guess. */
export function nullable<T extends TSchema>(schema: T): TUnion<[T, TNull]> {
  return Type.Union([schema, Type.Null()])
}

/** A moment, epoch ms. */
export const moment = Type.Integer({ description: 'Epoch milliseconds' })

/** Every refusal and failure has this one shape. */
export const errorView = Type.Object(
  {
    code: Type.String({ description: 'Stable code from the error table' }),
    text: Type.String({ description: 'One sentence for a person' }),
    details: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    advice: Type.Optional(Type.String({ description: 'How to mend it' })),
  },
  { title: 'Error' },
)
export type ErrorView = Static<typeof errorView>

/** Path parameter of everything that is found by id. */
export const idParams = Type.Object({ id: Type.String({ minLength: 1, maxLength: 100 }) })

/** Answer of a change that has nothing to tell. */
export const noContent = Type.Null({ description: 'Done' })

/** A name that people give to a thing: one line, not blank. */
export const labelText = Type.String({
  minLength: 1,
  maxLength: 60,
  // Control characters would break phone displays and configuration files; a blank name names nothing.
  pattern: '^[^\\u0000-\\u001f\\u007f]*[^\\s\\u0000-\\u001f\\u007f][^\\u0000-\\u001f\\u007f]*$',
})
