import { Type } from 'typebox'
import { closed, field } from './setting-schema.ts'

/** What is kept of the signalling, and where copies go. */
export const traceSettings = Type.Object(
  {
    enabled: field(
      Type.Boolean({ default: true }),
      'Keep recent SIP messages in memory, for the signalling of calls',
      'live',
    ),
    megabytes: field(
      Type.Integer({ minimum: 1, maximum: 512, default: 16 }),
      'Memory for recent SIP messages, megabytes',
      'live',
    ),
    hours: field(
      Type.Integer({ minimum: 1, maximum: 720, default: 72 }),
      'Age at which SIP messages are forgotten, hours',
      'live',
    ),
    homer: Type.Object(
      {
        enabled: field(
          Type.Boolean({ default: false }),
          'Send a copy of every SIP message to a Homer collector (HEP 3)',
          'live',
        ),
        host: field(
          Type.String({
            default: '127.0.0.1',
            minLength: 1,
            maxLength: 253,
            pattern: '^[A-Za-z0-9.:-]+$',
          }),
          'Address or name of the Homer collector',
          'live',
        ),
        port: field(
          Type.Integer({ minimum: 1, maximum: 65535, default: 9060 }),
          'Port of the Homer collector',
          'live',
        ),
        protocol: field(
          Type.Union([Type.Literal('udp'), Type.Literal('tcp')], { default: 'udp' }),
          'Transport to the Homer collector',
          'live',
        ),
        captureId: field(
          Type.Integer({ minimum: 1, maximum: 4294967295, default: 2001 }),
          'Capture id of this box in Homer',
          'live',
        ),
        unmasked: field(
          Type.Boolean({ default: false }),
          'Send passwords’ digests, SRTP keys, key presses and texts to Homer as well',
          'live',
        ),
      },
      closed,
    ),
  },
  closed,
)
