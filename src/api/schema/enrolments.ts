import { Type, type Static } from 'typebox'
import { labelText, moment, nullable } from './common.ts'
import { deviceView } from './devices.ts'

/** An announced common area phone: what to dial on it, and what became of it. */
export const enrolmentView = Type.Object({
  id: Type.String(),
  mac: nullable(Type.String({ description: 'Twelve lower-case hexadecimal digits' })),
  ipei: nullable(Type.String({ description: 'Of a DECT handset, 13 characters' })),
  label: Type.String(),
  location: Type.String(),
  state: Type.Union([
    Type.Literal('waiting', { description: 'Its code can be dialled on the device' }),
    Type.Literal('enrolled', { description: 'The code was dialled on the device' }),
    Type.Literal('expired', { description: 'Nobody dialled the code in time' }),
  ]),
  code: nullable(Type.String({ description: 'Digits to dial behind *55*; null when it works no more' })),
  createdAtMs: moment,
  expiresAtMs: moment,
  usedAtMs: nullable(moment),
  device: nullable(
    Type.Object(
      {
        id: Type.String(),
        label: Type.String(),
        state: deviceView.properties.state,
        model: nullable(Type.String()),
      },
      { description: 'The device with this address; null while the box never saw it' },
    ),
  ),
})
export type EnrolmentView = Static<typeof enrolmentView>

export const enrolmentsView = Type.Object({
  enrolments: Type.Array(enrolmentView),
  codeLifeMs: Type.Integer({ description: 'How long a new code is valid, milliseconds' }),
})
export type EnrolmentsView = Static<typeof enrolmentsView>

/** A place as people describe it: one line, not blank. */
const locationText = Type.String({
  minLength: 1,
  maxLength: 100,
  pattern: '^[^\\u0000-\\u001f\\u007f]*[^\\s\\u0000-\\u001f\\u007f][^\\u0000-\\u001f\\u007f]*$',
})

/** Devices to announce, all or nothing. */
export const newEnrolments = Type.Object(
  {
    devices: Type.Array(
      Type.Object(
        {
          address: Type.String({
            minLength: 1,
            maxLength: 40,
            description: 'MAC address, or IPEI of a DECT handset, as printed',
          }),
          label: labelText,
          location: locationText,
        },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: 1000 },
    ),
  },
  { additionalProperties: false },
)
export type NewEnrolments = Static<typeof newEnrolments>

/** What an uploaded file would announce, line by line. */
export const previewView = Type.Object({
  good: Type.Array(
    Type.Object({
      line: Type.Integer({ description: 'Line of the file, from 1' }),
      address: Type.String(),
      label: Type.String(),
      location: Type.String(),
      note: nullable(Type.String({ description: 'What the box knows of this device already' })),
    }),
  ),
  broken: Type.Array(
    Type.Object({
      line: Type.Integer(),
      address: Type.String({ description: 'As it stands in the file; may be empty' }),
      text: Type.String({ description: 'Why this line cannot be announced' }),
    }),
  ),
})
export type PreviewView = Static<typeof previewView>

/** A device that has no place on the box any more. */
export const offBoardedView = Type.Object({
  deviceId: Type.String(),
  label: Type.String(),
  address: nullable(Type.String({ description: 'MAC address or IPEI for people; null for a softphone' })),
  atMs: moment,
  reason: Type.Union([Type.Literal('stale'), Type.Literal('admin')]),
  text: Type.String({ description: 'Why, in a sentence' }),
})
export type OffBoardedView = Static<typeof offBoardedView>

export const offBoardedListView = Type.Object({
  devices: Type.Array(offBoardedView),
  signedInStaleDays: Type.Integer(),
  signedOutStaleDays: Type.Integer(),
})
export type OffBoardedListView = Static<typeof offBoardedListView>
