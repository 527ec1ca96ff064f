import { Type, type Static } from 'typebox'
import { moment, nullable } from './common.ts'

/** One setting as the page shows it. */
export const settingsField = Type.Object({
  path: Type.String({ description: 'For example sip.udpPort' }),
  title: Type.String(),
  applies: Type.Union([Type.Literal('live'), Type.Literal('sip'), Type.Literal('reboot')]),
  kind: Type.Union([
    Type.Literal('text'),
    Type.Literal('integer'),
    Type.Literal('boolean'),
    Type.Literal('choice'),
    Type.Literal('list'),
    Type.Literal('json'),
  ]),
  choices: Type.Array(Type.String()),
  minimum: nullable(Type.Number()),
  maximum: nullable(Type.Number()),
  pattern: nullable(Type.String()),
  optional: Type.Boolean(),
  secret: Type.Boolean({ description: 'The value is never shown' }),
  default: Type.Unknown(),
  value: Type.Unknown({ description: 'null: not set, or secret' }),
  saved: Type.Boolean({ description: 'False: the default holds' }),
})
export type SettingsField = Static<typeof settingsField>

/** All settings; `etag` goes back in If-Match. */
export const settingsView = Type.Object({
  etag: Type.String(),
  fields: Type.Array(settingsField),
  pendingRestart: Type.Array(Type.String(), { description: 'Saved, and not in force before a restart' }),
  problems: Type.Array(Type.Object({ field: Type.String(), text: Type.String() }), {
    description: 'Saved settings that cannot be used; the box runs without them until they are taken out',
  }),
})
export type SettingsView = Static<typeof settingsView>

/** What a change did. */
export const settingsChanged = Type.Object({
  etag: Type.String(),
  applied: Type.Array(Type.String()),
  pendingRestart: Type.Array(Type.String()),
})
export type SettingsChanged = Static<typeof settingsChanged>

/** The box is about to restart. */
export const restarting = Type.Object({
  liveCalls: Type.Integer({ description: 'Calls that are given time to end first' }),
})

/** A page of the audit log, latest first. */
export const auditPage = Type.Object({
  entries: Type.Array(
    Type.Object({
      id: Type.Integer(),
      atMs: moment,
      actor: Type.String(),
      action: Type.String(),
      subject: Type.String(),
      details: Type.Record(Type.String(), Type.Unknown()),
    }),
  ),
  next: nullable(Type.Integer()),
})
export type AuditPage = Static<typeof auditPage>
