import { Type, type Static } from 'typebox'
import { moment, nullable } from './common.ts'

/** One side of a call, with the device it was on. */
export const partyView = Type.Object({
  kind: Type.Union([Type.Literal('line'), Type.Literal('trunk'), Type.Literal('service')]),
  id: Type.String(),
  number: Type.String(),
  displayName: nullable(Type.String()),
  deviceLabel: nullable(Type.String({ description: 'The device, when the side is a line of this box' })),
})
export type PartyView = Static<typeof partyView>

/** A call that is going on. */
export const liveCallView = Type.Object({
  id: Type.String(),
  state: Type.Union([
    Type.Literal('routing'),
    Type.Literal('ringing'),
    Type.Literal('answered'),
    Type.Literal('ending'),
  ]),
  startedAtMs: moment,
  answeredAtMs: nullable(moment),
  caller: partyView,
  dialled: Type.String(),
  callees: Type.Array(partyView),
})
export type LiveCallView = Static<typeof liveCallView>

/** All live calls and the box's time, so that a page with a wrong clock counts durations right. */
export const liveCallsView = Type.Object({ nowMs: moment, calls: Type.Array(liveCallView) })
export type LiveCallsView = Static<typeof liveCallsView>

/** An ended call with its explanation. */
export const callView = Type.Object({
  id: Type.String(),
  startedAtMs: moment,
  answeredAtMs: nullable(moment),
  endedAtMs: moment,
  caller: partyView,
  dialled: Type.String(),
  callee: nullable(partyView),
  cause: Type.String(),
  sipStatus: Type.Integer(),
  explanation: Type.String(),
})
export type CallView = Static<typeof callView>

/** A page of the call log, latest first; `next` asks for the page after it. */
export const callPage = Type.Object({
  total: Type.Integer(),
  calls: Type.Array(callView),
  next: nullable(moment),
})
export type CallPage = Static<typeof callPage>
