import { Type, type Static } from 'typebox'
import { nullable } from './common.ts'

const password = Type.String({ minLength: 10, maxLength: 200, description: 'At least 10 characters' })

/** What the page must show first: claim, login, or itself. */
export const sessionView = Type.Object({
  claimed: nullable(Type.Boolean({ description: 'null: not known while the database is not running' })),
  loggedIn: Type.Boolean(),
  lab: Type.Boolean(),
  version: Type.String(),
})
export type SessionView = Static<typeof sessionView>

/** The one-time code from the console and the password the new owner chooses. */
export const claimBody = Type.Object(
  { code: Type.String({ minLength: 1, maxLength: 32 }), password },
  { additionalProperties: false },
)

export const loginBody = Type.Object(
  { password: Type.String({ minLength: 1, maxLength: 200 }) },
  { additionalProperties: false },
)

export const passwordBody = Type.Object(
  { currentPassword: Type.String({ minLength: 1, maxLength: 200 }), newPassword: password },
  { additionalProperties: false },
)
