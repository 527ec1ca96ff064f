import { Type, type Static } from 'typebox'
import { moment, nullable } from './common.ts'

/** How one part of the box is. */
export const partView = Type.Object({
  name: Type.String(),
  state: Type.Union([
    Type.Literal('ok'),
    Type.Literal('starting'),
    Type.Literal('degraded'),
    Type.Literal('failed'),
    Type.Literal('off'),
  ]),
  detail: Type.String(),
  advice: nullable(Type.String()),
})
export type PartView = Static<typeof partView>

/** How the whole box is. */
export const healthView = Type.Object({
  state: Type.Union([
    Type.Literal('ok'),
    Type.Literal('starting'),
    Type.Literal('degraded'),
    Type.Literal('failed'),
  ]),
  version: Type.String(),
  lab: Type.Boolean({ description: 'The lab tenant is on' }),
  uptimeS: Type.Integer(),
  parts: Type.Array(partView),
})
export type HealthView = Static<typeof healthView>

/** A trunk and its far hosts. */
export const trunkView = Type.Object({
  name: Type.String(),
  state: Type.Union([
    Type.Literal('up'),
    Type.Literal('degraded'),
    Type.Literal('down'),
    Type.Literal('off'),
  ]),
  hosts: Type.Array(
    Type.Object({
      name: Type.String(),
      up: Type.Boolean(),
      lastOkAtMs: nullable(moment),
      lastError: nullable(Type.String()),
    }),
  ),
})
export type TrunkView = Static<typeof trunkView>

/** The first page: what works, what does not, and how much is going on. */
export const statusView = Type.Object({
  health: healthView,
  callsRunning: Type.Boolean({ description: 'False while the call side is not running' }),
  signInRunning: Type.Boolean({ description: 'False while there is no tenant to sign in to' }),
  trunks: Type.Array(trunkView),
  counts: Type.Object({
    devices: Type.Integer(),
    lines: Type.Integer(),
    registeredLines: Type.Integer(),
    signedInLines: Type.Integer(),
    liveCalls: Type.Integer(),
    loggedCalls: Type.Integer(),
  }),
  sipDevicesAllowed: Type.Boolean({ description: 'Somebody may sign in on a phone' }),
})
export type StatusView = Static<typeof statusView>
