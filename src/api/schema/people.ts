import { Type, type Static } from 'typebox'
import { nullable } from './common.ts'

/** A calling policy as Teams names its switches. */
export const policyView = Type.Object(
  {
    allowSipDevicesCalling: Type.Boolean({ description: 'AllowSIPDevicesCalling' }),
    allowCallRedirect: Type.Boolean({ description: 'AllowCallRedirect' }),
    busyOnBusy: Type.Boolean(),
    emergencyLocationRequired: Type.Boolean(),
  },
  { additionalProperties: false },
)
export type PolicyView = Static<typeof policyView>

/** A person, the lines they are signed in on, and the policy that holds for them. */
export const personView = Type.Object({
  id: Type.String(),
  upn: Type.String(),
  displayName: Type.String(),
  number: nullable(Type.String()),
  licensed: Type.Boolean(),
  lab: Type.Boolean(),
  lines: Type.Array(
    Type.Object({
      lineId: Type.String(),
      deviceId: Type.String(),
      deviceLabel: Type.String(),
      registered: Type.Boolean(),
    }),
  ),
  policy: policyView,
  ownPolicy: Type.Boolean({ description: 'False: the Global policy holds for this person' }),
})
export type PersonView = Static<typeof personView>

/** Everybody the box knows, and the Global policy. */
export const peopleView = Type.Object({ global: policyView, people: Type.Array(personView) })
export type PeopleView = Static<typeof peopleView>

/** The lab tenant: who to sign in as and whom to call. */
export const labView = Type.Object({
  on: Type.Boolean(),
  pageUrl: nullable(Type.String({ description: 'Where a sign-in code is entered' })),
  people: Type.Array(
    Type.Object({
      id: Type.String(),
      upn: Type.String(),
      displayName: Type.String(),
      number: nullable(Type.String()),
      canSignIn: Type.Boolean(),
      purpose: Type.String(),
    }),
  ),
})
export type LabView = Static<typeof labView>
